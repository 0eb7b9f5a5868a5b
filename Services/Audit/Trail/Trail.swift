import Contracts
import Foundation
import Metrics
import Postgres
import Primitives
import Streams

/// Takes audited events of all services in; the same event again changes nothing.
///
/// Entries are numbered under the lock of their company's head, in the transaction that inserts them, so that a number is visible only when all
/// lower ones are; rows, tree and signed checkpoint are committed together.
struct Trail: Sendable {
    /// The platform's own tree.
    static let platform = TenantID.zero

    let clock: WallClock
    let signer: CheckpointSigner

    /// Throws ``EventRejected`` for an entry out of bounds; then the batch is taken apart and the others land.
    func record(_ events: [ReceivedEvent], from source: ServiceName, in transaction: Transaction) async throws {
        let now = clock.now
        let entries = try events.compactMap { event -> TrailEntry? in
            guard let record = event.header.audit else { return nil }
            if let violation = TrailRules.violation(of: record, in: event.header) { throw EventRejected(violation) }
            return TrailEntry(event.header, record, source: source.rawValue, recordedAt: now)
        }
        try await append(entries, in: transaction)
    }

    /// Adds those that are new, in their order.
    func append(_ entries: [TrailEntry], in transaction: Transaction) async throws {
        guard !entries.isEmpty else { return }
        var heads = try await TrailIntake.lockHeads(of: Array(Set(entries.map(\.tenant))), in: transaction)
        var known = try await TrailIntake.known(entries, in: transaction)
        let fresh = entries.filter { known.insert(EntryKey(tenant: $0.tenant, id: $0.id)).inserted }
        guard !fresh.isEmpty else { return }
        let classes = try await TrailIntake.classes(of: fresh, in: transaction)
        var numbered: [NumberedEntry] = []
        var completed: [TenantID: [MerkleNode]] = [:]
        for entry in fresh {
            var head = heads[entry.tenant] ?? MerkleFrontier()
            let retention = classes[MonthKey(entry)] ?? RetentionPlans.unknown.rawValue
            let next = NumberedEntry(entry, seq: head.size + 1, retention: retention)
            completed[entry.tenant, default: []] += head.append(next.leaf)
            heads[entry.tenant] = head
            numbered.append(next)
        }
        let growths = try completed.map { tenant, nodes -> TreeGrowth in
            let head = heads[tenant] ?? MerkleFrontier()
            let root = head.root
            return TreeGrowth(
                tenant: tenant, head: head, tiles: TileGrowth.of(nodes), root: root,
                note: try signer.note(of: tenant, size: head.size, root: root))
        }
        try await TrailIntake.insert(numbered, growths, at: clock.now, in: transaction)
        Counter(label: "trail_events_total").increment(by: numbered.count)
    }
}
