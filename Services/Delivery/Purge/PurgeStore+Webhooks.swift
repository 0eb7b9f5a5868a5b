import Contracts
import Postgres

extension PurgeStore {
    /// Webhooks and what was told through them; the endpoints last, so that whoever still hears of something finds nobody to tell.
    var webhookParts: [SQL] {
        guard let workspace else {
            return [
                "delete from webhook_attempts where ctid = any(array(select ctid from webhook_attempts where tenant_id = \(tenant) limit \(batch)))",
                "delete from webhook_deliveries where ctid = any(array(select ctid from webhook_deliveries where tenant_id = \(tenant) limit \(batch)))",
                "delete from webhook_messages where ctid = any(array(select ctid from webhook_messages where tenant_id = \(tenant) limit \(batch)))",
                "delete from webhook_endpoints where tenant_id = \(tenant)",
            ]
        }
        // What happened in the workspace, whoever was told; and what was told to those who hear of it alone.
        let isGone: SQL = """
            (exists (select from webhook_messages m where m.tenant_id = p.tenant_id and m.id = p.message_id and m.workspace_id = \(workspace))
             or exists (select from webhook_endpoints e where e.tenant_id = p.tenant_id and e.id = p.endpoint_id and e.workspace_id = \(workspace)))
            """
        return [
            """
            delete from webhook_attempts where ctid = any(array(
                select p.ctid from webhook_attempts p where p.tenant_id = \(tenant) and \(isGone) limit \(batch)))
            """,
            """
            delete from webhook_deliveries where ctid = any(array(
                select p.ctid from webhook_deliveries p where p.tenant_id = \(tenant) and \(isGone) limit \(batch)))
            """,
            """
            delete from webhook_messages where ctid = any(array(
                select ctid from webhook_messages where tenant_id = \(tenant) and workspace_id = \(workspace) limit \(batch)))
            """,
            "delete from webhook_endpoints where tenant_id = \(tenant) and workspace_id = \(workspace)",
        ]
    }
}
