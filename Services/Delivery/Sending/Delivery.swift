import Contracts
import Foundation
import Mail
import Postgres
import Primitives

/// A claimed mail in a worker's hands: everything that sending it needs.
struct Delivery: Sendable {
    /// The send and its job.
    let send: SendID
    let fence: Int64
    /// Tells the hands apart that hold the same claim, as two may when a line to Redis breaks; written with the mark.
    let hand: UUID
    let queue: String
    let priority: Int
    let attempt: Int
    /// When it was claimed, by this process' own clock: see ``MailboxPace/guardTime``.
    let claimedAt: ContinuousClock.Instant
    let tenant: TenantID
    let sendKey: String
    let campaign: CampaignID?
    let enrolment: EnrolmentID?
    let reservation: ReservationID?
    let mailbox: MailboxID
    let recipient: String
    let recipientName: String?
    let subject: String
    let text: String
    let html: String?
    /// When it may go out; nil is at any hour.
    let hours: OpeningHours?
    /// Send keys of the mails that it follows, oldest first.
    let follows: [String]
    /// Message-IDs that a provider gave to some of those instead of ours, by send key: they are what the recipient's mail program has seen.
    var renamed: [String: String] = [:]
    /// Message-IDs that a person's own answer refers to instead, oldest first.
    var answers: [String] = []
    let deferrals: Int
    let firstDeferredAt: Date?
    let unreachable: Int
    let createdAt: Date
    let destination: String?
    /// Whether its mailbox keeps a gap between mails, which begins with this one's end.
    let hasGap: Bool
    /// Whether the last try of its mailbox failed for reasons of the mailbox.
    let hasFailures: Bool
    /// The place in Redis to acknowledge.
    let entry: StreamEntryPlace
    /// What is noticed of it; nil is nothing.
    var tracking: DeliveryTracking?
    /// Where it was asked for.
    var trace: TraceParent?

    var job: UUID { send.uuid }
    var claim: Claim { Claim(job: job, fence: fence) }
    var lane: Lane { Lane(tenant: tenant, id: mailbox.uuid) }

    /// Whether it must not go out at this hour.
    func isClosed(at instant: Date) -> Bool {
        hours.map { !$0.contains(instant) } ?? false
    }
}

/// An entry of one of the work streams.
struct StreamEntryPlace: Sendable, Hashable {
    let stream: String
    let position: String
}

/// What became of one try.
enum DeliveryResult: Sendable, Equatable {
    case accepted(code: Int, text: String)
    case refused(code: Int, text: String)
    case deferred(code: Int, text: String)
    /// The line broke between the final dot and the reply.
    case ambiguous(text: String)
    /// Nobody answered before the mail's body was under way: nothing was sent.
    case unreachable(text: String)
    /// The server does not let this mailbox in: the mailbox stops, the mail waits.
    case mailboxRefused(text: String)
    /// Something on our side was not ready: nobody was spoken to, and the mail waits for its next try.
    case postponed(text: String)
    /// Given back untouched, as at shutdown.
    case handedBack

    /// What it is, without its words: the value of the metric's label.
    enum Kind: String, Sendable, CaseIterable {
        case accepted, refused, deferred, ambiguous, unreachable, postponed
        case mailboxRefused = "mailbox_refused"
        case handedBack = "handed_back"
    }

    var kind: Kind {
        switch self {
        case .accepted: .accepted
        case .refused: .refused
        case .deferred: .deferred
        case .ambiguous: .ambiguous
        case .unreachable: .unreachable
        case .postponed: .postponed
        case .mailboxRefused: .mailboxRefused
        case .handedBack: .handedBack
        }
    }

    /// The server's number, where it said one.
    var code: Int? {
        switch self {
        case .accepted(let code, _), .refused(let code, _), .deferred(let code, _): code
        default: nil
        }
    }

    /// From what the SMTP client threw.
    init(_ error: SMTPError) {
        if error.bodyMayHaveBeenSent {
            self = .ambiguous(text: error.description)
            return
        }
        switch error.code {
        case .authenticationFailed where error.reply?.isTransient != true,
            .authenticationUnavailable, .authenticationUnprotected, .invalidConfiguration:
            self = .mailboxRefused(text: error.reply.map { "\($0)" } ?? error.message)
        case .messageTooLarge, .extensionUnavailable:
            self = .refused(code: error.reply?.code ?? 552, text: error.message)
        default:
            self = .unreachable(text: error.description)
        }
    }

    init(_ outcome: SMTPOutcome) {
        switch outcome {
        case .accepted(let reply, let refused):
            // One recipient a mail: a refused one among the accepted is that one.
            if let recipient = refused.first {
                self = Self(refusedReply: recipient.reply)
            } else {
                self = .accepted(code: reply.code, text: reply.text)
            }
        case .refused(let reply, _), .deferred(let reply, _): self = Self(refusedReply: reply)
        }
    }

    private init(refusedReply reply: SMTPReply) {
        self = reply.isPermanent ? .refused(code: reply.code, text: reply.text) : .deferred(code: reply.code, text: reply.text)
    }
}
