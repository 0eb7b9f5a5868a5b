import Contracts
import Foundation
import Postgres
import Primitives
import Synchronization

/// What the database says of the end of a company's tree, before anything is added to it.
struct StoredHead: Sendable {
    /// Tiles are looked at up to this level: 256^5 entries.
    static let levels = 5

    let tenant: TenantID
    let size: Int64
    let frontier: Data
    /// The newest of the tree, nil when there is none.
    var checkpoint: TrailCheckpoint?
    /// Of each level, how many bytes stand in the tile that grows next.
    var tileBytes: [Int: Int] = [:]

    /// The tree as it can be gone on with; throws ``TreeDamage`` when it is not what was signed last.
    ///
    /// Without this the service would sign whatever somebody has written into the head.
    func verified(by signer: CheckpointSigner, after known: Int64) throws(TreeDamage) -> MerkleFrontier {
        guard let tree = MerkleFrontier(size: size, bytes: frontier) else { throw TreeDamage("its head is none") }
        if let checkpoint {
            guard checkpoint.size == size, checkpoint.root == tree.root else { throw TreeDamage("its head is not what was signed last") }
            guard signer.confirms(checkpoint.note, tenant: tenant, size: size, root: tree.root) else {
                throw TreeDamage("its last checkpoint was not signed by this service")
            }
        } else if size > 0 {
            throw TreeDamage("it has entries and no checkpoint")
        }
        guard size >= known else { throw TreeDamage("it was set back from \(known) entries to \(size)") }
        for level in 0..<Self.levels {
            let expected = 32 * Int((size >> Int64(8 * level)) & (TileGrowth.width - 1))
            guard tileBytes[level] ?? 0 == expected else { throw TreeDamage("a tile of level \(level) is not as long as the tree says") }
        }
        return tree
    }
}

/// Why nothing may be added to a company's tree before somebody has looked at it.
struct TreeDamage: Error, Sendable, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// How large each tree was when this process last saw it signed: whoever sets the whole database back meanwhile is found out.
final class KnownSizes: Sendable {
    private let sizes = Mutex<[TenantID: Int64]>([:])

    subscript(tenant: TenantID) -> Int64 { sizes.withLock { $0[tenant] ?? 0 } }

    /// Of a tree that stands committed in the database.
    func saw(_ tenant: TenantID, size: Int64) {
        sizes.withLock { $0[tenant] = max($0[tenant] ?? 0, size) }
    }
}
