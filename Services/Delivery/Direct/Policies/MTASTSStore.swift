import Foundation
import Postgres

/// What is remembered of a domain's policy.
struct MTASTSMemory: Sendable, Equatable {
    var policyID: String?
    var policy: MTASTSPolicy?
    var fetchedAt: Date?
    var expiresAt: Date?
    /// When DNS was last asked whether there is another.
    var checkedAt: Date
    var failure: String?
    var failedAt: Date?

    /// The policy that holds at `now`, whatever has failed since it was fetched.
    func policy(at now: Date) -> MTASTSPolicy? {
        expiresAt.map { $0 > now } ?? false ? policy : nil
    }
}

/// The SQL of cached policies.
struct MTASTSStore: Sendable {
    let database: Database

    func find(_ domain: String) async throws -> MTASTSMemory? {
        try await database.query(
            """
            select policy_id, mode, mx, lines, fetched_at, expires_at, checked_at, failure, failed_at from mta_sts_policies where domain = \(domain)
            """
        ).first.map { row in
            let fetched = try row.decodeOptional("fetched_at", as: Date.self)
            let expires = try row.decodeOptional("expires_at", as: Date.self)
            let mode = try row.decodeOptional("mode", as: String.self).flatMap(MTASTSPolicy.Mode.init)
            let policy = try mode.map { mode in
                let age = fetched.flatMap { fetched in expires.map { Int($0.timeIntervalSince(fetched)) } } ?? 0
                return MTASTSPolicy(mode: mode, mx: try row.decode("mx"), maxAge: age, lines: try row.decode("lines"))
            }
            return MTASTSMemory(
                policyID: try row.decodeOptional("policy_id"), policy: policy, fetchedAt: fetched, expiresAt: expires,
                checkedAt: try row.decode("checked_at"), failure: try row.decodeOptional("failure"), failedAt: try row.decodeOptional("failed_at"))
        }
    }

    func put(_ memory: MTASTSMemory, of domain: String) async throws {
        try await database.query(
            """
            insert into mta_sts_policies (domain, policy_id, mode, mx, lines, fetched_at, expires_at, checked_at, failure, failed_at)
            values (\(domain), \(memory.policyID), \(memory.policy?.mode.rawValue), \(memory.policy?.mx ?? []), \(memory.policy?.lines ?? []),
                    \(memory.policy == nil ? nil : memory.fetchedAt), \(memory.policy == nil ? nil : memory.expiresAt), \(memory.checkedAt),
                    \(memory.failure), \(memory.failedAt))
            on conflict (domain) do update set policy_id = excluded.policy_id, mode = excluded.mode, mx = excluded.mx, lines = excluded.lines,
                fetched_at = excluded.fetched_at, expires_at = excluded.expires_at, checked_at = excluded.checked_at, failure = excluded.failure,
                failed_at = excluded.failed_at
            """)
    }

    /// Forgets domains that nobody has written to for long, and whose policies have ended.
    func forget(before instant: Date, now: Date) async throws {
        while try await database.query(
            """
            delete from mta_sts_policies where domain in (
                select domain from mta_sts_policies where checked_at < \(instant) and (expires_at is null or expires_at < \(now))
                order by checked_at limit 5000)
            """
        ).affected >= 5_000 {}
    }
}
