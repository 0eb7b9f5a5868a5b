import Contracts
import Foundation
import Postgres

/// Forgets what Campaigns itself has of a lead. Enrolments stay, for their counts: they know an identifier that leads to nobody.
struct LeadEraser: Sendable {
    private static let batch = 5_000

    let lead: LeadID
    /// In the form that leads have, which is lower case.
    let address: String
    let tenant: TenantID

    /// Some of what others noted of the lead; false when there may be more. It comes after the lead itself: from then on nothing new can be noted
    /// of it but by what was under way.
    func eraseTraces(at now: Date, in transaction: Transaction) async throws -> Bool {
        guard try await transaction.purge(parts, limit: Self.batch) < Self.batch else { return false }
        return try await TraceScan(lead: lead, address: address, tenant: tenant).step(at: now, in: transaction)
    }

    /// The lead itself; asked for again, it changes nothing.
    func eraseLead(at now: Date, in transaction: Transaction) async throws {
        // The order in which everybody takes rows: enrolments, campaigns, counters, the number of leads, lists, leads. Somebody may have enrolled
        // it again since it was asked for.
        try await EnrolmentStops.stop(lead: lead, of: tenant, reason: "erased", at: now, in: transaction)
        _ = try await LeadCounter.lock(of: tenant, in: transaction)
        try await LeadMembershipStore.lockLists(holding: [lead], of: nil, tenant: tenant, in: transaction)
        // Whoever changes the lead at this moment is waited for, and finds none afterwards.
        try await transaction.query("select id from leads where tenant_id = \(tenant) and id = \(lead) for update")
        try await transaction.pipeline(parts)
        // And until it was held.
        try await EnrolmentStops.stop(lead: lead, of: tenant, reason: "erased", at: now, in: transaction)
        try await LeadMembershipStore.leaveLists([lead], of: nil, tenant: tenant, in: transaction)
        let gone = try await transaction.query("delete from leads where tenant_id = \(tenant) and id = \(lead)").affected
        if gone > 0 { try await transaction.query(LeadCounter.add(-1, of: tenant)) }
    }

    /// What an index finds.
    private var parts: [SQL] {
        [
            """
            delete from lead_activities where ctid = any(array(
                select ctid from lead_activities where tenant_id = \(tenant) and lead_id = \(lead) limit \(Self.batch)))
            """,
            """
            delete from import_changes where ctid = any(array(
                select ctid from import_changes where tenant_id = \(tenant) and lead_id = \(lead) limit \(Self.batch)))
            """,
            """
            delete from import_errors where ctid = any(array(
                select ctid from import_errors where tenant_id = \(tenant) and left(lower(value), 320) = \(address) and value is not null
                limit \(Self.batch)))
            """,
            "delete from lead_workspaces where tenant_id = \(tenant) and lead_id = \(lead)",
            // Why somebody stopped it, in their own words.
            """
            update enrolment_decisions d set detail = d.detail - 'reason' from enrolments e
            where e.tenant_id = \(tenant) and e.lead_id = \(lead) and d.tenant_id = e.tenant_id and d.enrolment_id = e.id
              and d.kind = 'stopped' and jsonb_exists(d.detail, 'reason')
            """,
        ]
    }
}
