import Contracts
import Foundation
import Postgres

/// How many of a campaign's enrolments are where; the parts always sum to the total.
struct EnrolmentCounts: Encodable, Sendable, Equatable {
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

    /// Of `campaign_counters` as `k`.
    static let columns: SQL = """
        k.total, k.waiting, k.queued, k.deferred, k.held, k.finished, k.failed, k.suppressed, k.replied, k.bounced, k.complained, k.unsubscribed,
        k.removed
        """

    /// From the counters that are kept with the enrolments; nobody is counted.
    static func read(_ campaign: CampaignID, of tenant: TenantID, in database: Database) async throws -> EnrolmentCounts? {
        try await database.query(
            as: tenant, "select \(columns) from campaign_counters k where k.tenant_id = \(tenant) and k.campaign_id = \(campaign)"
        ).first.map(Self.init(row:))
    }

    init(row: Row) throws {
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
    }
}
