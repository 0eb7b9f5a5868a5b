import Contracts
import Foundation
import Primitives

/// Pages that were read from Stripe, for a minute; afterwards only until a fresh one is there, or while there can be none.
///
/// Holds at most `capacity` pages, and asks for one page once at a time, however many want it.
actor ListCache<Value: Sendable> {
    struct Key: Hashable, Sendable {
        let tenant: TenantID
        let cursor: String?
        let limit: Int
    }

    struct Entry: Sendable {
        let value: Value
        let readAt: Date
    }

    static var freshness: TimeInterval { 60 }
    /// How long somebody who could be shown an older page waits for a fresh one.
    static var patience: Duration { .milliseconds(150) }

    private let capacity: Int
    private let clock: WallClock
    private var entries: [Key: Entry] = [:]
    /// Under way, each with its number: one that is not listed any more, because its tenant changed something meanwhile, is not kept.
    private var reads: [Key: (number: Int, task: Task<Entry, any Error>)] = [:]
    private var begun = 0

    init(capacity: Int = 1_000, clock: WallClock) {
        self.capacity = capacity
        self.clock = clock
    }

    /// The page, at most a minute old if Stripe answers; throws what reading throws when there is none at all.
    func page(_ key: Key, read: @escaping @Sendable () async throws -> Value) async throws -> Entry {
        if let known = entries[key], isFresh(known) { return known }
        let task = if let read = reads[key] { read.task } else { begin(key, read) }
        guard let known = entries[key] else { return try await task.value }
        let deadline = ContinuousClock.now + Self.patience
        while reads[key] != nil, ContinuousClock.now < deadline { try await Task.sleep(for: .milliseconds(5)) }
        return entries[key] ?? known
    }

    /// After something of the tenant's was changed.
    func forget(_ tenant: TenantID) {
        entries = entries.filter { $0.key.tenant != tenant }
        reads = reads.filter { $0.key.tenant != tenant }
    }

    private func isFresh(_ entry: Entry) -> Bool {
        abs(clock.now.timeIntervalSince(entry.readAt)) < Self.freshness
    }

    private func begin(_ key: Key, _ read: @escaping @Sendable () async throws -> Value) -> Task<Entry, any Error> {
        begun += 1
        let number = begun
        let task = Task {
            do {
                let entry = Entry(value: try await read(), readAt: clock.now)
                ended(key, number, entry)
                return entry
            } catch {
                ended(key, number, nil)
                throw error
            }
        }
        reads[key] = (number, task)
        return task
    }

    private func ended(_ key: Key, _ number: Int, _ entry: Entry?) {
        guard reads[key]?.number == number else { return }
        reads[key] = nil
        guard let entry else { return }
        if entries.count >= capacity, entries[key] == nil, let oldest = entries.min(by: { $0.value.readAt < $1.value.readAt }) {
            entries[oldest.key] = nil
        }
        entries[key] = entry
    }
}
