import Contracts
import Foundation
import Postgres

/// What a tree was at a commit, signed.
struct TrailCheckpoint: Encodable, Sendable, Equatable {
    let size: Int64
    let root: Data
    /// The signed note, as it is handed out and verified.
    let note: String
    let at: Date

    static let columns: SQL = "size, root, note, at"

    init(size: Int64, root: Data, note: String, at: Date) {
        self.size = size
        self.root = root
        self.note = note
        self.at = at
    }

    init(_ row: Row) throws {
        size = try row.decode("size")
        root = try row.decode("root")
        note = try row.decode("note")
        at = try row.decode("at")
    }

    /// The newest, or the one of exactly this size; nil when there is none. The transaction is in the company's name, or of the `_worker` role.
    static func read(of tenant: TenantID, size: Int64? = nil, in transaction: Transaction) async throws -> TrailCheckpoint? {
        try await transaction.query(question(of: tenant, size: size)).first.map { try TrailCheckpoint($0) }
    }

    /// The same, to be asked together with something else.
    static func question(of tenant: TenantID, size: Int64? = nil) -> SQL {
        let condition: SQL = size.map { "size = \($0)" } ?? "true"
        return "select \(columns) from trail_checkpoints where tenant_id = \(tenant) and \(condition) order by size desc limit 1"
    }
}
