import Contracts
import Foundation
import Postgres

/// Where a campaign's mails are; the parts always sum to the total.
struct CampaignProgress: Encodable, Sendable, Equatable {
    let status: CampaignStatus
    let statusReason: String?
    let total: Int64
    let waiting: Int64
    let queued: Int64
    let sent: Int64
    let failed: Int64
    let held: Int64
    let suppressed: Int64
    let deferred: Int64
    /// Between the first and the last mail whose fate is known; nil before two are.
    let ratePerSecond: Double?
    let waitingReason: String?
    let isEnrolled: Bool
    let finishedAt: Date?

    static func read(_ campaign: CampaignID, of tenant: TenantID, in database: Database) async throws -> CampaignProgress? {
        try await database.query(
            as: tenant,
            """
            select c.status, c.status_reason, c.waiting_reason, c.is_enrolled, c.completed_at, c.first_resolved_at, c.last_resolved_at,
                   k.total, k.waiting, k.queued, k.sent, k.failed, k.held, k.suppressed, k.deferred
            from campaigns c join campaign_counters k on k.tenant_id = c.tenant_id and k.campaign_id = c.id
            where c.tenant_id = \(tenant) and c.id = \(campaign)
            """
        ).first.map { row in
            let first: Date? = try row.decodeOptional("first_resolved_at")
            let last: Date? = try row.decodeOptional("last_resolved_at")
            let sent: Int64 = try row.decode("sent")
            let seconds = first.flatMap { first in last.map { $0.timeIntervalSince(first) } } ?? 0
            return CampaignProgress(
                status: try row.decode("status"), statusReason: try row.decodeOptional("status_reason"), total: try row.decode("total"),
                waiting: try row.decode("waiting"), queued: try row.decode("queued"), sent: sent, failed: try row.decode("failed"),
                held: try row.decode("held"), suppressed: try row.decode("suppressed"), deferred: try row.decode("deferred"),
                ratePerSecond: seconds > 0 ? (Double(sent) / seconds * 10).rounded() / 10 : nil,
                waitingReason: try row.decodeOptional("waiting_reason"), isEnrolled: try row.decode("is_enrolled"),
                finishedAt: try row.decodeOptional("completed_at"))
        }
    }
}
