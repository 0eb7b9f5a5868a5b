import Contracts
import Foundation
import MIME
import Postgres
import Primitives

/// One message of a thread as it is stored; whatever came in is cut to what a table takes.
struct NewInboxMessage: Sendable {
    static let longestText = 100_000
    static let longestHTML = 400_000
    static let mostReferences = 50

    enum Direction: String, Sendable, Codable {
        case inbound, outbound
    }

    struct Attachment: Sendable, Codable, Equatable {
        let name: String?
        let contentType: String
        /// In bytes.
        let size: Int
    }

    let id: InboxMessageID
    let direction: Direction
    /// An ``InboxThread/Kind``, or `sent`.
    let kind: String
    let rule: String?
    let messageID: String?
    let key: Data
    /// Oldest first.
    let refersTo: [String]
    let senderName: String?
    let sender: String
    let replyTo: String?
    let recipients: [String]
    let people: [String]
    let subject: String
    let text: String
    let quoted: String?
    let html: String?
    let attachments: [Attachment]
    /// Of an absence: the day of the return.
    let returnsOn: String?
    let send: SendID?
    let author: UserID?
    let at: Date

    /// A mail that came in, or one that somebody sent from the mailbox by hand.
    init(_ mail: InboundMail, direction: Direction, kind: String, rule: String?, at instant: Date) {
        let parsed = mail.parsed
        id = InboxMessageID(.v7(at: instant))
        self.direction = direction
        self.kind = kind
        self.rule = rule.map { $0.storable(100) }
        messageID = parsed.messageID.map { $0.storable(998) }
        key = mail.key
        let named = parsed.references + parsed.inReplyTo.filter { !parsed.references.contains($0) }
        refersTo = named.suffix(Self.mostReferences).map { $0.storable(998) }
        senderName = parsed.from.first?.name.map { $0.storable(200) }
        sender = (parsed.from.first?.address ?? "").storable(320)
        replyTo = parsed.replyTo.first.map { $0.address.storable(320) }
        recipients = (parsed.to + parsed.cc).prefix(100).map { $0.address.storable(320) }
        let writers = parsed.from.prefix(10) + parsed.replyTo.prefix(10)
        people = Set(recipients + writers.map(\.address)).map { $0.lowercased().storable(320) }.sorted()
        subject = parsed.subject.storable(500)
        let parts = QuotedText(parsed.text.storable(Self.longestText))
        (text, quoted) = (parts.visible, parts.quoted)
        html = parsed.html.flatMap { $0.utf8.count <= Self.longestHTML ? $0.storable(Self.longestHTML) : nil }
        attachments = parsed.attachments.prefix(50).map {
            Attachment(name: $0.name?.storable(255), contentType: $0.contentType.storable(127), size: $0.size)
        }
        returnsOn = mail.returnsOn
        send = nil
        author = nil
        at = instant
    }

    /// What a person here answers.
    init(
        id: InboxMessageID, answer text: String, html: String?, subject: String, from mailbox: (name: String, address: String), to recipient: String,
        messageID: String, refersTo: [String], send: SendID, author: UserID, at instant: Date
    ) {
        self.id = id
        direction = .outbound
        kind = "sent"
        rule = nil
        self.messageID = messageID
        key = InboundMail.key(ofMessage: messageID)
        self.refersTo = refersTo
        senderName = mailbox.name
        sender = mailbox.address
        replyTo = nil
        recipients = [recipient]
        people = [mailbox.address.lowercased(), recipient.lowercased()]
        self.subject = subject
        self.text = text
        quoted = nil
        self.html = html
        attachments = []
        returnsOn = nil
        self.send = send
        self.author = author
        at = instant
    }

    /// The beginning of its text in one line.
    var snippet: String {
        let words = text.prefix(600).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        return String(words.prefix(160)).storable(500)
    }
}
