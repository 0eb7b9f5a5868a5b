import Contracts
import Foundation
import Postgres

enum InboxMessageKind {}
typealias InboxMessageID = EntityID<InboxMessageKind>

/// A conversation with a person whom a mail of ours reached, as a list shows it.
struct InboxThread: Sendable, Encodable, Equatable {
    enum State: String, Sendable, Codable, CaseIterable {
        case open, archived, snoozed
    }

    /// What the last mail that came in is.
    enum Kind: String, Sendable, Codable, CaseIterable {
        case reply
        case outOfOffice = "out_of_office"
        case autoReply = "auto_reply"
        case unsubscribeWish = "unsubscribe_wish"
        case unknown
    }

    let id: InboxThreadID
    let workspace: WorkspaceID
    let mailbox: MailboxID
    let campaign: CampaignID?
    let enrolment: EnrolmentID?
    /// In lower case.
    let contact: String
    let contactName: String?
    let subject: String
    let kind: Kind
    let state: State
    let snoozedUntil: Date?
    let isUnread: Bool
    let assignedTo: UserID?
    let label: String?
    /// The beginning of the newest message.
    let snippet: String
    let messages: Int
    let lastAt: Date
    let lastInboundAt: Date
    /// Its place in the order in which the company's threads changed; the id of its event in the live stream.
    let change: Int64

    static let columns: SQL =
        """
        t.id, t.workspace_id, t.mailbox_id, t.campaign_id, t.enrolment_id, t.contact, t.contact_name, t.subject, t.kind, t.state, t.snoozed_until,
        t.is_unread, t.assigned_to, t.label, t.snippet, t.messages, t.last_at, t.last_inbound_at, t.change
        """

    init(row: Row) throws(PostgresError) {
        id = try row.decode("id")
        workspace = try row.decode("workspace_id")
        mailbox = try row.decode("mailbox_id")
        campaign = try row.decodeOptional("campaign_id")
        enrolment = try row.decodeOptional("enrolment_id")
        contact = try row.decode("contact")
        contactName = try row.decodeOptional("contact_name")
        subject = try row.decode("subject")
        kind = try row.decode("kind")
        state = try row.decode("state")
        snoozedUntil = try row.decodeOptional("snoozed_until")
        isUnread = try row.decode("is_unread")
        assignedTo = try row.decodeOptional("assigned_to")
        label = try row.decodeOptional("label")
        snippet = try row.decode("snippet")
        messages = try row.decode("messages")
        lastAt = try row.decode("last_at")
        lastInboundAt = try row.decode("last_inbound_at")
        change = try row.decode("change")
    }
}

extension InboxThread.Kind {
    /// Nil for what belongs into no conversation.
    init?(_ kind: InboundVerdict.Kind) {
        switch kind {
        case .reply: self = .reply
        case .outOfOffice: self = .outOfOffice
        case .autoReply: self = .autoReply
        case .unsubscribeWish: self = .unsubscribeWish
        case .unknown: self = .unknown
        case .hardBounce, .softBounce, .blocked, .deliveryNotice, .complaint: return nil
        }
    }

    /// Whether a machine wrote it: it neither opens a thread again nor makes it unread.
    var isAutomatic: Bool { self == .outOfOffice || self == .autoReply }
}
