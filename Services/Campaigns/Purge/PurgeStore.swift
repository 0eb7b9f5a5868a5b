import Contracts
import Foundation
import Postgres

/// The SQL of forgetting a company or a workspace.
enum PurgeStore {
    /// Nothing new is enrolled or handed over; true when something ran until now.
    static func stop(_ tenant: TenantID, _ workspace: WorkspaceID?, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update campaigns set status = 'paused', status_reason = 'being deleted'
            where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace)) and status in ('active', 'scheduled')
            """
        ).affected > 0
    }

    /// Whether something that began before is still at work: it would leave behind what it makes.
    static func isBusy(
        _ tenant: TenantID, _ workspace: WorkspaceID?, at now: Date, importsSince start: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            select exists (
                select from hand_overs h join campaigns c on c.tenant_id = h.tenant_id and c.id = h.campaign_id
                where h.tenant_id = \(tenant) and h.state = 'open' and h.locked_until > now()
                  and (\(workspace)::uuid is null or c.workspace_id = \(workspace))
            ) or exists (
                select from imports i where i.tenant_id = \(tenant) and (\(workspace)::uuid is null or i.workspace_id = \(workspace))
                  and i.status = 'running' and i.started_at > \(start)) as busy
            """)[0].decode("busy")
    }

    /// What others refer to goes when nothing refers to it any more: stage by stage.
    static func stages(of tenant: TenantID, _ workspace: WorkspaceID?, batch: Int) -> [[SQL]] {
        let scope = Scope(tenant: tenant, workspace: workspace, batch: batch)
        let decisions: SQL = """
            exists (select from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
                where e.tenant_id = p.tenant_id and e.id = p.enrolment_id and c.workspace_id = \(workspace))
            """
        let ofCampaign: SQL =
            "exists (select from campaigns c where c.tenant_id = p.tenant_id and c.id = p.campaign_id and c.workspace_id = \(workspace))"
        let ofImport: SQL = "exists (select from imports i where i.tenant_id = p.tenant_id and i.id = p.import_id and i.workspace_id = \(workspace))"
        let ofTemplate: SQL =
            "exists (select from templates t where t.tenant_id = p.tenant_id and t.id = p.template_id and t.workspace_id = \(workspace))"
        let ofList: SQL = "exists (select from lists k where k.tenant_id = p.tenant_id and k.id = p.list_id and k.workspace_id = \(workspace))"
        let campaignParts: [SQL] = [
            "hand_overs", "enrolment_sends", "step_stats", "step_tests", "campaign_mailboxes", "campaign_sequences", "enrolments",
            "campaign_counters",
        ]
        var stages = [
            // Found by their enrolments, so before those.
            [scope.delete("enrolment_decisions", where: decisions)],
            campaignParts.map { scope.delete($0, where: ofCampaign) },
            [
                scope.delete("import_changes", where: ofImport), scope.delete("import_errors", where: ofImport),
                scope.delete("template_versions", where: ofTemplate), scope.delete("template_test_sends"),
                scope.delete("list_members", where: ofList), scope.delete("lead_export_parts"),
                // The leads themselves are the company's; with the last workspace they are only in no list.
                scope.delete("lead_workspaces"),
            ],
            ["campaigns", "imports", "templates", "lists", "lead_exports", "segments", "domain_stops"].map { scope.delete($0) },
        ]
        if workspace == nil {
            let companys: [SQL] = [
                "lead_activities", "custom_fields", "leads", "lead_counts", "tenant_access", "erasures", "idempotency_keys",
            ]
            stages.append(companys.map { scope.delete($0) })
        }
        return stages
    }

    /// A company or one of its workspaces, a batch of whose rows goes.
    private struct Scope {
        let tenant: TenantID
        let workspace: WorkspaceID?
        let batch: Int

        /// `condition` says, of a row `p`, whether it is the workspace's; a table that names its workspace needs none.
        func delete(_ table: SQL, where condition: SQL? = nil) -> SQL {
            var belongs: SQL = "p.tenant_id = \(tenant)"
            if let workspace { belongs = "\(belongs) and \(condition ?? "p.workspace_id = \(workspace)")" }
            return "delete from \(table) where ctid = any(array(select p.ctid from \(table) p where \(belongs) limit \(batch)))"
        }
    }
}
