import Contracts
import Foundation
import Postgres

/// What a deletion removes of Auth's own: access first, then what was kept, in the end the people.
enum Tombstone {
    private static let batch = 5_000

    /// Nobody gets in any more; of a company also its other deletions have come to their end, as it takes its workspaces along.
    static func close(_ tenant: TenantID, _ workspace: WorkspaceID?, deletion: DeletionID, at now: Date, in transaction: Transaction) async throws {
        guard let workspace else {
            try await transaction.query("update public.tenants set deleted = \(now), updated = \(now) where id = \(tenant) and deleted is null")
            try await transaction.query("update sessions set revoked_at = \(now) where tenant_id = \(tenant) and revoked_at is null")
            try await transaction.query("update api_keys set revoked_at = \(now) where tenant_id = \(tenant) and revoked_at is null")
            try await transaction.query(
                "update deletions set completed_at = \(now) where tenant_id = \(tenant) and id <> \(deletion) and completed_at is null")
            return
        }
        try await transaction.query(
            "update workspaces set closed_at = \(now) where tenant_id = \(tenant) and id = \(workspace) and closed_at is null")
    }

    /// A batch of what may be much; true when nothing is left. A workspace has nothing here but its row.
    static func purge(_ tenant: TenantID, _ workspace: WorkspaceID?, in transaction: Transaction) async throws -> Bool {
        guard workspace == nil else { return true }
        let gone = try await transaction.purge(
            [
                "delete from sessions where ctid = any(array(select ctid from sessions where tenant_id = \(tenant) limit \(batch)))",
                "delete from invitations where ctid = any(array(select ctid from invitations where tenant_id = \(tenant) limit \(batch)))",
                "delete from api_keys where ctid = any(array(select ctid from api_keys where tenant_id = \(tenant) limit \(batch)))",
                "delete from support_sessions where ctid = any(array(select ctid from support_sessions where tenant_id = \(tenant) limit \(batch)))",
                "delete from feature_flags where ctid = any(array(select ctid from feature_flags where tenant_id = \(tenant) limit \(batch)))",
                "delete from tenant_policies where tenant_id = \(tenant)",
                "delete from idempotency_keys where ctid = any(array(select ctid from idempotency_keys where tenant_id = \(tenant) limit \(batch)))",
            ], limit: batch)
        return gone == 0
    }

    /// The last step: what remains is an identifier without a name.
    static func set(_ tenant: TenantID, _ workspace: WorkspaceID?, deletion: DeletionID, at now: Date, in transaction: Transaction) async throws {
        guard let workspace else { return try await set(tenant, deletion: deletion, at: now, in: transaction) }
        // Whoever was limited to it alone keeps an empty list, which is none: only null is all.
        try await transaction.query(
            """
            update users.tenant_users set workspaces = array_remove(workspaces, \(workspace)::uuid), updated = \(now)
            where tenant_id = \(tenant) and \(workspace)::uuid = any(workspaces)
            """)
        try await transaction.query(
            """
            update invitations set workspaces = array_remove(workspaces, \(workspace)::uuid)
            where tenant_id = \(tenant) and \(workspace)::uuid = any(workspaces)
            """)
        try await transaction.query("delete from workspaces where tenant_id = \(tenant) and id = \(workspace)")
    }

    private static func set(_ tenant: TenantID, deletion: DeletionID, at now: Date, in transaction: Transaction) async throws {
        let leaving = try await peopleOfNoOther(tenant, in: transaction)
        // Before it is gone who was here, and where else those were who leave.
        try await TrailErasureStore.insert(of: tenant, deletion: deletion, in: transaction)
        try await TrailErasureStore.insert(of: leaving, deletion: deletion, of: tenant, in: transaction)
        try await transaction.query("delete from trail_invitations where tenant_id = \(tenant)")
        try await transaction.query("delete from users.tenant_users where tenant_id = \(tenant)")
        try await transaction.query("delete from workspaces where tenant_id = \(tenant)")
        try await erase(leaving, at: now, in: transaction)
        try await transaction.query(
            """
            update public.tenants set name = '', deleted = coalesce(deleted, \(now)), updated = \(now), suspended_reason = null where id = \(tenant)
            """)
        try await transaction.query("update deletions set name = '' where tenant_id = \(tenant)")
    }

    /// Who would be left without a company: accounts of nobody's are not kept. The operator's people stay.
    private static func peopleOfNoOther(_ tenant: TenantID, in transaction: Transaction) async throws -> [UserID] {
        try await transaction.query(
            """
            select u.id from users.tenant_users m join users.users u on u.id = m.user_id and u.deleted is null
            where m.tenant_id = \(tenant) and not exists (select from staff f where f.user_id = u.id) and not exists (
                select from users.tenant_users o join public.tenants t on t.id = o.tenant_id and t.deleted is null
                where o.user_id = u.id and o.tenant_id <> \(tenant) and o.deleted is null)
            order by u.id for update of u
            """
        ).map { try $0.decode("id") }
    }

    private static func erase(_ people: [UserID], at now: Date, in transaction: Transaction) async throws {
        guard !people.isEmpty else { return }
        try await transaction.pipeline([
            // By the address, so before it is gone.
            "delete from mails where recipient in (select email from users.users where id = any(\(people)))",
            "delete from sessions where user_id = any(\(people))",
            "delete from credentials where user_id = any(\(people))",
            "delete from totp_factors where user_id = any(\(people))",
            "delete from recovery_codes where user_id = any(\(people))",
            "delete from factor_challenges where user_id = any(\(people))",
            "delete from email_verifications where user_id = any(\(people))",
            "delete from password_resets where user_id = any(\(people))",
            "delete from email_changes where user_id = any(\(people))",
            "delete from openid_flows where link_user = any(\(people))",
            "delete from openid_identities where user_id = any(\(people))",
            // Companies that they left before keep that they were there, not who they were.
            "update users.tenant_users set email = null where user_id = any(\(people))",
            """
            update users.users set email = 'deleted-' || id || '@invalid', name = null, family_name = null, given_name = null, picture = null,
                email_verified = null, multi_factor = null, suspended_at = null, suspended_reason = null, deleted = \(now), updated = \(now)
            where id = any(\(people))
            """,
        ])
    }
}
