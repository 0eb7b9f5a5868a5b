import Contracts
import Foundation
import Postgres
import Primitives
import RPC

/// Tells Delivery what a pause, a resume or a stop meant when whoever was asked for it died before Delivery had heard.
struct GateKeeper: Sendable {
    /// Whoever committed the status tells Delivery at once; this long it is left to them.
    private static let patience = 10.0

    let database: Database
    let delivery: RPCClient

    /// One campaign; false when every status was heard.
    func tellOne() async throws -> Bool {
        let rows = try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from campaigns where gate_pending_since <= now() - make_interval(secs => \(Self.patience))
                order by gate_pending_since limit 1 for update skip locked)
            update campaigns c set gate_pending_since = now() from picked p where c.tenant_id = p.tenant_id and c.id = p.id
            returning c.tenant_id, c.id, c.status, c.version, c.status_reason
            """)
        guard let row = rows.first else { return false }
        let (tenant, campaign) = (try row.decode("tenant_id", as: TenantID.self), try row.decode("id", as: CampaignID.self))
        let (status, version) = (try row.decode("status", as: CampaignStatus.self), try row.decode("version", as: Int64.self))
        _ = try await delivery.call(
            DeliveryRPC.SetSendGate(
                tenant: tenant, scope: "campaign", id: campaign.description, isOpen: status == .active,
                reason: try row.decodeOptional("status_reason"), version: version))
        try await CampaignStore.noteGate(campaign, of: tenant, version: version, in: database)
        return true
    }
}
