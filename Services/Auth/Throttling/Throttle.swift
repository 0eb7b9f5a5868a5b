import Crypto
import Foundation
import Postgres
import Primitives

/// Slows guessing down: so many failures within a while, then a pause that grows with each further one; never for good.
///
/// The counts live in Postgres, so every replica sees the same and Redis may be away. Keys are digests.
struct Throttle: Sendable {
    /// How much of something is too much.
    struct Rule: Sendable, Equatable {
        let name: String
        let failures: Int
        let window: TimeInterval
        /// The first pause; doubled each time, at most ``longestPause``.
        let pause: TimeInterval

        /// One account from one network.
        static let account = Rule(name: "account", failures: 5, window: 900, pause: 900)
        /// One account from anywhere: slower than a botnet, faster than a forgetful owner.
        static let accountAnywhere = Rule(name: "account-anywhere", failures: 50, window: 86_400, pause: 900)
        /// One account's second factor.
        static let factor = Rule(name: "factor", failures: 10, window: 86_400, pause: 900)
        /// One network, whatever it tries.
        static let network = Rule(name: "network", failures: 50, window: 900, pause: 300)
    }

    static let longestPause: TimeInterval = 14_400

    let database: Database
    let clock: WallClock

    /// What is being tried: under which rules, by which keys.
    struct Attempt: Sendable {
        fileprivate let entries: [(rule: Rule, key: String)]

        /// A sign-in to `address` from `client`; the network of an unknown client is one of its own.
        static func signIn(_ address: String, from client: String?) -> Attempt {
            let network = Network(of: client).text
            return Attempt(entries: [
                (.account, digest(.account, address, network)), (.accountAnywhere, digest(.accountAnywhere, address)),
                (.network, digest(.network, network)),
            ])
        }

        /// A code for the second factor of an account.
        static func factor(of user: String) -> Attempt {
            Attempt(entries: [(.factor, digest(.factor, user))])
        }

        private static func digest(_ rule: Rule, _ parts: String...) -> String {
            "\(rule.name):\(Data(SHA256.hash(data: Data(parts.joined(separator: "|").utf8))).prefix(16).hexadecimal)"
        }
    }

    /// How many seconds to wait before trying; nil when it may be tried now.
    func pause(before attempt: Attempt) async throws -> Int? {
        let now = clock.now
        let rows = try await database.query(
            "select max(blocked_until) as until from throttles where key = any(\(attempt.entries.map(\.key))) and blocked_until > \(now)")
        let until: Date? = try rows[0].decodeOptional("until")
        return until.map { max(1, Int($0.timeIntervalSince(now).rounded(.up))) }
    }

    /// Counts one failure; parallel ones count each.
    func failed(_ attempt: Attempt) async throws {
        let now = clock.now
        // In the order of the keys, so that two failures never wait for each other crosswise.
        let entries = attempt.entries.sorted { $0.key < $1.key }
        try await database.transaction { transaction in
            try await transaction.pipeline(
                entries.map { rule, key in
                    let pauseSeconds = rule.pause
                    return """
                        insert into throttles as t (key, failures, window_ends_at) values (\(key), 1, \(now.addingTimeInterval(rule.window)))
                        on conflict (key) do update set
                            failures = case when t.window_ends_at <= \(now) then 1 when t.failures + 1 >= \(rule.failures) then 0 else t.failures + 1 end,
                            window_ends_at = case when t.window_ends_at <= \(now) then excluded.window_ends_at
                                when t.failures + 1 >= \(rule.failures) then \(now.addingTimeInterval(86_400)) else t.window_ends_at end,
                            blocks = case when t.window_ends_at <= \(now) then 0 when t.failures + 1 >= \(rule.failures) then t.blocks + 1
                                else t.blocks end,
                            blocked_until = case when t.window_ends_at > \(now) and t.failures + 1 >= \(rule.failures)
                                then \(now)::timestamptz + make_interval(secs => least(\(Self.longestPause), \(pauseSeconds) * power(2, least(t.blocks, 10))))
                                else t.blocked_until end
                        """
                })
        }
    }

    /// The right password: what was tried before from here is forgiven.
    func succeeded(_ attempt: Attempt) async throws {
        // The network's own count stays: one good account must not buy guesses at others.
        let keys = attempt.entries.filter { $0.rule != .network }.map(\.key)
        try await database.query("delete from throttles where key = any(\(keys)) and (blocked_until is null or blocked_until <= \(clock.now))")
    }
}

/// Thrown where something was tried too often; the right answer would be refused as well.
struct Throttled: Error {
    /// When to try again.
    let seconds: Int
}

/// Who counts as one: a whole /64 in IPv6, since anybody has one, a single address in IPv4.
struct Network: Sendable, Equatable {
    let text: String

    init(of address: String?) {
        guard let address else {
            text = "unknown"
            return
        }
        var bytes = in6_addr()
        guard inet_pton(AF_INET6, address, &bytes) == 1 else {
            text = address
            return
        }
        text = withUnsafeBytes(of: &bytes) { raw in
            let mapped = raw[0..<10].allSatisfy { $0 == 0 } && raw[10] == 0xFF && raw[11] == 0xFF
            // ::ffff:1.2.3.4 is 1.2.3.4.
            return mapped ? raw[12..<16].map(String.init).joined(separator: ".") : Data(raw[0..<8]).hexadecimal + "/64"
        }
    }
}
