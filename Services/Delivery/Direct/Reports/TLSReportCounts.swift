import Foundation
import Metrics
import Synchronization

/// Counts sessions in memory until they are written, at most so many kinds of them: a session never waits for the database.
final class TLSReportCounts: Sendable {
    /// A policy as it was when the session was held to it.
    struct Policy: Hashable, Sendable {
        /// The UTC day, `2026-11-28`.
        let day: String
        let domain: String
        let type: TLSPolicyType
    }

    struct Key: Hashable, Sendable {
        let policy: Policy
        let result: TLSReportResult
        var host = ""
        var receiver = ""
        var sender = ""
        var reason = ""
    }

    struct Text: Sendable, Equatable {
        var lines: [String] = []
        var hosts: [String] = []
    }

    struct Batch: Sendable {
        var sessions: [Key: Int] = [:]
        var policies: [Policy: Text] = [:]

        var isEmpty: Bool { sessions.isEmpty }
    }

    private let limit: Int
    private let batch = Mutex(Batch())
    private let dropped = Counter(label: "delivery_tls_sessions_uncounted_total")

    init(limit: Int = 20_000) {
        self.limit = limit
    }

    func add(_ key: Key, text: Text) {
        let isTaken = batch.withLock { batch in
            guard batch.sessions[key] != nil || batch.sessions.count < limit else { return false }
            batch.sessions[key, default: 0] += 1
            batch.policies[key.policy] = text
            return true
        }
        if !isTaken { dropped.increment() }
    }

    /// Everything, and begins anew.
    func take() -> Batch {
        batch.withLock { batch in
            defer { batch = Batch() }
            return batch
        }
    }

    /// What could not be written waits for the next try.
    func putBack(_ old: Batch) {
        batch.withLock { batch in
            for (key, count) in old.sessions where batch.sessions[key] != nil || batch.sessions.count < limit {
                batch.sessions[key, default: 0] += count
            }
            batch.policies.merge(old.policies) { newer, _ in newer }
        }
    }

    /// The day of an instant, as reports name it.
    static func day(of instant: Date) -> String {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        let parts = calendar.dateComponents([.year, .month, .day], from: instant)
        func padded(_ number: Int?, _ width: Int) -> String {
            let text = String(number ?? 0)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        return "\(padded(parts.year, 4))-\(padded(parts.month, 2))-\(padded(parts.day, 2))"
    }
}
