import Contracts
import Foundation
import HTTP

/// What somebody sends to make or change a campaign; what is left out stays as it is, or is the default.
struct CampaignDraft: Codable, Sendable {
    var name: String?
    var audience: Audience?
    var enrolsLater: Bool?
    var steps: [Step]?
    var mailboxes: [MailboxID]?
    var schedule: CampaignSchedule?
    var stopsOnReply: Bool?
    var pauseUntilReturn: Bool?
    var tracksOpens: Bool?
    var tracksClicks: Bool?
    /// Null takes it away.
    var startsAt: Date??
    /// One mail of this template: the short form of `steps`.
    var template: TemplateID?
    /// The short form of `mailboxes`.
    var mailbox: MailboxID?

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decodeIfPresent(String.self, forKey: .name)
        audience = try container.decodeIfPresent(Audience.self, forKey: .audience)
        enrolsLater = try container.decodeIfPresent(Bool.self, forKey: .enrolsLater)
        steps = try container.decodeIfPresent([Step].self, forKey: .steps)
        mailboxes = try container.decodeIfPresent([MailboxID].self, forKey: .mailboxes)
        schedule = try container.decodeIfPresent(CampaignSchedule.self, forKey: .schedule)
        stopsOnReply = try container.decodeIfPresent(Bool.self, forKey: .stopsOnReply)
        pauseUntilReturn = try container.decodeIfPresent(Bool.self, forKey: .pauseUntilReturn)
        tracksOpens = try container.decodeIfPresent(Bool.self, forKey: .tracksOpens)
        tracksClicks = try container.decodeIfPresent(Bool.self, forKey: .tracksClicks)
        startsAt = container.contains(.startsAt) ? .some(try container.decodeIfPresent(Date.self, forKey: .startsAt)) : nil
        template = try container.decodeIfPresent(TemplateID.self, forKey: .template)
        mailbox = try container.decodeIfPresent(MailboxID.self, forKey: .mailbox)
    }

    /// The campaign's content with this change; a 422 problem names everything that is wrong.
    func applied(to content: CampaignContent) throws -> CampaignContent {
        var content = content
        if let name { content.name = name }
        if let audience { content.audience = audience }
        if let enrolsLater { content.enrolsLater = enrolsLater }
        if let template { content.steps = [Step(number: 1, action: .email(EmailStep(variants: [.init(name: "A", template: template)])))] }
        if let steps { content.steps = steps }
        if let mailbox { content.mailboxes = [mailbox] }
        if let mailboxes { content.mailboxes = mailboxes }
        if let schedule { content.schedule = schedule }
        if let stopsOnReply { content.stopsOnReply = stopsOnReply }
        if let pauseUntilReturn { content.pauseUntilReturn = pauseUntilReturn }
        if let tracksOpens { content.tracksOpens = tracksOpens }
        if let tracksClicks { content.tracksClicks = tracksClicks }
        if let startsAt { content.startsAt = startsAt }
        try content.check()
        return content
    }
}

extension CampaignContent {
    /// What a campaign is before anybody says more.
    static let empty = CampaignContent(
        name: "", audience: .workspace, enrolsLater: false, steps: [], mailboxes: [], schedule: CampaignSchedule(), stopsOnReply: true,
        tracksOpens: false, tracksClicks: false, startsAt: nil)

    /// Throws everything that is wrong with it by itself, whatever else there is, at once.
    func check() throws(HTTP.Problem) {
        var faults: [SequenceFault] = []
        if !(1...200).contains(name.count) { faults.append(.init(path: "name", detail: "A name has 1 to 200 characters.")) }
        // A draft may be without steps; launching it says so.
        if !steps.isEmpty { faults += CampaignSequence(version: 0, steps: steps).faults }
        if mailboxes.count > 200 { faults.append(.init(path: "mailboxes", detail: "A campaign has at most 200 mailboxes.")) }
        if Set(mailboxes).count != mailboxes.count { faults.append(.init(path: "mailboxes", detail: "A mailbox stands twice.")) }
        if let cap = schedule.dailyCap, !(1...1_000_000).contains(cap) {
            faults.append(.init(path: "schedule.daily_cap", detail: "The cap is from 1 to 1000000 mails a day."))
        }
        if ZoneClock(schedule.zone) == nil {
            faults.append(.init(path: "schedule.zone", detail: "There is no such time zone; use an IANA name, as Europe/Oslo."))
        }
        if let window = schedule.window {
            do throws(SendingWindow.Fault) {
                try window.check()
            } catch {
                faults.append(.init(path: "schedule.window", detail: error.description))
            }
        }
        if schedule.usesLeadZone && schedule.window == nil {
            faults.append(.init(path: "schedule.uses_lead_zone", detail: "Only a window can be in the lead's own zone."))
        }
        guard !faults.isEmpty else { return }
        let list = faults.prefix(50).map { ProblemValue.object(["path": .text($0.path), "detail": .text($0.detail)]) }
        throw HTTP.Problem.unprocessable(
            kind: "campaign_invalid", title: "The campaign cannot be like this.", detail: faults[0].detail, extensions: ["faults": .list(list)])
    }
}
