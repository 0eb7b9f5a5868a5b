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

    static func stages(of tenant: TenantID, _ workspace: WorkspaceID?, batch: Int) -> [[SQL]] {
        var stages: [[SQL]] = [
            [
                // Found by their enrolments, so before those.
                """
                delete from enrolment_decisions where ctid = any(array(
                    select p.ctid from enrolment_decisions p where p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                        select from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
                        where e.tenant_id = p.tenant_id and e.id = p.enrolment_id and c.workspace_id = \(workspace)))
                    limit \(batch)))
                """
            ],
            campaignParts(of: tenant, workspace, batch: batch), others(of: tenant, workspace, batch: batch),
            [
                """
                delete from campaigns where ctid = any(array(
                    select ctid from campaigns where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
                """
                delete from imports where ctid = any(array(
                    select ctid from imports where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
                """
                delete from templates where ctid = any(array(
                    select ctid from templates where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
                """
                delete from lists where ctid = any(array(
                    select ctid from lists where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
                """
                delete from lead_exports where ctid = any(array(
                    select ctid from lead_exports where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
                """
                delete from segments where ctid = any(array(
                    select ctid from segments where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                    limit \(batch)))
                """,
            ],
        ]
        if workspace == nil {
            stages.append([
                "delete from lead_activities where ctid = any(array(select ctid from lead_activities where tenant_id = \(tenant) limit \(batch)))",
                "delete from custom_fields where ctid = any(array(select ctid from custom_fields where tenant_id = \(tenant) limit \(batch)))",
                "delete from leads where ctid = any(array(select ctid from leads where tenant_id = \(tenant) limit \(batch)))",
                "delete from lead_counts where tenant_id = \(tenant)",
                "delete from tenant_access where tenant_id = \(tenant)",
                "delete from erasures where ctid = any(array(select ctid from erasures where tenant_id = \(tenant) limit \(batch)))",
                "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where tenant_id = \(tenant) limit \(batch)))",
            ])
        }
        return stages
    }

    private static func campaignParts(of tenant: TenantID, _ workspace: WorkspaceID?, batch: Int) -> [SQL] {
        let isIncluded: SQL = """
            p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                select from campaigns c where c.tenant_id = p.tenant_id and c.id = p.campaign_id and c.workspace_id = \(workspace)))
            """
        return [
            "delete from hand_overs where ctid = any(array(select p.ctid from hand_overs p where \(isIncluded) limit \(batch)))",
            "delete from enrolment_sends where ctid = any(array(select p.ctid from enrolment_sends p where \(isIncluded) limit \(batch)))",
            "delete from step_stats where ctid = any(array(select p.ctid from step_stats p where \(isIncluded) limit \(batch)))",
            "delete from step_tests where ctid = any(array(select p.ctid from step_tests p where \(isIncluded) limit \(batch)))",
            "delete from campaign_mailboxes where ctid = any(array(select p.ctid from campaign_mailboxes p where \(isIncluded) limit \(batch)))",
            "delete from campaign_sequences where ctid = any(array(select p.ctid from campaign_sequences p where \(isIncluded) limit \(batch)))",
            "delete from enrolments where ctid = any(array(select p.ctid from enrolments p where \(isIncluded) limit \(batch)))",
            "delete from campaign_counters where ctid = any(array(select p.ctid from campaign_counters p where \(isIncluded) limit \(batch)))",
        ]
    }

    private static func others(of tenant: TenantID, _ workspace: WorkspaceID?, batch: Int) -> [SQL] {
        [
            """
            delete from import_changes where ctid = any(array(
                select p.ctid from import_changes p where p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                    select from imports i where i.tenant_id = p.tenant_id and i.id = p.import_id and i.workspace_id = \(workspace)))
                limit \(batch)))
            """,
            """
            delete from import_errors where ctid = any(array(
                select p.ctid from import_errors p where p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                    select from imports i where i.tenant_id = p.tenant_id and i.id = p.import_id and i.workspace_id = \(workspace)))
                limit \(batch)))
            """,
            """
            delete from template_versions where ctid = any(array(
                select p.ctid from template_versions p where p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                    select from templates t where t.tenant_id = p.tenant_id and t.id = p.template_id and t.workspace_id = \(workspace)))
                limit \(batch)))
            """,
            """
            delete from template_test_sends where ctid = any(array(
                select ctid from template_test_sends where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                limit \(batch)))
            """,
            """
            delete from list_members where ctid = any(array(
                select p.ctid from list_members p where p.tenant_id = \(tenant) and (\(workspace)::uuid is null or exists (
                    select from lists k where k.tenant_id = p.tenant_id and k.id = p.list_id and k.workspace_id = \(workspace)))
                limit \(batch)))
            """,
            """
            delete from lead_export_parts where ctid = any(array(
                select ctid from lead_export_parts where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                limit \(batch)))
            """,
            // The leads themselves are the company's; with the last workspace they are only in no list.
            """
            delete from lead_workspaces where ctid = any(array(
                select ctid from lead_workspaces where tenant_id = \(tenant) and (\(workspace)::uuid is null or workspace_id = \(workspace))
                limit \(batch)))
            """,
        ]
    }
}
