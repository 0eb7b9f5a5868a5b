import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

/// A campaign written straight into a real database, with whatever figures and enrolments a test wants.
struct AnalyticsGround: Sendable {
    static let zone = "Europe/Oslo"
    static let mail = Step(number: 1, action: .email(EmailStep(variants: [.init(name: "A", template: TemplateID(UUID()), templateVersion: 1)])))

    let fixture: CampaignsFixture
    let campaign: CampaignID

    var tenant: TenantID { fixture.tenant }
    var workspace: WorkspaceID { fixture.peers.workspace }
    var worker: Database { fixture.house.house.worker }
    var now: Date { fixture.house.clock.clock.now }
    var path: String { "/api/v1/campaigns/\(campaign)" }

    static func make(steps: [Step] = [Self.mail], audience: Audience = .workspace) async throws -> AnalyticsGround {
        let fixture = try await CampaignsFixture.make()
        let ground = AnalyticsGround(fixture: fixture, campaign: CampaignID(.v7(at: fixture.house.clock.clock.now)))
        try await ground.insert(ground.campaign, in: ground.workspace, steps: steps, audience: audience)
        return ground
    }

    static func content(steps: [Step], mailboxes: [MailboxID], audience: Audience = .workspace) -> CampaignContent {
        CampaignContent(
            name: "Spring", audience: audience, enrolsLater: false, steps: steps, mailboxes: mailboxes,
            schedule: CampaignSchedule(zone: zone), stopsOnReply: true, tracksOpens: true, tracksClicks: true, startsAt: nil)
    }

    func insert(_ id: CampaignID, in workspace: WorkspaceID, steps: [Step] = [Self.mail], audience: Audience = .workspace) async throws {
        let campaign = Campaign(
            id: id, workspace: workspace, content: Self.content(steps: steps, mailboxes: [fixture.peers.mailbox], audience: audience),
            sequenceVersion: 1, status: .active, version: 1, revision: 1, createdAt: now)
        try await worker.transaction { try await CampaignStore.insert(campaign, of: tenant, in: $0) }
        try await worker.query("update campaigns set launched_at = \(now), is_enrolled = true where tenant_id = \(tenant) and id = \(id)")
    }

    func insert(_ rows: [StatRow], of campaign: CampaignID? = nil) async throws {
        let campaign = campaign ?? self.campaign
        try await worker.query(
            """
            insert into step_stats (tenant_id, campaign_id, day, step, variant, sent, refused, bounced, opened, machine_opened, clicked, replied,
                complained, unsubscribed)
            select \(tenant), \(campaign), day::date, step, variant, sent, refused, bounced, opened, machine_opened, clicked, replied, complained,
                unsubscribed
            from unnest(\(rows.map { $0.day ?? "" }), \(rows.map { $0.step ?? 0 }), \(rows.map { $0.variant ?? "" }), \(rows.map(\.figures.sent)),
                        \(rows.map(\.figures.refused)), \(rows.map(\.figures.bounced)), \(rows.map(\.figures.opened)),
                        \(rows.map(\.figures.machineOpened)), \(rows.map(\.figures.clicked)), \(rows.map(\.figures.replied)),
                        \(rows.map(\.figures.complained)), \(rows.map(\.figures.unsubscribed)))
                as n (day, step, variant, sent, refused, bounced, opened, machine_opened, clicked, replied, complained, unsubscribed)
            """)
    }

    /// A lead of the workspace; gives its identifier.
    @discardableResult
    func lead(_ email: String, status: LeadStatus = .active, isAttached: Bool = true) async throws -> LeadID {
        let lead = LeadID(.v7(at: now))
        try await worker.query(
            """
            insert into leads (tenant_id, id, email, status, status_changed_at, created_at, updated_at)
            values (\(tenant), \(lead), \(email), \(status), \(now), \(now), \(now))
            """)
        if isAttached {
            try await worker.query(
                "insert into lead_workspaces (tenant_id, workspace_id, lead_id) values (\(tenant), \(workspace), \(lead))")
        }
        return lead
    }

