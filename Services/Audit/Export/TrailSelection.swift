import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// What goes into a file, settled when it began: the same whatever is written meanwhile.
struct TrailSelection: Sendable {
    let tenant: TenantID
    let filter: TrailExportFilter
    /// What the plan showed then.
    let retention: RetentionWindow
    /// What was signed of the tree then.
    let tree: Tree

    struct Tree: Sendable {
        /// How many entries it had.
        let size: Int64
        let root: Data

        static let empty = Tree(size: 0, root: MerkleTree.emptyRoot)

        /// As it is signed now.
        static func read(of tenant: TenantID, in transaction: Transaction) async throws -> Tree {
            try await TrailCheckpoint.read(of: tenant, in: transaction).map { Tree(size: $0.size, root: $0.root) } ?? .empty
        }
    }

    var through: Int64 { tree.size }

    /// The numbers of the entries, in order, at most `limit`; the transaction is in the company's name.
    func numbers(limit: Int, in transaction: Transaction) async throws -> [Int64] {
        let search = try filter.search()
        var conditions = [try condition(search)]
        let driver = SearchCompiler.driver(of: search.terms)
        if !driver.isEmpty {
            // The index of words knows what may fit; the conditions look again.
            let classes = retention.classes ?? RetentionClass.allCases.map(\.rawValue) + ["hold"]
            conditions.append(
                """
                e.id in (select * from find_trail_events(
                    \(driver.words), \(driver.prefixes), \(driver.entries), null, \(classes), \(retention.lowest)))
                """)
        }
        return try await transaction.query(
            """
            select e.seq from \(TrailStore.source) where e.tenant_id = \(tenant) and e.seq <= \(through)
              and \(SQL.joined(conditions, separator: " and ")) order by e.seq limit \(limit)
            """
        ).map { try $0.decode("seq", as: Int64.self) }
    }

    /// The entries behind the number `after`, up to and with `last`.
    func entries(after: Int64, through last: Int64) throws -> SQL {
        let condition = try condition(try filter.search())
        return """
            select \(TrailStore.columns) from \(TrailStore.source)
            where e.tenant_id = \(tenant) and e.seq > \(after) and e.seq <= \(min(last, through)) and \(condition) order by e.seq
            """
    }

    /// The entries of these numbers.
    func entries(_ numbers: [Int64]) -> SQL {
        """
        select \(TrailStore.columns) from \(TrailStore.source) where e.tenant_id = \(tenant) and e.seq = any(\(numbers)) order by e.seq
        """
    }

    private func condition(_ search: TrailSearch) throws -> SQL {
        let span = try search.window(now: retention.now)
        var conditions = [retention.condition]
        if let from = span.from { conditions.append("e.id >= \(UUID.lowest(at: from))") }
        if let to = span.to { conditions.append("e.id < \(UUID.lowest(at: to))") }
        conditions += search.terms.map { SearchCompiler.condition($0, tenant: tenant) }
        return SQL.joined(conditions, separator: " and ")
    }
}
