import Contracts
import Foundation
import Postgres

/// An enrolment as people see it.
struct EnrolmentView: Encodable, Sendable, Equatable {
    let id: EnrolmentID
    let campaign: CampaignID
    let lead: LeadID
    /// Nil when the lead is gone.
    let email: String?
    let status: EnrolmentStatus
    let step: Int
    /// Of one that waits.
    let dueAt: Date?
    let mailbox: MailboxID?
    let timeZone: String?
    let sequenceVersion: Int
    let exitReason: String?
    /// Why it ended or does not go on.
    let cause: EnrolmentCause?
    let createdAt: Date
    let finishedAt: Date?
}

/// Where a page of enrolments begins: behind this one. A list of one status is in the order of enrolments, which has an index; that of all is
/// in the order of leads, which has one too and in which nobody changes places while pages are turned.
struct EnrolmentPosition: Codable, Sendable, Equatable {
    let status: String?
    let after: UUID

    init(_ view: EnrolmentView, listedBy status: EnrolmentStatus?) {
        self.status = status?.rawValue
        after = status == nil ? view.lead.uuid : view.id.uuid
    }
}

/// The SQL of enrolments as people see them.
enum EnrolmentViewStore {
    /// Of `e`, with the address of `l`.
    static let columns: SQL = "\(EnrolmentStore.columns), e.campaign_id, e.created_at, e.finished_at, l.email"

    static func list(
        of campaign: CampaignID, tenant: TenantID, status: EnrolmentStatus?, after start: UUID?, limit: Int, in database: Database
    ) async throws -> [EnrolmentView] {
        let start = start ?? EnrolmentID.zero.uuid
        let order: SQL = status == nil ? "e.lead_id" : "e.id"
        let isAsked: SQL = status.map { status -> SQL in "e.status = \(status) and e.id > \(start)" } ?? "e.lead_id > \(start)"
        return try await database.query(
            as: tenant,
            """
            select \(columns) from (
                select \(EnrolmentStore.columns), e.tenant_id, e.campaign_id, e.created_at, e.finished_at from enrolments e
                where e.tenant_id = \(tenant) and e.campaign_id = \(campaign) and \(isAsked) order by \(order) limit \(limit)) e
            left join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id order by \(order)
            """
        ).map(view)
    }

    static func find(
        _ enrolment: EnrolmentID, in campaign: CampaignID, of tenant: TenantID, database: Database
    ) async throws -> EnrolmentView? {
        try await database.query(
            as: tenant,
            """
            select \(columns) from enrolments e left join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id
            where e.tenant_id = \(tenant) and e.id = \(enrolment) and e.campaign_id = \(campaign)
            """
        ).first.map(view)
    }

    static func view(_ row: Row) throws -> EnrolmentView {
        let enrolment = try EnrolmentStore.enrolment(row)
        return EnrolmentView(
            id: enrolment.id, campaign: try row.decode("campaign_id"), lead: enrolment.lead, email: try row.decodeOptional("email"),
            status: enrolment.status, step: enrolment.step, dueAt: enrolment.status == .waiting ? enrolment.dueAt : nil,
            mailbox: enrolment.mailbox, timeZone: enrolment.zone, sequenceVersion: enrolment.sequenceVersion, exitReason: enrolment.exitReason,
            cause: EnrolmentCause(status: enrolment.status, exitReason: enrolment.exitReason, step: enrolment.step),
            createdAt: try row.decode("created_at"), finishedAt: try row.decodeOptional("finished_at"))
    }
}
