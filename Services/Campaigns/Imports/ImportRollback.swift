import Contracts
import Foundation
import Postgres
import Primitives

/// Takes imports back, a batch a transaction: first the leads that they created, then what they did to others.
///
/// How far it has come is in the same commit as what was done, so that after a crash it goes on where it stopped.
enum ImportRollback {
    static let batch = 1_000

    private static let end = UUID(uuid: (255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))

    /// An import that is being taken back.
    struct Run: Sendable {
        let tenant: TenantID
        let id: ImportID
        let workspace: WorkspaceID
        let list: ListID?
        let cursor: UUID
    }

    /// The one that has waited longest, for this transaction alone; nil when there is none.
    static func next(in transaction: Transaction) async throws -> Run? {
        try await transaction.query(
            """
            select tenant_id, id, workspace_id, list_id, rollback_cursor from imports where status = 'rolling_back'
            order by updated_at limit 1 for update skip locked
            """
        ).first.map { row in
            Run(
                tenant: try row.decode("tenant_id"), id: try row.decode("id"), workspace: try row.decode("workspace_id"),
                list: try row.decodeOptional("list_id"), cursor: try row.decode("rollback_cursor"))
        }
    }

    /// One batch; true when nothing of the import is left to take back.
    static func step(_ run: Run, at instant: Date, in transaction: Transaction) async throws -> Bool {
        if run.cursor != end, try await revertCreated(run, at: instant, in: transaction) { return false }
        return try await !revertChanged(run, at: instant, in: transaction)
    }

    /// Deletes leads of the import that nobody has changed, enrolled or put anywhere else; false when there are no more.
    private static func revertCreated(_ run: Run, at instant: Date, in transaction: Transaction) async throws -> Bool {
        // In the order in which importers lock: the company's number of leads, the list, the leads.
        _ = try await LeadCounter.lock(of: run.tenant, in: transaction)
        if let list = run.list { try await transaction.query("select id from lists where tenant_id = \(run.tenant) and id = \(list) for update") }
        let found = try await transaction.query(
            """
            select l.id, l.revision = coalesce(c.after_revision, 1)
                and not exists (select from enrolments e where e.tenant_id = l.tenant_id and e.lead_id = l.id)
                and not exists (
                    select from lead_workspaces w where w.tenant_id = l.tenant_id and w.lead_id = l.id and w.workspace_id <> \(run.workspace))
                and not exists (
                    select from import_changes o where o.tenant_id = l.tenant_id and o.lead_id = l.id and o.import_id <> \(run.id))
                and not exists (
                    select from list_members m where m.tenant_id = l.tenant_id and m.lead_id = l.id and m.list_id is distinct from \(run.list))
                as is_untouched
            from leads l left join import_changes c on c.tenant_id = l.tenant_id and c.import_id = l.import_id and c.lead_id = l.id
            where l.tenant_id = \(run.tenant) and l.import_id = \(run.id) and l.id > \(run.cursor) order by l.id limit \(batch) for update of l
            """)
        var leads: [UUID] = []
        var gone: [UUID] = []
        for row in found {
            let lead: UUID = try row.decode("id")
            leads.append(lead)
            if try row.decode("is_untouched") { gone.append(lead) }
        }
        try await transaction.pipeline([
            """
            with left_lists as (
                delete from list_members where tenant_id = \(run.tenant) and lead_id = any(\(gone)) returning list_id),
            counted as (select list_id, count(*) as leads from left_lists group by list_id)
            update lists l set leads = greatest(0, l.leads - c.leads) from counted c where l.tenant_id = \(run.tenant) and l.id = c.list_id
            """,
            "delete from lead_workspaces where tenant_id = \(run.tenant) and lead_id = any(\(gone))",
            "delete from lead_activities where tenant_id = \(run.tenant) and lead_id = any(\(gone))",
            // Of all imports for those that go, of this one for those that stay as they are.
            "delete from import_changes where tenant_id = \(run.tenant) and lead_id = any(\(gone))",
            "delete from import_changes where tenant_id = \(run.tenant) and import_id = \(run.id) and lead_id = any(\(leads))",
            "delete from leads where tenant_id = \(run.tenant) and id = any(\(gone))",
            LeadCounter.add(-Int64(gone.count), of: run.tenant),
            progress(run, reverted: gone.count, kept: leads.count - gone.count, cursor: leads.count < batch ? end : leads.last, at: instant),
        ])
        return !leads.isEmpty
    }

