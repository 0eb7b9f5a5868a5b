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

    /// A batch of what others noted of the lead; false when there may be more.
    func eraseTraces(at now: Date, in transaction: Transaction) async throws -> Bool {
        try await ExportEraser(address: address, tenant: tenant).end(workedSince: nil, at: now, in: transaction)
        return try await transaction.purge(parts + scans, limit: Self.batch) < Self.batch
    }

    /// The lead itself, with what came since its traces were erased; `start`: when that was asked for.
    func eraseLead(since start: Date, at now: Date, in transaction: Transaction) async throws {
        try await ExportEraser(address: address, tenant: tenant).end(workedSince: start, at: now, in: transaction)
        // The number first, as everybody does who makes or removes leads.
        _ = try await LeadCounter.lock(of: tenant, in: transaction)
        // Whoever changes the lead at this moment is waited for, and finds none afterwards.
        try await transaction.query("select id from leads where tenant_id = \(tenant) and id = \(lead) for update")
        try await transaction.pipeline(parts)
        // Somebody may have enrolled it again since it was asked for.
        try await EnrolmentStops.stop(lead: lead, of: tenant, reason: "erased", at: now, in: transaction)
        try await transaction.query(leaveLists)
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

    /// What is found by reading the company's rows, once an erasure.
    private var scans: [SQL] {
        [
            // Rejected for something else, with the address somewhere in the row.
            """
            delete from import_errors where ctid = any(array(
                select ctid from import_errors where tenant_id = \(tenant) and raw is not null and position(\(address) in lower(raw)) > 0
                limit \(Self.batch)))
            """,
            // Answers of a day that could be repeated: they tell of the lead, or say why it is erased.
            """
            delete from idempotency_keys where tenant_id = \(tenant) and (
                position(\(lead.description) in lower(route)) > 0 or position(convert_to(\(address), 'UTF8') in body) > 0)
            """,
        ]
    }

    /// The lists' own counts go with the members.
    private var leaveLists: SQL {
        """
        with gone as (delete from list_members where tenant_id = \(tenant) and lead_id = \(lead) returning list_id)
        update lists l set leads = l.leads - 1 from gone g where l.tenant_id = \(tenant) and l.id = g.list_id
        """
    }
}
