import Contracts
import Foundation
import Testing

@testable import Campaigns

/// A lead in a campaign in Oslo that mails on weekdays from nine to five: enrolled on Monday, 2 November 2026, asked about on Friday at eleven.
struct DecisionScene: Sendable {
    static let mailbox = MailboxID(UUID())
    static let otherMailbox = MailboxID(UUID())
    static let template = TemplateID(UUID())

    var steps: [Step]
    var status = CampaignStatus.active
    var statusReason: String?
    var waitingReason: String?
    var nextAt: Date?
    var dailyCap: Int?
    var usesLeadZone = false
    var sequenceVersion = 1
    var enrolment: Enrolment
    var finishedAt: Date?
    var sends: [DecisionLog.Send] = []
    var decisions: [DecisionLog.Decision] = []
    var versions: [DecisionLog.Version] = []
    var tests: [Int: TestState] = [:]
    var person: DecisionLog.Person? = DecisionLog.Person(status: .active)
    var mayMail = true
    var sentToday = 0
    var budgets = [DecisionScene.budget(DecisionScene.mailbox)]
    var hasLimits = true
    var now = DecisionScene.at("2026-11-06T10:00:00Z")

    init() {
        func mail(_ number: Int, _ names: [String]) -> Step {
            Step(number: number, action: .email(EmailStep(variants: names.map { .init(name: $0, template: Self.template, templateVersion: 1) })))
        }
        steps = [
            mail(1, ["A", "B"]), Step(number: 2, action: .wait(259_200)),
            Step(number: 3, action: .condition(ConditionStep(test: .opened(step: 1), then: .step(5), otherwise: .following))), mail(4, ["A"]),
            mail(5, ["A"]),
        ]
        enrolment = Enrolment(
            id: EnrolmentID(UUID()), lead: LeadID(UUID()), status: .waiting, step: 4, dueAt: Self.at("2026-11-05T13:00:00Z"), sequenceVersion: 1,
            mailbox: Self.mailbox)
    }

    static func at(_ text: String) -> Date { WireJSON.parse(text) ?? .distantPast }

    /// A mailbox; full until Saturday, where that is asked for.
    static func budget(_ id: MailboxID, state: String = "active", isFull: Bool = false) -> DeliveryRPC.MailboxBudget {
        DeliveryRPC.MailboxBudget(
            id: id, workspace: workspace, address: id == mailbox ? "a@x.org" : "b@x.org", state: state, stateReason: nil, dailyLimit: 10, ramp: [],
            hourlyLimit: nil, gapSeconds: 0, opensAt: nil, usage: isFull ? [.init(hour: at("2026-11-06T09:00:00Z"), mails: 10)] : [], waiting: 0,
            health: 100)
    }

    static let workspace = WorkspaceID(UUID())
    static let full = budget(mailbox, isFull: true)

    mutating func send(
        _ step: Int = 1, _ state: EnrolmentSend.State = .accepted, variant: String = "B", planned: String = "2026-11-02T08:19:00Z",
        sent: String? = "2026-11-02T08:20:00Z", _ change: (inout SendRecord) -> Void = { _ in }
    ) {
        var send = EnrolmentSend(enrolment: enrolment.id, step: step, variant: variant, mailbox: Self.mailbox, state: state)
        if state.isSent { send.sentAt = sent.map(Self.at) }
        var record = SendRecord(send: send, campaign: CampaignID(UUID()))
        change(&record)
        sends.append(DecisionLog.Send(record: record, plannedAt: Self.at(planned)))
    }

    mutating func decide(_ kind: String, _ step: Int, _ detail: [String: String], at text: String) {
        decisions.append(DecisionLog.Decision(step: step, kind: kind, detail: detail, at: Self.at(text)))
    }

    mutating func end(_ status: EnrolmentStatus, _ reason: String, at text: String) {
        enrolment.status = status
        enrolment.exitReason = reason
        finishedAt = Self.at(text)
    }

    var log: DecisionLog {
        let openings = (1...5).map { SendingWindow.Opening(weekday: $0, start: 540, end: 1_020) }
        let content = CampaignContent(
            name: "C", audience: .segment(SegmentID(UUID())), enrolsLater: false, steps: steps, mailboxes: [Self.mailbox, Self.otherMailbox],
            schedule: CampaignSchedule(
                window: SendingWindow(zone: "Europe/Oslo", openings: openings), usesLeadZone: usesLeadZone, zone: "Europe/Oslo", dailyCap: dailyCap),
            stopsOnReply: true, tracksOpens: true, tracksClicks: true, startsAt: nil)
        let campaign = Campaign(
            id: CampaignID(UUID()), workspace: Self.workspace, content: content, sequenceVersion: sequenceVersion, status: status, version: 1,
            statusReason: statusReason, revision: 1, waitingReason: waitingReason, nextAt: nextAt, createdAt: Self.at("2026-11-01T08:00:00Z"))
        var log = DecisionLog(campaign: campaign, now: now)
        log.versions = versions
        log.tests = tests
        log.person = person
        log.mayMail = mayMail
        log.mailboxes = Dictionary(uniqueKeysWithValues: budgets.map { ($0.id, $0.address) })
        if hasLimits {
            log.limits = DecisionLog.Limits(
                sentToday: sentToday, outstanding: 0, cursor: 0, rooms: budgets.map { MailboxRoom($0, readAt: now) })
        }
        return log
    }

    /// All lines but the first as `code: text`.
    var told: [String] {
        let story = DecisionLog.Story(
            enrolment: enrolment, enrolledAt: Self.at("2026-11-02T08:14:00Z"), finishedAt: finishedAt, sends: sends, decisions: decisions)
        return log.lines(story).dropFirst().map { "\($0.code): \($0.text)" }
    }
}

/// Something that can be the case, and what the log says then.
struct DecisionSituation: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let change: @Sendable (inout DecisionScene) -> Void
    let expected: [String]

    init(_ name: String, _ expected: String..., change: @escaping @Sendable (inout DecisionScene) -> Void) {
        testDescription = name
        self.change = change
        self.expected = expected
    }
}
