import Contracts
import Foundation
import Postgres

/// Where a campaign's enrolments are; the parts always sum to the total.
struct CampaignProgress: Encodable, Sendable, Equatable {
    let status: CampaignStatus
    let statusReason: String?
    let total: Int64
    let waiting: Int64
    let queued: Int64
    let deferred: Int64
    let held: Int64
    let finished: Int64
    let failed: Int64
    let suppressed: Int64
    let replied: Int64
    let bounced: Int64
    let complained: Int64
    let unsubscribed: Int64
    let removed: Int64
    /// Mails that may still go out; not a part of the total.
    let outstanding: Int64
    /// Mails that went out, of all steps.
    let mails: Int64
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
                   k.total, k.waiting, k.queued, k.deferred, k.held, k.finished, k.failed, k.suppressed, k.replied, k.bounced, k.complained,
                   k.unsubscribed, k.removed, k.outstanding, coalesce((
                       select sum(t.sent) from step_stats t where t.tenant_id = c.tenant_id and t.campaign_id = c.id), 0)::bigint as mails
            from campaigns c join campaign_counters k on k.tenant_id = c.tenant_id and k.campaign_id = c.id
            where c.tenant_id = \(tenant) and c.id = \(campaign)
            """
        ).first.map(Self.init(row:))
    }

    private init(row: Row) throws {
        let first: Date? = try row.decodeOptional("first_resolved_at")
        let last: Date? = try row.decodeOptional("last_resolved_at")
        let seconds = first.flatMap { first in last.map { $0.timeIntervalSince(first) } } ?? 0
        status = try row.decode("status")
        statusReason = try row.decodeOptional("status_reason")
        total = try row.decode("total")
        waiting = try row.decode("waiting")
        queued = try row.decode("queued")
        deferred = try row.decode("deferred")
        held = try row.decode("held")
        finished = try row.decode("finished")
        failed = try row.decode("failed")
        suppressed = try row.decode("suppressed")
        replied = try row.decode("replied")
        bounced = try row.decode("bounced")
        complained = try row.decode("complained")
        unsubscribed = try row.decode("unsubscribed")
        removed = try row.decode("removed")
        outstanding = try row.decode("outstanding")
        mails = try row.decode("mails")
        ratePerSecond = seconds > 0 ? (Double(mails) / seconds * 10).rounded() / 10 : nil
        waitingReason = try row.decodeOptional("waiting_reason")
        isEnrolled = try row.decode("is_enrolled")
        finishedAt = try row.decodeOptional("completed_at")
    }
}
