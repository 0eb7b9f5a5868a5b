import Contracts
import Foundation
import Logging
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
    /// Entries that are numbered and written at once.
    private static let part = 100

    let clock: WallClock
    let signer: CheckpointSigner
    let logger: Logger
    let known = KnownSizes()

    /// Throws ``EventRejected`` for an entry out of bounds; then the batch is taken apart and the others land.
    ///
    /// What belongs into a tree that somebody has damaged is put into quarantine, so that other companies do not wait for it.
    func record(_ events: [ReceivedEvent], from source: ServiceName, in transaction: Transaction) async throws {
        let now = clock.now
        let entries = try events.compactMap { event -> TrailEntry? in
            guard let record = event.header.audit else { return nil }
            if let violation = TrailRules.violation(of: record, in: event.header) { throw EventRejected(violation) }
            return TrailEntry(event.header, record, source: source.rawValue, recordedAt: now)
        }
        let damages = try await append(entries, in: transaction)
        guard !damages.isEmpty else { return }
        let parked = events.filter { $0.header.audit != nil && damages[$0.header.tenant ?? Self.platform] != nil }
        try await TrailIntake.park(parked, from: source, because: damages, in: transaction)
        Counter(label: "events_quarantined_total", dimensions: [("source", source.rawValue)]).increment(by: parked.count)
    }

    /// Adds those that are new, in their order; the trees to which nothing was added, since they are not as they were signed.
    func append(_ entries: [TrailEntry], in transaction: Transaction) async throws -> [TenantID: TreeDamage] {
        guard !entries.isEmpty else { return [:] }
        let stored = try await TrailIntake.lockHeads(of: Array(Set(entries.map(\.tenant))), in: transaction)
        let (heads, damages) = verified(stored)
        let sound = entries.filter { damages[$0.tenant] == nil }
        var present = try await TrailIntake.known(sound, in: transaction)
        let new = sound.filter { present.insert(EntryKey(tenant: $0.tenant, id: $0.id)).inserted }
        guard !new.isEmpty else { return damages }
        let fresh = try await ErasedSubjects.stripped(new, in: transaction)
        let classes = try await TrailIntake.classes(of: fresh, in: transaction)
        let numbering = try await write(fresh, TrailNumbering(heads: heads, classes: classes), in: transaction)
        let growths = try numbering.completed.map { tenant, nodes -> TreeGrowth in
            let head = numbering.heads[tenant] ?? MerkleFrontier()
            let root = head.root
            return TreeGrowth(
                tenant: tenant, head: head, tiles: TileGrowth.of(nodes), root: root,
                note: try signer.note(of: tenant, size: head.size, root: root))
        }
        try await TrailIntake.grow(growths, at: clock.now, in: transaction)
        Counter(label: "trail_events_total").increment(by: fresh.count)
        return damages
    }

    /// Part by part: while the database takes in the rows of one, the next is numbered and hashed on another thread.
    private func write(_ entries: [TrailEntry], _ start: TrailNumbering, in transaction: Transaction) async throws -> TrailNumbering {
        let parts = stride(from: 0, to: entries.count, by: Self.part).map { entries[$0..<min($0 + Self.part, entries.count)] }
        return try await withThrowingTaskGroup(of: (TrailNumbering, [SQL]).self) { group in
            var numbering = start
            for (index, part) in parts.enumerated() {
                let (after, rows) = if index == 0 { numbering.rows(of: part) } else { try await group.next() ?? numbering.rows(of: part) }
                numbering = after
                if index + 1 < parts.count {
                    // Not on the connection's thread, which the body of a transaction prefers.
                    group.addTask(executorPreference: globalConcurrentExecutor) { after.rows(of: parts[index + 1]) }
                }
                try await transaction.pipeline(rows)
            }
            return numbering
        }
    }

    private func verified(_ stored: [StoredHead]) -> ([TenantID: MerkleFrontier], [TenantID: TreeDamage]) {
        var heads: [TenantID: MerkleFrontier] = [:]
        var damages: [TenantID: TreeDamage] = [:]
        for head in stored {
            do {
                heads[head.tenant] = try head.verified(by: signer, after: known[head.tenant])
                known.saw(head.tenant, size: head.size)
            } catch {
                damages[head.tenant] = error
                Counter(label: "trail_damaged_trees_total").increment()
                logger.critical(
                    "a tree of the trail is not as it was signed: its events wait in quarantine",
                    metadata: ["tenant": "\(head.tenant)", "problem": "\(error)"])
            }
        }
        return (heads, damages)
    }
}
