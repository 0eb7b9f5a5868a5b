import Contracts
import Foundation
import Logging
import Postgres
import Streams

/// Takes back claims whose lease has ended: what cannot have been sent is planned again, what may have been is ambiguous.
struct Sweeper: Sendable {
    let database: Database
    let events: SendEvents
    let logger: Logger

    /// How many leases had ended.
    @discardableResult
    func sweep(now: Date) async throws -> Int {
        let swept = try await database.transaction { transaction in
            let jobs = try await transaction.query(
                """
                select id, tenant_id, send_id from jobs where state = 'running' and lease_until < now()
                order by lease_until limit 500 for update skip locked
                """)
            guard !jobs.isEmpty else { return (planned: 0, held: 0) }
            let tenants = try jobs.map { try $0.decode("tenant_id", as: TenantID.self) }
            let sends = try jobs.map { try $0.decode("send_id", as: SendID.self) }
            let held = try await hold(tenants, sends, now: now, in: transaction)
            let planned = try await transaction.query(
                """
                with ledger as (
                    update sends s set state = 'planned', version = s.version + 1, fence = s.fence + 1
                    from unnest(\(tenants), \(sends)) as p (tenant_id, id)
                    where s.tenant_id = p.tenant_id and s.id = p.id and s.state = 'claimed' returning s.tenant_id, s.id, s.fence
                )
                update jobs j set state = 'queued', attempt = j.attempt - 1, fence = l.fence, worker = null, lease_until = null
                from ledger l where j.tenant_id = l.tenant_id and j.send_id = l.id
                """)
            return (planned: planned.affected, held: held)
        }
        if swept.planned + swept.held > 0 {
            logger.notice("took claims back", metadata: ["planned_again": "\(swept.planned)", "held": "\(swept.held)"])
        }
        return swept.planned + swept.held
    }

    /// The body may have reached the server and nobody knows: held, told, and counted as used.
    private func hold(_ tenants: [TenantID], _ sends: [SendID], now: Date, in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            update sends s set state = 'ambiguous', version = s.version + 1, resolved_at = \(now),
                reply_text = 'the worker ended between the mail and the server''s reply'
            from unnest(\(tenants), \(sends)) as p (tenant_id, id)
            where s.tenant_id = p.tenant_id and s.id = p.id and s.state = 'data_sent'
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
            """)
        guard !rows.isEmpty else { return 0 }
        // The fence stays: a late reply of the same attempt may still settle it.
        var statements: [SQL] = [
            """
            update jobs set state = 'failed', finished_at = \(now), worker = null, lease_until = null where (tenant_id, send_id) in (
                select * from unnest(\(try rows.map { try $0.decode("tenant_id", as: TenantID.self) }), \(try rows.map { try $0.decode("id", as: SendID.self) })))
            """
        ]
        let reserved = try rows.compactMap { row in
            try row.decodeOptional("reservation_id", as: ReservationID.self).map { (try row.decode("tenant_id", as: TenantID.self), $0) }
        }
        if !reserved.isEmpty { statements.append(SettlementStore.use(reserved)) }
        try await transaction.pipeline(statements)
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: .ambiguous, at: now) }, at: now, in: transaction)
        return rows.count
    }
}
