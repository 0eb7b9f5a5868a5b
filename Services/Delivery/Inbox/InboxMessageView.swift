import Contracts
import Foundation
import Postgres

/// A message as a thread shows it: what was written, and apart from it what was quoted. Its HTML is safe to show in a frame without scripts.
struct InboxMessageView: Sendable, Encodable {
    struct Person: Sendable, Encodable {
        let name: String?
        let address: String
    }

    let id: InboxMessageID
    let direction: NewInboxMessage.Direction
    let kind: String
    let from: Person
    let to: [String]
    let subject: String
    let text: String
    let quoted: String?
    /// Nil also where there is too much of it at once: then ``isHtmlOmitted`` says so.
    var html: String?
    let isHtmlOmitted: Bool
    /// Whether the HTML had pictures from elsewhere that were left out.
    var hasHiddenImages = false
    let attachments: [NewInboxMessage.Attachment]
    /// Of an absence: the day on which its writer says to be back.
    let returnsOn: String?
    /// Of an answer of ours: its mail in the ledger and the mail's state there.
    let send: SendID?
    let sendState: String?
    let author: UserID?
    let at: Date

    init(row: Row) throws {
        id = try row.decode("id")
        direction = try row.decode("direction")
        kind = try row.decode("kind")
        from = Person(name: try row.decodeOptional("sender_name"), address: try row.decode("sender"))
        to = try row.decode("recipients")
        subject = try row.decode("subject")
        text = try row.decode("text_body")
        quoted = try row.decodeOptional("quoted_body")
        let shown: String? = try row.decodeOptional("html_body")
        html = shown
        isHtmlOmitted = try row.decode("has_html") && shown == nil
        attachments = try WireJSON.decoder().decode(
            [NewInboxMessage.Attachment].self, from: Data(try row.decode("attachments", as: String.self).utf8))
        returnsOn = try row.decodeOptional("returns_on")
        send = try row.decodeOptional("send_id")
        sendState = try row.decodeOptional("send_state")
        author = try row.decodeOptional("author_id")
        at = try row.decode("at")
    }

    /// With its HTML made safe.
    func sanitised(showsImages: Bool) -> InboxMessageView {
        guard let html else { return self }
        let safe = HTMLSanitiser.sanitise(html, showsImages: showsImages)
        var view = self
        view.html = safe.html
        view.hasHiddenImages = safe.hasHiddenImages
        return view
    }
}

/// A campaign's mail to the contact of a thread, as the ledger knows it; what it said was erased when its fate was known.
struct InboxMailView: Sendable, Encodable {
    let send: SendID
    let sendKey: String
    let state: String
    let at: Date

    init(row: Row) throws(PostgresError) {
        send = try row.decode("id")
        sendKey = try row.decode("send_key")
        state = try row.decode("state")
        let resolvedAt: Date? = try row.decodeOptional("resolved_at")
        let plannedAt: Date = try row.decode("created_at")
        at = resolvedAt ?? plannedAt
    }
}

/// A thread with all that is shown of it.
struct InboxThreadView: Sendable, Encodable {
    let thread: InboxThread
    /// Oldest first; those before them are asked for with the first one's identifier as `before`.
    let messages: [InboxMessageView]
    let hasOlder: Bool
    let mails: [InboxMailView]
}
