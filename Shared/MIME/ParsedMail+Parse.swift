import CGMime
import Foundation

extension ParsedMail {
    /// Takes a mail apart with GMime; in time and memory of the order of its size, from any thread, and without an error for what is merely broken.
    public static func parse(_ bytes: [UInt8], limits: MIMELimits = MIMELimits()) throws(MIMEError) -> ParsedMail {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= limits.size else { throw .tooLarge(limit: limits.size) }
        let admitted = MailFence.admit(bytes, limits: limits)
        var mail = ParsedMail()
        if !mail.read(admitted, limits: limits) {
            // No header at all, as the text of a program that is no mail server.
            mail.text = MailText.decode(admitted, charset: nil, limit: limits.text)
        }
        if mail.text.allSatisfy(\.isWhitespace), let html = mail.html {
            mail.text = HTMLText.text(of: html, limit: limits.text)
        }
        if mail.original.isEmpty, !mail.text.isEmpty {
            mail.original = QuotedHeader.find(in: mail.text, limits: limits)
        }
        return mail
    }

    /// False when GMime finds no header.
    private mutating func read(_ bytes: [UInt8], limits: MIMELimits) -> Bool {
        _ = GMimeLibrary.ready
        // The stream has a copy of the bytes.
        let pointer = bytes.withUnsafeBytes {
            g_mime_stream_mem_new_with_buffer($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count)
        }
        guard let stream = GMimeReference(pointer), let parser = GMimeReference(g_mime_parser_new_with_stream(stream.pointer)),
            let message = GMimeReference(g_mime_parser_construct_message(parser.pointer, nil))
        else { return false }
        fields = MailHeader.fields(of: message.pointer, limits: limits)
        messageID = FieldText.identifiers(in: field("message-id")).first
        inReplyTo = FieldText.identifiers(in: field("in-reply-to"))
        references = FieldText.identifiers(in: field("references"))
        subject = field("subject") ?? ""
        from = MailHeader.addresses(g_mime_message_get_from(message.pointer))
        to = MailHeader.addresses(g_mime_message_get_to(message.pointer))
        cc = MailHeader.addresses(g_mime_message_get_cc(message.pointer))
        replyTo = MailHeader.addresses(g_mime_message_get_reply_to(message.pointer))
        date = MailHeader.date(of: message.pointer)
        var walker = MailWalker(limits: limits)
        if let part = g_mime_message_get_mime_part(message.pointer) {
            contentType = GMimeLibrary.contentType(part) ?? "text/plain"
            walker.walk(part)
        }
        text = walker.text
        html = walker.html
        report = walker.report
        original = walker.original
        attachments = walker.attachments
        return true
    }
}
