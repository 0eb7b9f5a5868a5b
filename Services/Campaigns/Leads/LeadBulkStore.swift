import Contracts
import Foundation
import Postgres

/// The SQL of changes to many leads: one statement a batch, whatever the change.
enum LeadBulkStore {
    /// Changes those of the leads that are not so already; gives them.
    static func apply(
        _ change: LeadBulk, to leads: [LeadID], of workspace: WorkspaceID, tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> [LeadID] {
        switch change {
        case .addToList(let list): return try await LeadMembershipStore.add(leads, to: list, of: tenant, at: now, in: transaction)
        case .removeFromList(let list): return try await LeadMembershipStore.remove(leads, from: list, of: tenant, in: transaction)
        case .removeFromWorkspace:
            try await transaction.query("select id from leads where tenant_id = \(tenant) and id = any(\(leads)) order by id for update")
            let gone = try await LeadMembershipStore.detach(leads, from: workspace, of: tenant, in: transaction)
            try await transaction.query(
                "update leads set revision = revision + 1, updated_at = \(now) where tenant_id = \(tenant) and id = any(\(gone))")
            return gone
        case .addTags, .removeTags, .setColumn, .setCustom, .unsubscribe:
            let (next, assignment, condition) = try parts(of: change, at: now)
            // Locked in one order, so that two bulk changes wait for each other instead of failing.
            return try await transaction.query(
                """
                with picked as (select id, tags, custom from leads where tenant_id = \(tenant) and id = any(\(leads)) order by id for update),
                wanted as (select p.id, \(next) as next from picked p)
                update leads l set \(assignment), revision = l.revision + 1, updated_at = \(now) from wanted w
                where l.tenant_id = \(tenant) and l.id = w.id and \(condition) returning l.id
                """
            ).map { try $0.decode("id") }
        }
    }

    /// The addresses of those that an opt-out changes.
    static func addresses(of leads: [LeadID], tenant: TenantID, in database: Database) async throws -> [String] {
        try await database.query(
            as: tenant,
            "select email from leads where tenant_id = \(tenant) and id = any(\(leads)) and status <> 'unsubscribed' order by id"
        ).map { try $0.decode("email") }
    }

    /// The value that a lead `p` is to have, how it is set from `w.next`, and whether it is another than the one it has.
    private static func parts(of change: LeadBulk, at now: Date) throws -> (next: SQL, assignment: SQL, condition: SQL) {
        switch change {
        case .addTags(let tags):
            return (
                next: "p.tags || array(select t from unnest(\(tags)) t where t <> all(p.tags))", assignment: "tags = w.next",
                condition: "l.tags <> w.next and cardinality(w.next) <= \(LeadTags.most)"
            )
        case .removeTags(let tags):
            return (
                next: "array(select t from unnest(p.tags) with ordinality as u (t, n) where t <> all(\(tags)) order by n)",
                assignment: "tags = w.next", condition: "l.tags <> w.next"
            )
        case .setColumn(let column, let text):
            return (next: "\(text)::text", assignment: "\(column.sql) = w.next", condition: "l.\(column.sql) is distinct from w.next")
        case .setCustom(let key, let value):
            guard let value else { return (next: "p.custom - \(key)", assignment: "custom = w.next", condition: "l.custom <> w.next") }
            let json = try PostgresJSON(value)
            return (next: "p.custom || jsonb_build_object(\(key), \(json))", assignment: "custom = w.next", condition: "l.custom <> w.next")
        case .unsubscribe:
            return (next: "'unsubscribed'::text", assignment: "status = w.next, status_changed_at = \(now)", condition: "l.status <> w.next")
        case .addToList, .removeFromList, .removeFromWorkspace:
            return (next: "null::text", assignment: "revision = l.revision", condition: "false")
        }
    }
}

extension LeadBulk.Column {
    var sql: SQL {
        switch self {
        case .firstName: "first_name"
        case .lastName: "last_name"
        case .company: "company"
        case .timeZone: "time_zone"
        }
    }
}
