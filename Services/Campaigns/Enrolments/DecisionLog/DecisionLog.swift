import Contracts
import Foundation

/// Why a lead was mailed or not, and what is to come, in plain English: a function of what is stored, of Delivery's figures and of the clock.
///
/// What is to come is asked of the code that decides it: the walk through the sequence, the choice of variants, the schedule and the planner.
struct DecisionLog: Sendable {
    struct Line: Codable, Sendable, Equatable {
        /// When it happened; of what is to come, when it is due.
        let at: Date
        /// A stable word for programs.
        let code: String
        let text: String
    }

    /// A mail with the instant at which it was decided.
    struct Send: Sendable {
        let record: SendRecord
        let plannedAt: Date

        var number: Int { record.send.step }
        var sentAt: Date? { record.send.state.isSent ? record.send.sentAt ?? plannedAt : nil }
    }

    /// A row of `enrolment_decisions`.
    struct Decision: Sendable {
        let step: Int?
        let kind: String
        let detail: [String: String]
        let at: Date
    }

    /// A version of the steps, in force from an instant on.
    struct Version: Sendable {
        let sequence: CampaignSequence
        let since: Date
    }

    /// What is known of the lead now.
    struct Person: Sendable {
        let status: LeadStatus
        var statusChangedAt: Date?
        var isAttached = true
        /// Nil when nobody can say, since the list or segment is gone; asked only of those who have had no mail.
        var isInAudience: Bool? = true
    }

    /// What the planner starts from.
    struct Limits: Sendable {
        let sentToday: Int
        let outstanding: Int
        let cursor: Int64
        let rooms: [MailboxRoom]
    }

    /// An enrolment with all that explains it.
    struct Story: Sendable {
        var enrolment: Enrolment
        let enrolledAt: Date
        var finishedAt: Date?
        var sends: [Send] = []
        var decisions: [Decision] = []
    }

    let campaign: Campaign
    let now: Date
    /// All versions of the steps, the newest first; the current one may be left out.
    var versions: [Version] = []
    /// By step.
    var tests: [Int: TestState] = [:]
    /// Nil when the lead is gone.
    var person: Person?
    var mayMail = true
    /// Nil when Delivery did not answer: then the campaign's own word counts.
    var limits: Limits?
    /// Addresses, where they are known.
    var mailboxes: [MailboxID: String] = [:]

    var time: LogTime { LogTime(zone: campaign.content.schedule.days.zone) }
    var schedule: CampaignSchedule { campaign.content.schedule }
    var sequence: CampaignSequence { CampaignSequence(version: campaign.sequenceVersion, steps: campaign.content.steps) }

    /// What happened, oldest first, and then what is to come.
    func lines(_ story: Story) -> [Line] {
        var past = [Line(at: story.enrolledAt, code: "enrolled", text: "Enrolled on \(time.moment(story.enrolledAt)).")]
        past += story.sends.sorted { $0.number < $1.number }.map { line($0) }
        past += story.decisions.compactMap { line($0, of: story) }
        if let end = end(of: story) { past.append(end) }
        // What was told first stays first among what happened at once.
        let ordered = past.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }.map(\.element)
        return ordered + outlook(story)
    }

    // MARK: - Names

    /// The newest version of the steps that was in force at an instant.
    func sequence(at instant: Date) -> CampaignSequence {
        versions.filter { $0.since <= instant }.max { $0.since < $1.since }?.sequence ?? sequence
    }

    func version(_ number: Int) -> CampaignSequence? {
        number == campaign.sequenceVersion ? sequence : versions.first { $0.sequence.version == number }?.sequence
    }

    func name(of mailbox: MailboxID) -> String { mailboxes[mailbox] ?? "mailbox \(mailbox)" }

    /// `step 1`, or `step 1 (variant B)` where there are several.
    func name(ofStep number: Int, variant: String?) -> String {
        let variants = sequence.step(number)?.email?.variants.count ?? 0
        guard let variant, variants != 1 || variant != sequence.step(number)?.email?.variants.first?.name else { return "step \(number)" }
        return "step \(number) (variant \(variant))"
    }

    /// `segment`, `list` or `workspace`.
    var audienceName: String {
        switch campaign.content.audience {
        case .workspace: "workspace"
        case .list: "list"
        case .segment: "segment"
        }
    }

    /// What an act of the lead, or of those who speak for the address, is called.
    static func words(for status: LeadStatus) -> String {
        switch status {
        case .active: "may be mailed"
        case .unsubscribed: "opted out"
        case .bounced: "has an address that does not take mail"
        case .complained: "complained about mail"
        case .suppressed: "is on the suppression list"
        }
    }
}
