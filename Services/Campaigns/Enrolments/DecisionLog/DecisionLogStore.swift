import Contracts
import Foundation
import Postgres

/// Which enrolment is asked about.
enum EnrolmentKey: Sendable {
    case enrolment(EnrolmentID)
    case lead(LeadID)
}

/// What is stored of an enrolment, or of a lead that has none, and of what it depends on.
struct DecisionRecord: Sendable {
    var view: EnrolmentView?
    var story: DecisionLog.Story?
    var person: DecisionLog.Person?
    var versions: [DecisionLog.Version] = []
    var tests: [Int: TestState] = [:]
    var pace: Pace

    /// What the campaign may still mail today.
    struct Pace: Sendable {
        let sentToday: Int
        let outstanding: Int
        let cursor: Int64
        let mayMail: Bool
        /// Whether enrolling is done for good.
        let isEnrolled: Bool
    }
}

/// The SQL of decision logs; everything is found by the enrolment's key or the campaign's.
enum DecisionLogStore {
    /// More than any sequence has steps and most campaigns have edits.
    private static let mostDecisions = 500
    private static let mostVersions = 100

    static func read(
        _ key: EnrolmentKey, in campaign: Campaign, of tenant: TenantID, now: Date, transaction: Transaction
    ) async throws -> DecisionRecord? {
        guard let pace = try await Self.pace(of: campaign, tenant: tenant, now: now, in: transaction) else { return nil }
        var record = DecisionRecord(pace: pace)
        if let row = try await enrolment(key, in: campaign.id, of: tenant, transaction: transaction) {
            let enrolment = try EnrolmentStore.enrolment(row)
            record.view = try EnrolmentViewStore.view(row)
            record.story = DecisionLog.Story(
                enrolment: enrolment, enrolledAt: try row.decode("created_at"), finishedAt: try row.decodeOptional("finished_at"),
                sends: try await sends(of: enrolment.id, tenant: tenant, in: transaction),
                decisions: try await decisions(of: enrolment.id, tenant: tenant, in: transaction))
            record.versions = try await versions(of: campaign.id, tenant: tenant, in: transaction)
            record.tests = try await tests(of: campaign.id, tenant: tenant, in: transaction)
        }
        let lead: LeadID?
        switch key {
        case .lead(let asked): lead = asked
        case .enrolment: lead = record.story?.enrolment.lead
        }
        if let lead {
            let needsAudience = record.story.map { $0.enrolment.status == .waiting && $0.enrolment.mailbox == nil } ?? true
            record.person = try await person(
                lead, campaign, of: tenant, needsAudience: needsAudience, now: now, in: transaction)
        }
        return record
    }

    private static func enrolment(
        _ key: EnrolmentKey, in campaign: CampaignID, of tenant: TenantID, transaction: Transaction
    ) async throws -> Row? {
        let isAsked: SQL =
            switch key {
            case .enrolment(let enrolment): "e.id = \(enrolment)"
            case .lead(let lead): "e.lead_id = \(lead)"
            }
        return try await transaction.query(
            """
            select \(EnrolmentViewStore.columns) from enrolments e left join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id
            where e.tenant_id = \(tenant) and e.campaign_id = \(campaign) and \(isAsked)
            """
        ).first
    }

    private static func sends(of enrolment: EnrolmentID, tenant: TenantID, in transaction: Transaction) async throws -> [DecisionLog.Send] {
        let records = try await SendStore.read([enrolment], of: tenant, in: transaction)
        let planned = try await transaction.query(
            "select step, planned_at from enrolment_sends where tenant_id = \(tenant) and enrolment_id = \(enrolment)"
        ).reduce(into: [Int: Date]()) { planned, row in planned[try row.decode("step")] = try row.decode("planned_at", as: Date.self) }
        return records.compactMap { record in
            planned[record.send.step].map { DecisionLog.Send(record: record, plannedAt: $0) }
        }
    }

