import Contracts
import Foundation
import Postgres
import Primitives

/// Something that was done to a lead by hand, by key or by import.
struct LeadActivity: Sendable, Equatable {
    /// `created`, `updated`, `tagged`, `unsubscribed`, `added_to_workspace`, `removed_from_workspace`, `added_to_list`, `removed_from_list`.
    let kind: String
    /// Names of fields, tags and identifiers; nothing else of the person.
    var detail: [String: JSONValue] = [:]
}

/// The SQL of what was done to leads.
enum LeadActivityStore {
    /// One row a lead, in the commit of what was done.
    static func insert(
        _ activity: LeadActivity, of leads: [LeadID], tenant: TenantID, by actor: String, at now: Date, in transaction: Transaction
    ) async throws {
        guard !leads.isEmpty else { return }
        try await transaction.query(
            """
            insert into lead_activities (tenant_id, lead_id, id, kind, actor, detail, at)
            select \(tenant), lead_id, id, \(activity.kind), \(actor), \(try PostgresJSON(activity.detail)), \(now)
            from unnest(\(leads), \(leads.map { _ in UUID.v7(at: now) })) as n (lead_id, id)
            """)
    }
}
