import Foundation
import Primitives
import Synchronization

/// Servers that could not be reached rest for all mailboxes of this replica: half a minute, doubled with each failure, a quarter of an hour at most.
final class HostHealth: Sendable {
    static let first: TimeInterval = 30
    static let longest: TimeInterval = 900
    private static let most = 10_000

    private struct Entry {
        var failures = 0
        var until: Date
    }

    private let clock: WallClock
    private let entries = Mutex<[String: Entry]>([:])

    init(clock: WallClock) {
        self.clock = clock
    }

    /// Whether it may be tried.
    func isFit(_ host: String) -> Bool {
        let now = clock.now
        return entries.withLock { $0[host].map { $0.until <= now } ?? true }
    }

    func failed(_ host: String) {
        let now = clock.now
        entries.withLock { entries in
            if entries.count >= Self.most { entries = entries.filter { $0.value.until > now } }
            if entries.count >= Self.most { entries = [:] }
            // Mails that were under way together are one failure.
            if let entry = entries[host], entry.until > now { return }
            let failures = (entries[host]?.failures ?? 0) + 1
            entries[host] = Entry(
                failures: failures, until: now.addingTimeInterval(min(Self.longest, Self.first * pow(2, Double(min(failures - 1, 10))))))
        }
    }

    func answered(_ host: String) {
        entries.withLock { $0[host] = nil }
    }
}
