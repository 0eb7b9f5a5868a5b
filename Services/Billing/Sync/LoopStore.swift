import Foundation
import Postgres
import Primitives

/// Work that one process does at a time, now and then: the row of each says who does it and what came of it.
struct LoopStore: Sendable {
    enum Name: String, Sendable {
        case reconcile, sweep, connect
    }

    /// How long whoever has begun is believed to be at it.
    static let claim: TimeInterval = 30 * 60
    /// How soon it is tried again when it did not work.
    static let pause: TimeInterval = 10 * 60

    let database: Database
    let clock: WallClock

    /// True for the one who is to do it now.
    func begin(_ name: Name, every interval: TimeInterval) async throws -> Bool {
        let now = clock.now
        return try await database.query(
            """
            update billing_loops set claimed_until = \(now + Self.claim) where name = \(name)
              and (last_run_at is null or last_run_at <= \(now - interval)) and (claimed_until is null or claimed_until <= \(now))
            """
        ).affected > 0
    }

    /// Still at it.
    func goOn(_ name: Name) async throws {
        try await database.query("update billing_loops set claimed_until = \(clock.now + Self.claim) where name = \(name)")
    }

    func end(_ name: Name, _ outcome: some Encodable) async throws {
        let json = try PostgresJSON(outcome)
        try await database.query(
            """
            update billing_loops set last_run_at = \(clock.now), claimed_until = null, outcome = \(json: json)
            where name = \(name)
            """)
    }

    func fail(_ name: Name, _ reason: String) async throws {
        let outcome = try PostgresJSON(["error": String(reason.prefix(300))])
        try await database.query(
            "update billing_loops set claimed_until = \(clock.now + Self.pause), outcome = \(json: outcome) where name = \(name)")
    }
}
