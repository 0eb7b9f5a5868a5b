import Contracts
import Foundation
import Postgres

/// Gives entries their numbers and their places in the trees; no other knows of them until the transaction's end.
struct TrailNumbering: Sendable {
    private(set) var heads: [TenantID: MerkleFrontier]
    let classes: [MonthKey: String]
    /// The nodes that came up, by company.
    private(set) var completed: [TenantID: [MerkleNode]] = [:]

    init(heads: [TenantID: MerkleFrontier], classes: [MonthKey: String]) {
        self.heads = heads
        self.classes = classes
    }

    /// The statements that write these entries, and the numbering after them.
    func rows(of entries: ArraySlice<TrailEntry>) -> (TrailNumbering, [SQL]) {
        var next = self
        let numbered = entries.map { next.number($0) }
        return (next, TrailIntake.rows(of: numbered))
    }

    private mutating func number(_ entry: TrailEntry) -> NumberedEntry {
        var head = heads[entry.tenant] ?? MerkleFrontier()
        let retention = classes[MonthKey(entry)] ?? RetentionPlans.undecided.rawValue
        let numbered = NumberedEntry(entry, seq: head.size + 1, retention: retention)
        completed[entry.tenant, default: []] += head.append(numbered.leaf)
        heads[entry.tenant] = head
        return numbered
    }
}
