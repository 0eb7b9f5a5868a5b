import Contracts
import Foundation
import Postgres

/// The SQL that says who is blocked, the same wherever it is asked.
enum SuppressionConditions {
    /// Of a mail `s` of the ledger: an entry of its company, or one of the platform's, holds for its address or domain.
    static func blocksMail(at now: Date) -> SQL {
        """
        (exists (
            select from suppressions x
            where x.tenant_id = s.tenant_id and x.address in (s.recipient, '@' || split_part(s.recipient, '@', -1))
              and (x.workspace_id is null or x.workspace_id = s.workspace_id) and (x.campaign_id is null or x.campaign_id = s.campaign_id)
              and (x.expires_at is null or x.expires_at > \(now)))
         or exists (
            select from platform_suppressions p
            where p.address in (s.recipient, '@' || split_part(s.recipient, '@', -1)) and (p.expires_at is null or p.expires_at > \(now))))
        """
    }

    /// Of an address `a.address` for any mail of a workspace.
    static func blocksAddress(of tenant: TenantID, _ workspace: WorkspaceID, at now: Date) -> SQL {
        """
        (exists (
            select from suppressions x
            where x.tenant_id = \(tenant) and x.address in (a.address, '@' || split_part(a.address, '@', -1)) and x.campaign_id is null
              and (x.workspace_id is null or x.workspace_id = \(workspace)) and (x.expires_at is null or x.expires_at > \(now)))
         or exists (
            select from platform_suppressions p
            where p.address in (a.address, '@' || split_part(a.address, '@', -1)) and (p.expires_at is null or p.expires_at > \(now))))
        """
    }
}

/// Keeps the claim of mail and the change of a list apart: whoever has written an entry and committed knows that no claim commits afterwards that
/// had looked before.
///
/// A claim shares the lock from its first statement to its commit, a writer has it alone from just before its entries to its commit; both are
/// milliseconds. A writer that stands still in between is ended by the server, so that it holds up nobody's mail for longer than that.
enum SuppressionLock {
    private static let key = 7_301_204_419

    /// As a column of a claim's first statement.
    static var shared: SQL { "pg_advisory_xact_lock_shared(\(key))" }

    /// The statement before a writer's entries.
    static var exclusive: SQL {
        "select set_config('idle_in_transaction_session_timeout', '5000', true), pg_advisory_xact_lock(\(key))"
    }
}
