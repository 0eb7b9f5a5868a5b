import Contracts
import Foundation
import Postgres
import Streams

/// The SQL of admission: what is due, may go out, and has its turn.
struct ClaimStore: Sendable {
    struct Claimed: Sendable {
        let job: UUID
        let tenant: TenantID
        let send: SendID
        let fence: Int64
    }

    struct LostLease: Error {}

    /// How many a mailbox can have admitted at once.
    static let perMailbox = 200

    let database: Database
    let events: SendEvents

    /// Claims up to `limit` jobs of a queue, in one transaction that the dispatcher's fence guards; `scanned` says whether there may be more.
    func claim(
        _ queue: EmailQueue, limit: Int, fence: Int64, holder: String, lease: Double, now: Date
    ) async throws -> (claimed: [Claimed], scanned: Int) {
        try await database.transaction { transaction in
            // Shared with others who read it, in the way of whoever wants to take the lease over.
            let leading = try await transaction.query(
                "select fence from dispatcher_lease where holder = \(holder) and fence = \(fence) and expires_at > now() for share")
            guard !leading.isEmpty else { throw LostLease() }
            let picked = try await pick(queue, limit: limit, in: transaction)
            guard !picked.isEmpty else { return ([], 0) }
            let suppressed = try await suppress(picked, now: now, in: transaction)
            let jobs = picked.filter { !suppressed.contains($0.send) }.map(\.job)
            guard !jobs.isEmpty else { return ([], picked.count) }
            let rows = try await transaction.query(
                """
                with claimed as (
                    update jobs set state = 'running', attempt = attempt + 1, fence = fence + 1, worker = null,
                        lease_until = now() + make_interval(secs => \(lease))
                    where id = any(\(jobs)) returning id, tenant_id, send_id, fence, priority, run_at
                ), ledger as (
                    update sends s set state = 'claimed', version = s.version + 1, fence = c.fence
                    from claimed c where s.tenant_id = c.tenant_id and s.id = c.send_id and s.state in ('planned', 'deferred')
                    returning s.tenant_id, s.id
                )
                select c.id, c.tenant_id, c.send_id, c.fence from claimed c
                join ledger l on l.tenant_id = c.tenant_id and l.id = c.send_id order by c.priority, c.run_at, c.id
                """)
            let claimed = try rows.map { row in
                Claimed(
                    job: try row.decode("id"), tenant: try row.decode("tenant_id"), send: try row.decode("send_id"), fence: try row.decode("fence"))
            }
            return (claimed, picked.count)
        }
    }

    private struct Picked {
        let job: UUID
        let tenant: TenantID
        let send: SendID
    }

    /// Each active mailbox's head, gates checked, first in first out within it; tenants take turns.
    private func pick(_ queue: EmailQueue, limit: Int, in transaction: Transaction) async throws -> [Picked] {
        let rows = try await transaction.query(
            """
            select id, tenant_id, send_id from (
                select h.*, row_number() over (partition by h.tenant_id order by h.priority, h.run_at, h.id) as turn
                from mailboxes m
                cross join lateral (
                    select j.id, j.tenant_id, j.send_id, j.priority, j.run_at from jobs j
                    where j.tenant_id = m.tenant_id and j.mailbox_id = m.id and j.queue = \(queue) and j.state = 'queued' and j.run_at <= now()
                      and not exists (
                          select from send_gates g where g.tenant_id = j.tenant_id and not g.is_open and (g.scope, g.id) in (
                              ('tenant', j.tenant_id::text), ('workspace', j.workspace_id::text), ('campaign', j.campaign_id::text),
                              ('enrolment', j.enrolment_id::text), ('mailbox', j.mailbox_id::text)))
                    order by j.priority, j.run_at, j.id limit \(min(limit, Self.perMailbox)) for update of j skip locked
                ) h
                where m.state = 'active' and exists (select from job_queues q where q.name = \(queue) and q.paused_at is null)
            ) heads order by turn, priority, run_at, id limit \(limit)
            """)
        return try rows.map { Picked(job: try $0.decode("id"), tenant: try $0.decode("tenant_id"), send: try $0.decode("send_id")) }
    }

    /// Takes out those who must not be written to, for good; the reservation gets its mails back.
    private func suppress(_ picked: [Picked], now: Date, in transaction: Transaction) async throws -> Set<SendID> {
        let rows = try await transaction.query(
            """
            update sends s set state = 'suppressed', version = s.version + 1, resolved_at = \(now)
            from unnest(\(picked.map(\.tenant)), \(picked.map(\.send))) as p (tenant_id, id)
            where s.tenant_id = p.tenant_id and s.id = p.id and s.state in ('planned', 'deferred') and exists (
                select from suppressions x where x.tenant_id = s.tenant_id and x.address = s.recipient
                  and (x.workspace_id is null or x.workspace_id = s.workspace_id))
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
            """)
        guard !rows.isEmpty else { return [] }
        let sends = try rows.map { try $0.decode("id", as: SendID.self) }
        var statements: [SQL] = [
            "update jobs set state = 'completed', finished_at = \(now) where (tenant_id, send_id) in (select * from unnest(\(try rows.map { try $0.decode("tenant_id", as: TenantID.self) }), \(sends)))",
            "delete from send_contents where (tenant_id, send_id) in (select * from unnest(\(try rows.map { try $0.decode("tenant_id", as: TenantID.self) }), \(sends)))",
        ]
        let reserved = try rows.compactMap { row in
            try row.decodeOptional("reservation_id", as: ReservationID.self).map { (try row.decode("tenant_id", as: TenantID.self), $0) }
        }
        if !reserved.isEmpty { statements.append(SettlementStore.release(reserved)) }
        try await transaction.pipeline(statements)
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: .suppressed, at: now) }, at: now, in: transaction)
        return Set(sends)
    }
}

extension SendEvents.Resolved {
    /// From a ledger row with its identifying columns and version.
    init(row: Row, state: DeliveryEvents.SendState, at instant: Date) throws {
        self.init(
            tenant: try row.decode("tenant_id"),
            send: .init(
                sendKey: try row.decode("send_key"), version: try row.decode("version"), campaign: try row.decodeOptional("campaign_id"),
                enrolment: try row.decodeOptional("enrolment_id"), state: state, code: nil, at: instant))
    }
}