    /// Gives updated leads their values back where nobody has changed them since, and takes away what the import attached, but not the place of
    /// whoever is in a campaign of the workspace; false when there are no more.
    private static func revertChanged(_ run: Run, at instant: Date, in transaction: Transaction) async throws -> Bool {
        let next = try await transaction.query(
            """
            select lead_id from import_changes where tenant_id = \(run.tenant) and import_id = \(run.id) order by lead_id limit \(batch)
            """
        ).map { try $0.decode("lead_id", as: LeadID.self) }
        try await LeadMembershipStore.lockLists(holding: next, of: [run.workspace], tenant: run.tenant, in: transaction)
        let found = try await transaction.query(
            """
            select c.lead_id, c.kind = 'updated' as is_updated, c.has_added_workspace, exists (
                select from enrolments e join campaigns k on k.tenant_id = e.tenant_id and k.id = e.campaign_id
                where e.tenant_id = c.tenant_id and e.lead_id = c.lead_id and k.workspace_id = \(run.workspace)) as is_enrolled
            from import_changes c join leads l on l.tenant_id = c.tenant_id and l.id = c.lead_id
            where c.tenant_id = \(run.tenant) and c.import_id = \(run.id) and c.lead_id = any(\(next)) order by c.lead_id for update of c, l
            """)
        var (leads, leaving, enrolled): ([LeadID], [LeadID], [LeadID]) = ([], [], [])
        // Of those that are updated, it is told below which are kept.
        var (updated, stayed) = (0, 0)
        for row in found {
            let (lead, isUpdated, isEnrolled): (LeadID, Bool, Bool) = (
                try row.decode("lead_id"), try row.decode("is_updated"), try row.decode("is_enrolled")
            )
            leads.append(lead)
            if isUpdated { updated += 1 }
            if isEnrolled { enrolled.append(lead) }
            if isEnrolled, !isUpdated { stayed += 1 }
            if !isEnrolled, try row.decode("has_added_workspace") { leaving.append(lead) }
        }
        guard !leads.isEmpty else {
            // What is left is of leads that are gone.
            try await transaction.query(
                "delete from import_changes where tenant_id = \(run.tenant) and import_id = \(run.id) and lead_id = any(\(next))")
            return !next.isEmpty
        }
        let changes: SQL = """
            from import_changes c where c.tenant_id = \(run.tenant) and c.import_id = \(run.id) and c.lead_id = any(\(leads))
            """
        let otherTags: SQL = "array(select u.tag from unnest(l.tags) with ordinality u (tag, n) where u.tag <> all(c.added_tags) order by u.n)"
        var statements: [SQL] = [
            """
            update leads l set tags = \(otherTags), revision = l.revision + 1, updated_at = \(instant) \(changes)
            and l.tenant_id = c.tenant_id and l.id = c.lead_id and l.tags && c.added_tags
            and not (c.kind = 'updated' and l.revision = c.after_revision)
            """,
            """
            update leads l set first_name = c.before->>'first_name', last_name = c.before->>'last_name', company = c.before->>'company',
                time_zone = c.before->>'time_zone', custom = c.before->'custom', tags = \(otherTags), revision = l.revision + 1,
                updated_at = \(instant) \(changes)
            and l.tenant_id = c.tenant_id and l.id = c.lead_id and c.kind = 'updated' and l.revision = c.after_revision
            """,
        ]
        if let list = run.list {
            statements.append(
                """
                with gone as (
                    delete from list_members m using import_changes c where c.tenant_id = \(run.tenant) and c.import_id = \(run.id)
                        and c.lead_id = any(\(leads)) and c.lead_id <> all(\(enrolled)) and c.has_added_list
                        and m.tenant_id = c.tenant_id and m.list_id = \(list) and m.lead_id = c.lead_id returning m.lead_id)
                update lists set leads = greatest(0, leads - (select count(*) from gone)) where tenant_id = \(run.tenant) and id = \(list)
                """)
        }
        statements.append("delete from import_changes where tenant_id = \(run.tenant) and import_id = \(run.id) and lead_id = any(\(leads))")
        let restored = try await transaction.pipeline(statements)[1].affected
        _ = try await LeadMembershipStore.detach(leaving, from: run.workspace, of: run.tenant, in: transaction)
        let kept = updated - restored + stayed
        try await transaction.query(progress(run, reverted: leads.count - kept, kept: kept, cursor: end, at: instant))
        return true
    }

    private static func progress(_ run: Run, reverted: Int, kept: Int, cursor: UUID?, at instant: Date) -> SQL {
        """
        update imports set reverted = reverted + \(reverted), kept = kept + \(kept), rollback_cursor = coalesce(\(cursor), rollback_cursor),
            updated_at = \(instant)
        where tenant_id = \(run.tenant) and id = \(run.id)
        """
    }
}
