import Contracts
import Foundation
import Postgres

/// A mail of ours that a mail which came in is about.
struct MatchedSend: Sendable, Equatable {
    static let columns: SQL = "s.id, s.send_key, s.workspace_id, s.mailbox_id, s.campaign_id, s.enrolment_id, s.recipient, s.stops_on_reply"

    let id: SendID
    let key: String
    let workspace: WorkspaceID
    let mailbox: MailboxID
    let campaign: CampaignID?
    let enrolment: EnrolmentID?
    /// In lower case; of somebody who was forgotten ``ErasedRecipient``'s text.
    let recipient: String
    let stopsOnReply: Bool

    init(row: Row) throws(PostgresError) {
        id = try row.decode("id")
        key = try row.decode("send_key")
        workspace = try row.decode("workspace_id")
        mailbox = try row.decode("mailbox_id")
        campaign = try row.decodeOptional("campaign_id")
        enrolment = try row.decodeOptional("enrolment_id")
        recipient = try row.decode("recipient")
        stopsOnReply = try row.decode("stops_on_reply")
    }

    /// The person was forgotten: nothing of theirs is written down any more.
    var isErased: Bool { ErasedRecipient.digest(of: recipient) != nil }
}

/// Where a mail that came in belongs: to a thread that is known, to a mail of ours, or to both.
struct InboundMatch: Sendable {
    /// How it was found: the first way that finds something counts.
    enum Way: Sendable {
        /// It names a mail of ours, or one of a thread.
        case reference
        /// It has the link of a mail of ours.
        case token
        /// Its writer and subject are those of a thread or of a mail of ours.
        case subject
        /// Its writer is somebody whom we wrote to.
        case contact
    }

    let way: Way
    var thread: InboxThreadID?
    var send: MatchedSend?
}
