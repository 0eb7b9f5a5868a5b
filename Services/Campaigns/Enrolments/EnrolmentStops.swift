import Contracts
import Foundation
import Postgres

/// Takes people out of campaigns, in the transaction of whatever decided it; mails of theirs that nobody claimed are cancelled afterwards.
enum EnrolmentStops {
    /// Keeps others from a lead's enrolments until the end of the transaction.
    static func lock(lead: LeadID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            "select from enrolments where tenant_id = \(tenant) and lead_id = \(lead) order by id for no key update")
    }

    /// Ends every enrolment of a lead that has not ended.
    static func stop(lead: LeadID, of tenant: TenantID, reason: String, at now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select \(EnrolmentStore.columns), e.campaign_id from enrolments e
            where e.tenant_id = \(tenant) and e.lead_id = \(lead) order by e.id for update
            """)
        try await end(rows, of: tenant, reason: reason, at: now, in: transaction)
    }

    /// Ends every enrolment of these leads that has not ended. Whoever calls it holds no list and no lead yet.
    static func stop(
        leads: [LeadID], of tenant: TenantID, as status: EnrolmentStatus, reason: String, at now: Date, in transaction: Transaction
    ) async throws {
        let open = EnrolmentStatus.allCases.filter { !$0.isFinal }.map(\.rawValue)
        // Those that have ended are held too: whoever hears of one of them changes its lead.
        let rows = try await transaction.query(
            """
            with held as materialized (
                select \(EnrolmentStore.columns), e.campaign_id from enrolments e
                where e.tenant_id = \(tenant) and e.lead_id = any(\(leads)) order by e.id for update)
            select \(EnrolmentStore.columns), e.campaign_id from held e where e.status = any(\(open))
            """)
        try await end(rows, of: tenant, as: status, reason: reason, at: now, in: transaction)
    }

    /// Ends those of these enrolments that are not over; gives how many.
    @discardableResult
    static func stop(
        _ enrolments: [EnrolmentID], of tenant: TenantID, as status: EnrolmentStatus = .removed, reason: String, at now: Date,
        in transaction: Transaction
    ) async throws -> Int {
        let rows = try await transaction.query(
            """
            select \(EnrolmentStore.columns), e.campaign_id from enrolments e
            where e.tenant_id = \(tenant) and e.id = any(\(enrolments)) order by e.id for update
            """)
        return try await end(rows, of: tenant, as: status, reason: reason, at: now, in: transaction)
    }

    @discardableResult
    static func end(
        _ rows: Rows, of tenant: TenantID, as status: EnrolmentStatus = .removed, reason: String, at now: Date, in transaction: Transaction
    ) async throws -> Int {
        var changed: [Enrolment] = []
        var counters: [CampaignID: CounterChange] = [:]
        for row in rows {
            var enrolment = try EnrolmentStore.enrolment(row)
            let before = enrolment.status
            guard !before.isFinal else { continue }
            Reaction.end(&enrolment, as: status, because: reason)
            changed.append(enrolment)
            counters[try row.decode("campaign_id"), default: CounterChange()].move(from: before, to: enrolment.status)
        }
        guard !changed.isEmpty else { return 0 }
        let campaigns = counters.keys.sorted { $0.description < $1.description }
        // The order in which everybody takes rows: enrolments, campaigns, counters. The next round sees whether the campaign is done.
        try await transaction.pipeline(
            [EnrolmentStore.write(changed, of: tenant, at: now), CampaignStore.wake(campaigns, of: tenant, at: now)]
                + campaigns.compactMap { counters[$0]?.statement($0, of: tenant) })
        return changed.count
    }
}
