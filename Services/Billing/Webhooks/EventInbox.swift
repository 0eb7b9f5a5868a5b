import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of what Stripe told.
enum EventInbox {
    /// Somebody else has brought it to its end.
    struct AlreadyHandled: Error {}

    /// How long whoever takes an event has it; after that another may take it.
    static let lease: TimeInterval = 300

    /// False when it came before. Works for the role of requests, which may write nothing else and read nothing.
    @discardableResult
    static func insert(
        _ event: StripeEvent, source: InboxEvent.Source, note: String?, at now: Date, in database: Database
    ) async throws(PostgresError) -> Bool {
        let hint = event.data.object
        return try await database.query(
            """
            insert into stripe_events
                (account, id, type, api_version, object_type, object_id, customer, created_at, received_at, source, note, next_at)
            values (\(event.account ?? ""), \(event.id), \(event.type), \(event.apiVersion), \(hint.object), \(hint.id), \(hint.customer),
                    \(event.created), \(now), \(source), \(note), \(now)) on conflict do nothing
            """
        ).affected > 0
    }

    /// Takes the next ones for a while; nobody waits for anybody.
    static func claim(limit: Int, at now: Date, in database: Database) async throws -> [InboxEvent] {
        try await database.query(
            """
            update stripe_events e set attempts = e.attempts + 1, next_at = \(now.addingTimeInterval(lease))
            from (select account, id from stripe_events where state in ('pending', 'parked') and next_at <= \(now)
                  order by next_at, created_at, id limit \(limit) for update skip locked) d
            where e.account = d.account and e.id = d.id
            returning e.account, e.id, e.type, e.object_type, e.object_id, e.customer, e.created_at, e.received_at, e.attempts
            """
        ).map(InboxEvent.init(row:)).sorted { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Whether a later event of the same kind has had its effect on the tenant.
    static func hasLater(than event: InboxEvent, of tenant: TenantID, in database: Database) async throws(PostgresError) -> Bool {
        try await !database.query(
            """
            select 1 as one from stripe_events where tenant_id = \(tenant) and account = \(event.account) and type = \(event.type) and state = 'done'
              and created_at > \(event.createdAt) limit 1
            """
        ).isEmpty
    }

    /// It has had its effect: in the transaction of the effect, so that there is one of each.
    static func finish(_ event: InboxEvent, of tenant: TenantID?, at now: Date, in transaction: Transaction) async throws {
        let finished = try await transaction.query(
            """
            update stripe_events set state = 'done', tenant_id = \(tenant), handled_at = \(now), error = null
            where account = \(event.account) and id = \(event.id) and state in ('pending', 'parked')
            """
        ).affected
        guard finished > 0 else { throw AlreadyHandled() }
    }

    /// It needs no effect.
    static func ignore(_ event: InboxEvent, at now: Date, in database: Database) async throws {
        try await database.query(
            """
            update stripe_events set state = 'ignored', handled_at = \(now), error = null
            where account = \(event.account) and id = \(event.id) and state in ('pending', 'parked')
            """)
    }

    enum Later: String, Sendable {
        /// Something did not answer.
        case pending
        /// What it is about is nobody's yet.
        case parked
        /// A person has to look.
        case failed
    }

    /// It comes up again at `next`, or never when it has failed.
    static func postpone(_ event: InboxEvent, as state: Later, error: String, until next: Date, at now: Date, in database: Database) async throws {
        try await database.query(
            """
            update stripe_events set state = \(state), error = \(String(error.prefix(300))), next_at = \(next),
                handled_at = \(state == .failed ? now : nil)
            where account = \(event.account) and id = \(event.id) and state in ('pending', 'parked')
            """)
    }

    /// Forgets a batch of those in these states that came before `instant`; true when nothing is left.
    static func prune(_ states: [String], before instant: Date, batch: Int = 1_000, in database: Database) async throws -> Bool {
        try await database.query(
            """
            delete from stripe_events where ctid = any(array(
                select ctid from stripe_events where state = any(\(states)) and received_at < \(instant) limit \(batch)))
            """
        ).affected < batch
    }
}
