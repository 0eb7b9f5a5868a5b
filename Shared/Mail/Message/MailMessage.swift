public import Foundation

/// One mail as its reader sees it; the same value always gives the same bytes.
public struct MailMessage: Sendable {
    public var from: NamedMailAddress
    public var to: [NamedMailAddress]
    public var replyTo: NamedMailAddress?
    public var subject: String
    /// The body for readers without HTML; line ends of any kind.
    public var text: String
    public var html: String?
    /// `left@right`, without angle brackets; unique and stable, for receivers recognise a repeated mail by it.
    public var messageIdentifier: String
    public var date: Date
    /// The identifier of the mail that this one follows, without angle brackets.
    public var inReplyTo: String?
    /// The identifiers of the thread's mails so far, oldest first.
    public var references: [String]
    public var listUnsubscribe: ListUnsubscribe?
    /// Written after the others, in this order.
    public var additionalHeaders: [MailHeader]

    public init(
        from: NamedMailAddress, to: [NamedMailAddress], replyTo: NamedMailAddress? = nil, subject: String, text: String, html: String? = nil,
        messageIdentifier: String, date: Date, inReplyTo: String? = nil, references: [String] = [], listUnsubscribe: ListUnsubscribe? = nil,
        additionalHeaders: [MailHeader] = []
    ) {
        self.from = from
        self.to = to
        self.replyTo = replyTo
        self.subject = subject
        self.text = text
        self.html = html
        self.messageIdentifier = messageIdentifier
        self.date = date
        self.inReplyTo = inReplyTo
        self.references = references
        self.listUnsubscribe = listUnsubscribe
        self.additionalHeaders = additionalHeaders
    }

    /// The message for the wire: CRLF line ends of at most 998 bytes, 7-bit unless an address needs SMTPUTF8.
    public func serialized() throws(MailMessageError) -> [UInt8] {
        var output = try headers().bytes
        let textPart = BodyPart(contentType: "text/plain", text: text)
        guard let html else {
            output += try textPart.serialized()
            if !output.endsWithLineEnd { output += .lineEnd }
            return output
        }
        let parts = [try textPart.serialized(), try BodyPart(contentType: "text/html", text: html).serialized()]
        let boundary = MessageBoundary.text(for: messageIdentifier, notIn: parts)
        var contentType = HeaderWriter()
        try contentType.add("Content-Type", tokens: ["multipart/alternative;", "boundary=\"\(boundary)\""])
        output += contentType.bytes
        output += .lineEnd
        for part in parts {
            output += "--\(boundary)\r\n".utf8
            output += part
            // This line end belongs to the boundary, not to the part.
            output += .lineEnd
        }
        output += "--\(boundary)--\r\n".utf8
        return output
    }

    private func headers() throws(MailMessageError) -> HeaderWriter {
        guard !to.isEmpty else { throw .noRecipient }
        guard let date = MessageDate.text(date) else { throw .invalidDate }
        for identifier in [messageIdentifier] + references { try Self.check(identifier: identifier) }
        if let inReplyTo { try Self.check(identifier: inReplyTo) }
        var headers = HeaderWriter()
        try headers.add("Date", tokens: [date])
        try headers.add("From", tokens: from.tokens(for: "From"))
        try headers.add("To", tokens: addressList())
        if let replyTo { try headers.add("Reply-To", tokens: replyTo.tokens(for: "Reply-To")) }
        try headers.add("Subject", text: subject)
        try headers.add("Message-ID", tokens: ["<\(messageIdentifier)>"])
        if let inReplyTo { try headers.add("In-Reply-To", tokens: ["<\(inReplyTo)>"]) }
        if !references.isEmpty { try headers.add("References", tokens: references.map { "<\($0)>" }) }
        try listUnsubscribe?.write(to: &headers)
        for header in additionalHeaders {
            guard header.isAllowed else { throw .headerNotAllowed(header.name) }
            try headers.add(header.name, text: header.value)
        }
        try headers.add("MIME-Version", tokens: ["1.0"])
        return headers
    }

    private func addressList() throws(MailMessageError) -> [String] {
        var tokens: [String] = []
        for (index, recipient) in to.enumerated() {
            if index > 0 { tokens[tokens.count - 1] += "," }
            tokens += try recipient.tokens(for: "To")
        }
        return tokens
    }

    private static func check(identifier: String) throws(MailMessageError) {
        let sides = identifier.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard sides.count == 2, identifier.utf8.count <= 250 else { throw .invalidMessageIdentifier }
        for side in sides {
            guard !side.isEmpty, side.allSatisfy({ $0.isAtomCharacter || $0 == UInt8(ascii: ".") }) else { throw .invalidMessageIdentifier }
        }
    }
}

/// A header the message does not write itself.
public struct MailHeader: Sendable, Hashable {
    public var name: String
    /// Free text in one line; encoded where it is not ASCII.
    public var value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    private static let reserved: Set<String> = [
        "bcc", "cc", "date", "from", "in-reply-to", "list-unsubscribe", "list-unsubscribe-post", "message-id", "mime-version", "references",
        "reply-to", "sender", "subject", "to",
    ]

    var isAllowed: Bool {
        let key = name.lowercased()
        return (1...70).contains(name.utf8.count) && name.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
            && !Self.reserved.contains(key) && !key.hasPrefix("content-")
    }
}
