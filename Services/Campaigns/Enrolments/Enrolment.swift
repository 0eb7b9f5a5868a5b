import Contracts
import Foundation

/// Where one lead is in one campaign; the name of a status is also that of the part of the progress it counts towards.
enum EnrolmentStatus: String, Codable, Sendable, CaseIterable {
    /// Its next step has an instant.
    case waiting
    /// Its mail is decided and on its way to Delivery.
    case handingOver = "handing_over"
    case queued
    /// A server said "later"; Delivery tries again.
    case deferred
    /// Nobody knows whether its mail arrived: frozen until that is settled.
    case held

    case finished
    case failed
    case suppressed
    case replied
    case bounced
    case complained
    case unsubscribed
    /// Taken out: by somebody, by erasure, or because it no longer belongs to the audience.
    case removed

    /// Whether a mail of it may be with Delivery.
    var isInFlight: Bool { self == .handingOver || self == .queued || self == .deferred || self == .held }

    /// Zero while something is still to come; of two ends the higher one says more about the person.
    var finality: Int {
        switch self {
        case .waiting, .handingOver, .queued, .deferred, .held: 0
        case .finished: 1
        case .failed, .suppressed, .removed: 2
        case .replied: 3
        case .bounced: 4
        case .unsubscribed: 5
        case .complained: 6
        }
    }

    var isFinal: Bool { finality > 0 }

    /// The counter of the campaign that it is a part of.
    var bucket: String { self == .handingOver ? Self.waiting.rawValue : rawValue }
}

/// One lead in one campaign.
struct Enrolment: Sendable, Equatable {
    let id: EnrolmentID
    let lead: LeadID
    var status: EnrolmentStatus
    /// Where it stands: a mail or a condition; after the end, the last one.
    var step: Int
    var dueAt: Date
    var sequenceVersion: Int
    /// That of its thread.
    var mailbox: MailboxID?
    var zone: String?
    var exitReason: String?
    /// It ended while a mail may still be with Delivery.
    var needsWithdrawal = false
    /// The wish by which it ended, as long as that can be taken back.
    var optOut: OptOut?

    /// A recipient's wish, and what the enrolment was before.
    struct OptOut: Sendable, Equatable {
        /// The mail whose link it was.
        let send: SendID
        let status: EnrolmentStatus
        let exitReason: String?
    }

    init(
        id: EnrolmentID, lead: LeadID, status: EnrolmentStatus, step: Int, dueAt: Date, sequenceVersion: Int, mailbox: MailboxID? = nil,
        zone: String? = nil, exitReason: String? = nil
    ) {
        self.id = id
        self.lead = lead
        self.status = status
        self.step = step
        self.dueAt = dueAt
        self.sequenceVersion = sequenceVersion
        self.mailbox = mailbox
        self.zone = zone
        self.exitReason = exitReason
    }

    /// The key under which the mail of a step is known for ever.
    static func sendKey(_ enrolment: EnrolmentID, step: Int) -> String { "campaign:\(enrolment):\(step)" }

    /// The enrolment and step of a key; nil for keys of other mail.
    static func parse(sendKey: String) -> (enrolment: EnrolmentID, step: Int)? {
        let parts = sendKey.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0] == "campaign", let enrolment = EnrolmentID(parts[1]), let step = Int(parts[2]) else { return nil }
        return (enrolment, step)
    }
}

/// The mail of one step of an enrolment, and what became of it.
struct EnrolmentSend: Sendable, Equatable {
    enum State: String, Codable, Sendable {
        case planned
        case queued
        case deferred
        case ambiguous
        case accepted
        case refused
        case suppressed
        case cancelled

        /// Whether it may still go out.
        var isOutstanding: Bool { self == .planned || self == .queued || self == .deferred }
        /// Whether it went out, or may have.
        var isSent: Bool { self == .accepted || self == .ambiguous }
    }

    let enrolment: EnrolmentID
    let step: Int
    let variant: String
    let mailbox: MailboxID
    var state: State
    /// That of Delivery's last word.
    var version: Int64 = 0
    /// The campaign's local day on which it counts.
    var day: String?
    var sentAt: Date?
}
