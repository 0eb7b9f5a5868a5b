import Contracts
import Foundation
import Postgres

/// The SQL of an audience: the same FROM and WHERE, whether it is paged, counted or asked about some leads.
struct AudienceQuery: Sendable {
    /// From `from` on, with a WHERE to which more can be added.
    private let source: SQL
    /// The lead's identifier, in each table that is walked: a bound on one is not carried over to the other by the server.
    private let columns: (first: SQL, others: [SQL])

    static func workspace(_ workspace: WorkspaceID, of tenant: TenantID) -> AudienceQuery {
        AudienceQuery(
            source: "from lead_workspaces w where w.tenant_id = \(tenant) and w.workspace_id = \(workspace)", columns: ("w.lead_id", []))
    }

    static func list(_ list: ListID, in workspace: WorkspaceID, of tenant: TenantID) -> AudienceQuery {
        AudienceQuery(
            source: """
                from list_members m join lead_workspaces w on w.tenant_id = m.tenant_id and w.lead_id = m.lead_id
                where m.tenant_id = \(tenant) and m.list_id = \(list) and w.tenant_id = \(tenant) and w.workspace_id = \(workspace)
                """,
            columns: ("m.lead_id", ["w.lead_id"]))
    }

    /// `condition` is about leads as `l`.
    static func filtered(by condition: SQL, in workspace: WorkspaceID, of tenant: TenantID) -> AudienceQuery {
        AudienceQuery(
            source: """
                from lead_workspaces w join leads l on l.tenant_id = w.tenant_id and l.id = w.lead_id
                where w.tenant_id = \(tenant) and w.workspace_id = \(workspace) and l.tenant_id = \(tenant) and \(condition)
                """,
            columns: ("w.lead_id", ["l.id"]))
    }

    /// `lead_id` of those after `start`, in their order.
    func page(after start: LeadID?, limit: Int) -> SQL {
        let start = start ?? LeadID.zero
        let isBehind = everywhere { "\($0) > \(start)" }
        return "select \(columns.first) as lead_id \(source) and \(isBehind) order by \(columns.first) limit \(limit)"
    }

    /// `lead_id` of those of `leads` that belong to it.
    func among(_ leads: [LeadID]) -> SQL {
        let isAsked = everywhere { "\($0) = any(\(leads))" }
        return "select \(columns.first) as lead_id \(source) and \(isAsked)"
    }

    /// How many there are as `n`; counting stops at `cap`.
    func count(upTo cap: Int) -> SQL {
        "select count(*) as n from (select \(source) limit \(cap)) as counted"
    }

    /// How many there are in each time zone, as `zone` and `n`; counting stops at `cap`.
    func zones(of tenant: TenantID, upTo cap: Int) -> SQL {
        """
        select l.time_zone as zone, count(*) as n from (select \(columns.first) as lead_id \(source) limit \(cap)) a
        join leads l on l.tenant_id = \(tenant) and l.id = a.lead_id group by 1
        """
    }

    private func everywhere(_ bound: (SQL) -> SQL) -> SQL {
        SQL.joined(([columns.first] + columns.others).map(bound), separator: " and ")
    }
}
