import Contracts
import Foundation
import Postgres

/// The SQL of taking mails back. Jobs are locked before their sends, in the order of their identifiers: as whoever claims them does, which
/// passes over jobs that are locked.
struct WithdrawalStore: Sendable {
    let tenant: TenantID

    /// A mail whose job nobody has claimed, locked.
    struct Waiting: Sendable {
        let send: UUID
        let queue: String
        let attempt: Int
    }

    /// Those of the keys' mails that wait; whoever is about to claim one is waited for.
    func lockWaiting(_ keys: [String], in transaction: Transaction) async throws -> [Waiting] {
        // The state in words that no partial index fits: the jobs are found by their identifiers.
        try await transaction.query(
            """
            select j.id, j.queue, j.attempt from sends s join jobs j on j.id = s.id and j.tenant_id = s.tenant_id
            where s.tenant_id = \(tenant) and s.send_key = any(\(keys)) and coalesce(j.state, '') in ('queued', 'gated')
            order by j.id for update of j
            """
        ).map { Waiting(send: try $0.decode("id"), queue: try $0.decode("queue"), attempt: try $0.decode("attempt")) }
    }

    /// Forgets planned mails of which nothing may ever have gone out.
    func delete(_ sends: [UUID], in transaction: Transaction) async throws -> Rows {
        try await transaction.query(
            """
            delete from sends where tenant_id = \(tenant) and id = any(\(sends)) and state = 'planned' and deferrals = 0 and data_sent_at is null
            returning id, send_key, reservation_id
            """)
    }

    func deleteJobs(_ sends: [UUID]) -> [SQL] {
        [
            "delete from jobs where id = any(\(sends)) and tenant_id = \(tenant)",
            "delete from send_contents where tenant_id = \(tenant) and send_id = any(\(sends))",
            "delete from job_logs where tenant_id = \(tenant) and job_id = any(\(sends))",
        ]
    }

    /// Ends planned and deferred mails in the ledger; their identifying columns and new versions.
    func cancel(_ sends: [UUID], now: Date, in transaction: Transaction) async throws -> Rows {
        try await transaction.query(
            """
            update sends s set state = 'cancelled', version = s.version + 1, fence = s.fence + 1, resolved_at = \(now)
            where s.tenant_id = \(tenant) and s.id = any(\(sends)) and s.state in ('planned', 'deferred')
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
            """)
    }

    /// Ends those of the mails' jobs that wait; the contents of all go.
    func endJobs(_ sends: [UUID], error: String, now: Date) -> [SQL] {
        [
            """
            update jobs set state = 'cancelled', finished_at = \(now), error = \(error)
            where id = any(\(sends)) and tenant_id = \(tenant) and coalesce(state, '') in ('queued', 'gated')
            """,
            "delete from send_contents where tenant_id = \(tenant) and send_id = any(\(sends))",
        ]
    }

    /// The states of those that are known.
    func states(of keys: [String], in transaction: Transaction) async throws -> [String: String] {
        let rows = try await transaction.query("select send_key, state from sends where tenant_id = \(tenant) and send_key = any(\(keys))")
        return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.decode("send_key"), try $0.decode("state")) })
    }
}
