import Contracts
import Foundation
import Postgres

/// Keeps mail back from people who were forgotten and had asked not to be written to.
struct ErasedOptOuts: Sendable {
    let digests: AddressDigests

    /// Which of `addresses`, in lower case, are suppressed for the workspace or its tenant, although nobody knows them any more.
    func find(
        _ addresses: [String], tenant: TenantID, workspace: WorkspaceID, now: Date = .now, in database: Database
    ) async throws -> [String] {
        guard let digester = try await digests.digester(of: tenant, in: database) else { return [] }
        let byDigest = Dictionary(addresses.map { (digester.digest($0), $0) }) { first, _ in first }
        let rows = try await database.query(
            """
            select distinct address_digest from suppressions where tenant_id = \(tenant) and address_digest = any(\(Array(byDigest.keys)))
              and (workspace_id is null or workspace_id = \(workspace)) and campaign_id is null and (expires_at is null or expires_at > \(now))
            """)
        return try rows.compactMap { row in
            let digest: Data = try row.decode("address_digest")
            return byDigest[digest]
        }
    }

    /// Marks those of the picked mails in the ledger; their identifying columns and new versions. Only companies that have forgotten somebody
    /// cost more than one look.
    func suppress(_ picked: [(TenantID, UUID)], now: Date, in transaction: Transaction) async throws -> [Row] {
        let found = try await transaction.query(
            """
            select s.tenant_id, s.id, s.recipient, k.secret_sealed from unnest(\(picked.map(\.0)), \(picked.map(\.1))) as p (tenant_id, id)
            join suppression_secrets k on k.tenant_id = p.tenant_id
            join sends s on s.tenant_id = p.tenant_id and s.id = p.id and s.state in ('planned', 'deferred') and not s.passes_suppression
            """)
        guard !found.isEmpty else { return [] }
        var digesters: [TenantID: AddressDigests.Digester] = [:]
        var mails: [(tenant: TenantID, send: UUID, digest: Data)] = []
        for row in found {
            let tenant: TenantID = try row.decode("tenant_id")
            let digester = try digesters[tenant] ?? digests.open(try row.decode("secret_sealed"), of: tenant)
            digesters[tenant] = digester
            mails.append((tenant, try row.decode("id"), digester.digest(try row.decode("recipient"))))
        }
        return Array(
            try await transaction.query(
                """
                update sends s set state = 'suppressed', version = s.version + 1, resolved_at = \(now)
                from unnest(\(mails.map(\.tenant)), \(mails.map(\.send)), \(mails.map(\.digest))) as p (tenant_id, id, digest)
                where s.tenant_id = p.tenant_id and s.id = p.id and s.state in ('planned', 'deferred') and exists (
                    select from suppressions x where x.tenant_id = s.tenant_id and x.address_digest = p.digest
                      and (x.workspace_id is null or x.workspace_id = s.workspace_id)
                      and (x.campaign_id is null or x.campaign_id = s.campaign_id) and (x.expires_at is null or x.expires_at > \(now)))
                returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
                """))
    }
}
