import Contracts
import Foundation
import Metrics
import Synchronization

/// Holds what comes in until it is written, at most so much of it: whoever answers a request never waits for the database.
///
/// The same visitor's same act is one entry with a count, so that nobody fills the table by asking again and again.
final class HitBuffer: Sendable {
    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let send: SendID
        let kind: TrackingToken.Kind
        let link: UInt16
        let links: UInt16
        let visitor: Visitor
    }

    struct Entry: Sendable, Equatable {
        /// Of the first.
        var at: Date
        var times: Int
    }

    private let limit: Int
    private let entries = Mutex<[Key: Entry]>([:])
    private let dropped = Counter(label: "delivery_tracking_dropped_total")

    init(limit: Int = 50_000) {
        self.limit = limit
    }

    /// False when there is no room for it; it is counted as dropped.
    @discardableResult
    func add(_ key: Key, at instant: Date) -> Bool {
        let isTaken = entries.withLock { Self.merge(Entry(at: instant, times: 1), under: key, into: &$0, limit: limit) }
        if !isTaken { dropped.increment() }
        return isTaken
    }

    /// Everything, and begins anew.
    func take() -> [Key: Entry] {
        entries.withLock { entries in
            defer { entries = [:] }
            return entries
        }
    }

    /// What could not be written waits for the next try, as far as there is room.
    func putBack(_ batch: [Key: Entry]) {
        let lost = entries.withLock { entries in
            batch.reduce(0) { Self.merge($1.value, under: $1.key, into: &entries, limit: limit) ? $0 : $0 + $1.value.times }
        }
        if lost > 0 { dropped.increment(by: lost) }
    }

    private static func merge(_ entry: Entry, under key: Key, into entries: inout [Key: Entry], limit: Int) -> Bool {
        if let known = entries[key] {
            entries[key] = Entry(at: min(known.at, entry.at), times: min(known.times + entry.times, 1_000_000))
            return true
        }
        guard entries.count < limit else { return false }
        entries[key] = entry
        return true
    }
}