    private static func decisions(
        of enrolment: EnrolmentID, tenant: TenantID, in transaction: Transaction
    ) async throws -> [DecisionLog.Decision] {
        try await transaction.query(
            """
            select step, kind, detail, at from enrolment_decisions where tenant_id = \(tenant) and enrolment_id = \(enrolment)
            order by id limit \(mostDecisions)
            """
        ).map { row in
            let detail: String = try row.decode("detail")
            return DecisionLog.Decision(
                step: try row.decodeOptional("step"), kind: try row.decode("kind"),
                detail: try WireJSON.decoder().decode([String: String].self, from: Data(detail.utf8)), at: try row.decode("at"))
        }
    }

    private static func versions(of campaign: CampaignID, tenant: TenantID, in transaction: Transaction) async throws -> [DecisionLog.Version] {
        try await transaction.query(
            """
            select version, steps, created_at from campaign_sequences where tenant_id = \(tenant) and campaign_id = \(campaign)
            order by version desc limit \(mostVersions)
            """
        ).map { row in
            let sequence = CampaignSequence(version: try row.decode("version"), steps: try CampaignStore.steps(row))
            return DecisionLog.Version(sequence: sequence, since: try row.decode("created_at"))
        }
    }

    private static func tests(of campaign: CampaignID, tenant: TenantID, in transaction: Transaction) async throws -> [Int: TestState] {
        let rows = try await transaction.query(
            "select step, opened_at, winner from step_tests where tenant_id = \(tenant) and campaign_id = \(campaign)")
        return try rows.reduce(into: [:]) { tests, row in
            tests[try row.decode("step")] = TestState(openedAt: try row.decode("opened_at"), winner: try row.decodeOptional("winner"))
        }
    }

    /// Nil when the lead is gone.
    private static func person(
        _ lead: LeadID, _ campaign: Campaign, of tenant: TenantID, needsAudience: Bool, now: Date, in transaction: Transaction
    ) async throws -> DecisionLog.Person? {
        let rows = try await transaction.query(
            """
            select l.status, l.status_changed_at, exists (
                select from lead_workspaces w where w.tenant_id = l.tenant_id and w.workspace_id = \(campaign.workspace) and w.lead_id = l.id
            ) as is_attached
            from leads l where l.tenant_id = \(tenant) and l.id = \(lead)
            """)
        guard let row = rows.first else { return nil }
        var person = DecisionLog.Person(
            status: try row.decode("status"), statusChangedAt: try row.decodeOptional("status_changed_at"),
            isAttached: try row.decode("is_attached"))
        guard needsAudience else { return person }
        do {
            let matching = try await AudienceResolver().stillMatching(
                [lead], of: campaign.content.audience, tenant: tenant, workspace: campaign.workspace, now: now, in: transaction)
            person.isInAudience = matching.contains(lead)
        } catch is AudienceError {
            person.isInAudience = nil
        }
        return person
    }

    /// As rounds read it, without holding anything. Nil when the campaign is gone.
    private static func pace(
        of campaign: Campaign, tenant: TenantID, now: Date, in transaction: Transaction
    ) async throws -> DecisionRecord.Pace? {
        let today = campaign.content.schedule.days.localDay(of: now)
        let rows = try await transaction.query(
            """
            select c.rotation_cursor, c.is_enrolled, coalesce(k.outstanding, 0) as outstanding, coalesce(a.access, 'full') as access,
                   coalesce(a.is_suspended, false) as is_suspended,
                   coalesce((select sum(t.sent) from step_stats t where t.tenant_id = c.tenant_id and t.campaign_id = c.id
                       and t.day >= \(today)::date), 0)::bigint as sent
            from campaigns c
            left join campaign_counters k on k.tenant_id = c.tenant_id and k.campaign_id = c.id
            left join tenant_access a on a.tenant_id = c.tenant_id
            where c.tenant_id = \(tenant) and c.id = \(campaign.id)
            """)
        guard let row = rows.first else { return nil }
        return DecisionRecord.Pace(
            sentToday: try row.decode("sent"), outstanding: try row.decode("outstanding"), cursor: try row.decode("rotation_cursor"),
            mayMail: try RoundStore.mayMail(row), isEnrolled: try row.decode("is_enrolled"))
    }
}
