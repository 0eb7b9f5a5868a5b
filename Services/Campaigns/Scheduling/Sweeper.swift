import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// After an edit, takes back the mails that nobody has claimed, so that they are decided anew; after a stop, ends whoever is not through.
///
/// Rounds pass a campaign by while it is swept, and a sweep waits for batches that are on their way: nothing decided before the edit can go to
/// Delivery behind its back.
struct Sweeper: Sendable {
    static let batch = 500
    /// Longer than Delivery may take to answer.
    private static let lease = 120.0

    let database: Database
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock

    private struct Sweep: Sendable {
        let tenant: TenantID
        let campaign: CampaignID
        let kind: String
        let cursor: UUID
        /// The end of the lease; also its proof.
        let lease: Date
    }

    /// One batch of one campaign; false when there is nothing to sweep.
    func sweepOnce() async throws -> Bool {
        let now = clock.now
        let rows = try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from campaigns c where sweeping is not null and sweep_lease <= now() and not exists (
                    select from hand_overs h where h.tenant_id = c.tenant_id and h.campaign_id = c.id and h.state = 'open')
                order by id limit 1 for update skip locked)
            update campaigns c set sweep_lease = date_trunc('milliseconds', now()) + make_interval(secs => \(Self.lease)) from picked p
            where c.tenant_id = p.tenant_id and c.id = p.id
            returning c.tenant_id, c.id, c.sweeping, coalesce(c.sweep_cursor, '00000000-0000-0000-0000-000000000000') as cursor, c.sweep_lease
            """)
        guard let row = rows.first else { return false }
        let sweep = Sweep(
            tenant: try row.decode("tenant_id"), campaign: try row.decode("id"), kind: try row.decode("sweeping"), cursor: try row.decode("cursor"),
            lease: try row.decode("sweep_lease"))
        if sweep.kind == "stop" { try await end(sweep, at: now) } else { try await recall(sweep, at: now) }
        outbox.wake()
        return true
    }

    // MARK: - Recall

    private func recall(_ sweep: Sweep, at now: Date) async throws {
        let keys = try await database.query(
            """
            select enrolment_id, step from enrolment_sends
            where tenant_id = \(sweep.tenant) and campaign_id = \(sweep.campaign) and state = 'queued' and enrolment_id > \(sweep.cursor)
            order by enrolment_id limit \(Self.batch)
            """
        ).map { (enrolment: try $0.decode("enrolment_id", as: EnrolmentID.self), step: try $0.decode("step", as: Int.self)) }
        guard let last = keys.last else { return try await finish(sweep) }
        let answer = try await delivery.call(
            DeliveryRPC.WithdrawSends(
                tenant: sweep.tenant, sendKeys: keys.map { Enrolment.sendKey($0.enrolment, step: $0.step) }, mode: .recall))
        let back = Set(answer.withdrawn + answer.unknown)
        let recalled = keys.filter { back.contains(Enrolment.sendKey($0.enrolment, step: $0.step)) }
        try await database.transaction { transaction in
            // The order in which everybody takes rows: enrolments, campaigns, counters.
            let rows = try await Self.lock(recalled.map(\.enrolment), sweep, in: transaction)
            guard try await Self.isOurs(sweep, in: transaction) else { return }
            try await Self.takeBack(recalled, rows, sweep, at: now, in: transaction)
            try await Self.advance(sweep, to: last.enrolment.uuid, in: transaction)
        }
    }

    private static func lock(_ enrolments: [EnrolmentID], _ sweep: Sweep, in transaction: Transaction) async throws -> Rows {
        try await transaction.query(
            """
            select \(EnrolmentStore.columns) from enrolments e where e.tenant_id = \(sweep.tenant) and e.id = any(\(enrolments))
            order by e.id for no key update
            """)
    }

    /// The mails are as if never decided; the enrolments wait, and are due.
    private static func takeBack(
        _ recalled: [(enrolment: EnrolmentID, step: Int)], _ rows: Rows, _ sweep: Sweep, at now: Date, in transaction: Transaction
    ) async throws {
        guard !recalled.isEmpty else { return }
        let tenant = sweep.tenant
        let forgotten = try await transaction.query(
            """
            delete from enrolment_sends s using unnest(\(recalled.map(\.enrolment)), \(recalled.map(\.step))) as n (enrolment_id, step)
            where s.tenant_id = \(tenant) and s.enrolment_id = n.enrolment_id and s.step = n.step and s.state = 'queued'
            returning s.enrolment_id, s.step
            """)
        let gone = Dictionary(
            try forgotten.map { (try $0.decode("enrolment_id", as: EnrolmentID.self), try $0.decode("step", as: Int.self)) }
        ) { first, _ in first }
        let threads = Set(
            try await transaction.query(
                "select distinct enrolment_id from enrolment_sends where tenant_id = \(tenant) and enrolment_id = any(\(Array(gone.keys)))"
            ).map { try $0.decode("enrolment_id", as: EnrolmentID.self) })
        var counters = CounterChange()
        counters.outstanding = -Int64(forgotten.count)
        var changed: [Enrolment] = []
        for row in rows {
            var enrolment = try EnrolmentStore.enrolment(row)
            guard gone[enrolment.id] == enrolment.step, enrolment.status == .queued else { continue }
            counters.move(from: .queued, to: .waiting)
            enrolment.status = .waiting
            enrolment.dueAt = now
            if !threads.contains(enrolment.id) { enrolment.mailbox = nil }
            changed.append(enrolment)
        }
        var statements: [SQL] = []
        if !changed.isEmpty { statements.append(EnrolmentStore.write(changed, of: tenant, at: now)) }
        if !counters.isEmpty { statements.append(counters.statement(sweep.campaign, of: tenant)) }
        if !statements.isEmpty { try await transaction.pipeline(statements) }
    }

    // MARK: - Stop

    private func end(_ sweep: Sweep, at now: Date) async throws {
        try await database.transaction { transaction in
            // Picked as the index has them, locked as everybody locks them.
            let picked = try await transaction.query(
                """
                select e.id from enrolments e
                where e.tenant_id = \(sweep.tenant) and e.campaign_id = \(sweep.campaign)
                  and e.status in ('waiting', 'handing_over', 'queued', 'deferred')
                order by e.status, e.id limit \(Self.batch)
                """
            ).map { try $0.decode("id", as: EnrolmentID.self) }
            let rows = try await transaction.query(
                """
                select \(EnrolmentStore.columns), e.campaign_id from enrolments e
                where e.tenant_id = \(sweep.tenant) and e.id = any(\(picked)) order by e.id for no key update
                """)
            guard try await Self.isOurs(sweep, in: transaction) else { return }
            try await EnrolmentStops.end(rows, of: sweep.tenant, reason: "campaign_stopped", at: now, in: transaction)
            if picked.count < Self.batch {
                try await Self.finish(sweep, in: transaction)
            } else {
                try await Self.advance(sweep, to: sweep.cursor, in: transaction)
            }
        }
    }

    private func finish(_ sweep: Sweep) async throws {
        try await database.transaction { transaction in
            if try await Self.isOurs(sweep, in: transaction) { try await Self.finish(sweep, in: transaction) }
        }
    }

    /// Whether the sweep is still this process's and the one that it began: an edit during a recall begins it anew, and a stop takes its place.
    /// The campaign's row is held until the transaction ends.
    private static func isOurs(_ sweep: Sweep, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            """
            select from campaigns where tenant_id = \(sweep.tenant) and id = \(sweep.campaign) and sweeping = \(sweep.kind)
              and sweep_lease = \(sweep.lease) and coalesce(sweep_cursor, '00000000-0000-0000-0000-000000000000') = \(sweep.cursor)
            for no key update
            """
        ).isEmpty
    }

    private static func finish(_ sweep: Sweep, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update campaigns set sweeping = null, sweep_cursor = null, sweep_lease = '-infinity', next_at = '-infinity'
            where tenant_id = \(sweep.tenant) and id = \(sweep.campaign)
            """)
    }

    private static func advance(_ sweep: Sweep, to cursor: UUID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update campaigns set sweep_cursor = \(cursor), sweep_lease = '-infinity'
            where tenant_id = \(sweep.tenant) and id = \(sweep.campaign)
            """)
    }
}