    /// An enrolment that counts, with the mail of its step where it is under way; gives its identifier.
    @discardableResult
    func enrol(
        _ lead: LeadID, status: EnrolmentStatus = .waiting, send: EnrolmentSend.State? = nil, variant: String = "A"
    ) async throws -> EnrolmentID {
        let enrolment = EnrolmentID(.v7(at: now))
        let mailbox = send == nil ? nil : fixture.peers.mailbox
        try await worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, status, step, mailbox_id, due_at, created_at)
            values (\(tenant), \(enrolment), \(campaign), \(lead), \(status), 1, \(mailbox), \(now), \(now))
            """)
        var counters = CounterChange()
        counters.move(from: nil, to: status)
        counters.note(nil, send)
        try await worker.query(counters.statement(campaign, of: tenant))
        guard let send else { return enrolment }
        try await worker.query(
            """
            insert into enrolment_sends (tenant_id, enrolment_id, step, campaign_id, lead_id, variant, template_id, template_version, mailbox_id,
                state, planned_at)
            values (\(tenant), \(enrolment), 1, \(campaign), \(lead), \(variant), \(UUID()), 1, \(fixture.peers.mailbox), \(send), \(now))
            """)
        return enrolment
    }

    /// A request of somebody who may use only these workspaces.
    func get(_ path: String, workspaces: [WorkspaceID]?) async throws -> CampaignsFixture.Answer {
        let headers = try await fixture.house.identityHeader(tenant: tenant, role: .viewer, workspaces: workspaces)
        return try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: path, method: .get, headers: headers) {
                CampaignsFixture.Answer(status: $0.status.code, body: String(buffer: $0.body))
            }
        }
    }

    func read<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) async throws -> Value {
        let answer = try await fixture.send(.get, path)
        #expect(answer.status == 200, "\(answer.body)")
        return try WireJSON.decoder().decode(Value.self, from: Data(answer.body.utf8))
    }
}

/// Figures as the wire has them.
struct WireFigures: Decodable, Equatable, Sendable {
    var sent: Int64 = 0
    var delivered: Int64 = 0
    var refused: Int64 = 0
    var bounced: Int64 = 0
    var opened: Int64 = 0
    var machineOpened: Int64 = 0
    var clicked: Int64 = 0
    var replied: Int64 = 0
    var complained: Int64 = 0
    var unsubscribed: Int64 = 0

    init(_ counts: [Int64] = Array(repeating: 0, count: 10)) {
        (sent, delivered, refused, bounced, opened) = (counts[0], counts[1], counts[2], counts[3], counts[4])
        (machineOpened, clicked, replied, complained, unsubscribed) = (counts[5], counts[6], counts[7], counts[8], counts[9])
    }

    init(_ figures: MailFigures) {
        self.init(figures.cells.map(\.count))
    }

    var counts: [Int64] { [sent, delivered, refused, bounced, opened, machineOpened, clicked, replied, complained, unsubscribed] }

    static func sum(_ parts: some Sequence<WireFigures>) -> WireFigures {
        WireFigures(parts.reduce(Array(repeating: Int64(0), count: 10)) { sum, part in zip(sum, part.counts).map { $0 + $1 } })
    }
}

/// Reports as the wire has them.
struct WireReport: Decodable, Sendable {
    struct Template: Decodable, Sendable {
        let name: String?
    }

    struct Group: Decodable, Sendable {
        let day: String?
        let step: Int?
        let kind: String?
        let isCurrent: Bool?
        let templates: [Template]?
        let variant: String?
        let template: Template?
        let share: Double?
        let isWinner: Bool?
        let figures: WireFigures
    }

    struct Point: Decodable, Sendable {
        let from: String
        let to: String
        let figures: WireFigures
    }

    let totals: WireFigures
    let groups: [Group]?
    let points: [Point]?
    let enrolments: [String: Int64]?
}
