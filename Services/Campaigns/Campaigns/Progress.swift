import Contracts
import Foundation
import Postgres

/// Where a campaign is: its status, its enrolments and its mails.
struct CampaignProgress: Sendable, Equatable {
    let status: CampaignStatus
    let statusReason: String?
    let enrolments: EnrolmentCounts
    /// Mails that may still go out; not a part of the enrolments' total.
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
                   \(EnrolmentCounts.columns), k.outstanding, coalesce((
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
        enrolments = try EnrolmentCounts(row: row)
        outstanding = try row.decode("outstanding")
        mails = try row.decode("mails")
        ratePerSecond = seconds > 0 ? (Double(mails) / seconds * 10).rounded() / 10 : nil
        waitingReason = try row.decodeOptional("waiting_reason")
        isEnrolled = try row.decode("is_enrolled")
        finishedAt = try row.decodeOptional("completed_at")
    }
}

/// The enrolments stand beside the rest.
extension CampaignProgress: Encodable {
    private enum CodingKeys: String, CodingKey {
        case status, statusReason, outstanding, mails, ratePerSecond, waitingReason, isEnrolled, finishedAt
    }

    func encode(to encoder: any Encoder) throws {
        try enrolments.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(status, forKey: .status)
        try container.encodeIfPresent(statusReason, forKey: .statusReason)
        try container.encode(outstanding, forKey: .outstanding)
        try container.encode(mails, forKey: .mails)
        try container.encodeIfPresent(ratePerSecond, forKey: .ratePerSecond)
        try container.encodeIfPresent(waitingReason, forKey: .waitingReason)
        try container.encode(isEnrolled, forKey: .isEnrolled)
        try container.encodeIfPresent(finishedAt, forKey: .finishedAt)
    }
}
