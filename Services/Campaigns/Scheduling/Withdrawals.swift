import Contracts
import Foundation
import Postgres
import Primitives
import RPC

/// Cancels mails of people who were taken out while a mail of theirs was with Delivery; Delivery's own fences hold them until then.
struct Withdrawals: Sendable {
    static let batch = 500

    let database: Database
    let delivery: RPCClient

    /// One batch of one company; false when there is nothing to cancel. What is still on its way to Delivery is left until it has arrived.
    func withdrawOnce() async throws -> Bool {
        let rows = try await database.query(
            """
            with first as materialized (
                select tenant_id from enrolments e where needs_withdrawal and withdraw_after <= now() and not exists (
                    select from enrolment_sends s where s.tenant_id = e.tenant_id and s.enrolment_id = e.id and s.state = 'planned')
                order by withdraw_after, tenant_id, id limit 1),
            mine as materialized (
                select e.tenant_id, e.id from first f join enrolments e on e.tenant_id = f.tenant_id
                where e.needs_withdrawal and e.withdraw_after <= now() and not exists (
                    select from enrolment_sends s where s.tenant_id = e.tenant_id and s.enrolment_id = e.id and s.state = 'planned')
                order by e.withdraw_after, e.tenant_id, e.id limit \(Self.batch))
            select m.tenant_id, m.id, s.step from mine m
            left join enrolment_sends s on s.tenant_id = m.tenant_id and s.enrolment_id = m.id and s.state in ('queued', 'deferred', 'ambiguous')
            order by m.id
            """)
        guard let first = rows.first else { return false }
        let tenant: TenantID = try first.decode("tenant_id")
        var entries = try rows.map { row in
            (enrolment: try row.decode("id", as: EnrolmentID.self), step: try row.decodeOptional("step", as: Int.self))
        }
        // Whose mails would not all be asked about comes another time.
        if entries.count > Self.batch {
            let cut = entries[Self.batch].enrolment
            entries = entries.prefix(Self.batch).filter { $0.enrolment != cut }
        }
        let keys = entries.compactMap { entry in entry.step.map { Enrolment.sendKey(entry.enrolment, step: $0) } }
        var answer = DeliveryRPC.Withdrawal(withdrawn: [], unknown: [], tooLate: [])
        if !keys.isEmpty { answer = try await delivery.call(DeliveryRPC.WithdrawSends(tenant: tenant, sendKeys: keys, mode: .cancel)) }
        try await note(
            entries.map(\.enrolment), unknown: answer.unknown.compactMap(Enrolment.parse(sendKey:)),
            late: answer.tooLate.compactMap { Enrolment.parse(sendKey: $0)?.enrolment }, of: tenant)
        return true
    }

    /// A mail that was claimed just then may be put back without a word: until the last one is heard it is asked about again and again.
    ///
    /// What Delivery cancelled or sent it tells by event; of what it never had nobody will tell.
    private func note(
        _ done: [EnrolmentID], unknown: [(enrolment: EnrolmentID, step: Int)], late: [EnrolmentID], of tenant: TenantID
    ) async throws {
        try await database.transaction { transaction in
            try await transaction.query(
                """
                update enrolments e set withdraw_after = now() + interval '30 seconds', needs_withdrawal = e.id = any(\(late)) and exists (
                    select from enrolment_sends s where s.tenant_id = e.tenant_id and s.enrolment_id = e.id
                        and s.state in ('queued', 'deferred'))
                from (
                    select id from enrolments where tenant_id = \(tenant) and id = any(\(done)) order by id for no key update) n
                where e.tenant_id = \(tenant) and e.id = n.id
                """)
            guard !unknown.isEmpty else { return }
            let cancelled = try await transaction.query(
                """
                update enrolment_sends s set state = 'cancelled'
                from unnest(\(unknown.map(\.enrolment)), \(unknown.map(\.step))) as n (enrolment_id, step)
                where s.tenant_id = \(tenant) and s.enrolment_id = n.enrolment_id and s.step = n.step and s.state in ('queued', 'deferred')
                returning s.campaign_id
                """)
            let campaigns = Dictionary(grouping: try cancelled.map { try $0.decode("campaign_id", as: CampaignID.self) }) { $0 }
            try await transaction.pipeline(
                campaigns.keys.sorted { $0.description < $1.description }.map { campaign in
                    var counters = CounterChange()
                    counters.outstanding = -Int64(campaigns[campaign]?.count ?? 0)
                    return counters.statement(campaign, of: tenant)
                })
        }
    }
}
