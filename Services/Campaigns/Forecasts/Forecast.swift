import Contracts
import Foundation

/// What a campaign will send when, and from where, if nothing changes and nobody answers.
struct Forecast: Codable, Sendable, Equatable {
    struct Day: Codable, Sendable, Equatable {
        /// In the campaign's zone.
        let day: String
        var mails = 0
        /// Of these, first mails.
        var firstMails = 0
        var mailboxes: [MailboxShare] = []
    }

    struct MailboxShare: Codable, Sendable, Equatable {
        let mailbox: MailboxID
        var mails: Int
    }

    var days: [Day] = []
    var mails = 0
    var firstMailAt: Date?
    var lastMailAt: Date?
    /// The local day on which the last mail goes; nil when it cannot be told.
    var endsOn: String?
    /// Whether every mail found its place; otherwise `unplaced` mails wait for what `reason` says, or come after the last day looked at.
    var isComplete = true
    var unplaced = 0
    var reason: WaitReason?
    /// What was taken for granted.
    var assumptions: [String] = []
}

/// Enrolments that are alike: where they stand, since when, and through which mailbox.
struct ForecastGroup: Sendable, Hashable {
    var step: Int
    var dueAt: Date
    var zone: String?
    /// Nil before the first mail.
    var mailbox: MailboxID?
}

/// What a forecast starts from.
struct ForecastInput: Sendable {
    let now: Date
    let schedule: CampaignSchedule
    let sequence: CampaignSequence
    let rooms: [MailboxRoom]
    let cursor: Int64
    /// Mails that went out today, and those that are out.
    var sentToday = 0
    var outstanding = 0
    var groups: [ForecastGroup: Int]
}
