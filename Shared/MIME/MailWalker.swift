import CGMime
import Foundation

/// Goes through the parts of a mail once and keeps what ``ParsedMail`` says of them.
struct MailWalker {
    private static let reportTypes = [
        "message/delivery-status", "message/global-delivery-status", "message/feedback-report", "message/disposition-notification",
        "message/global-disposition-notification",
    ]
    private static let headerTypes = ["text/rfc822-headers", "message/global-headers", "text/rfc822-header", "message/rfc822-headers"]
    private static let messageTypes = ["message/rfc822", "message/global", "message/rfc2822"]

    private let limits: MIMELimits
    private(set) var text = ""
    private(set) var html: String?
    private(set) var report: ParsedMail.Report?
    private(set) var original: [ParsedMail.Field] = []
    private(set) var attachments: [ParsedMail.Attachment] = []
    private var parts = 0

    init(limits: MIMELimits) {
        self.limits = limits
    }

    mutating func walk(_ object: UnsafeMutablePointer<GMimeObject>, depth: Int = 1) {
        parts += 1
        guard parts <= limits.parts, depth <= limits.depth else { return }
        if GMimeLibrary.isMultipart(object) {
            object.withMemoryRebound(to: GMimeMultipart.self, capacity: 1) { multipart in
                let count = min(g_mime_multipart_get_count(multipart), Int32(limits.parts))
                for index in 0..<max(0, count) {
                    guard let part = g_mime_multipart_get_part(multipart, index) else { continue }
                    walk(part, depth: depth + 1)
                }
            }
        } else if GMimeLibrary.isMessagePart(object) {
            enclose(object)
        } else if GMimeLibrary.isPart(object) {
            leaf(object)
        }
    }

    /// A whole mail within the mail: its header is kept, its text is not what the sender of this mail says.
    private mutating func enclose(_ object: UnsafeMutablePointer<GMimeObject>) {
        attach(object, type: "message/rfc822", size: 0)
        guard original.isEmpty else { return }
        original = object.withMemoryRebound(to: GMimeMessagePart.self, capacity: 1) { part in
            g_mime_message_part_get_message(part).map { MailHeader.fields(of: $0, limits: limits) } ?? []
        }
    }

    private mutating func leaf(_ object: UnsafeMutablePointer<GMimeObject>) {
        let type = GMimeLibrary.contentType(object) ?? "text/plain"
        if Self.reportTypes.contains(type) {
            guard report == nil else { return }
            let bytes = GMimeLibrary.content(object, atMost: limits.report)
            let groups = FieldText.groups(MailText.decode(bytes, charset: "utf-8", limit: limits.report), limits: limits)
            let kind = type.dropFirst("message/".count)
            report = .init(kind: kind.hasPrefix("global-") ? String(kind.dropFirst("global-".count)) : String(kind), groups: groups)
        } else if Self.headerTypes.contains(type) || Self.messageTypes.contains(type) {
            // GMime leaves an enclosed mail alone that is encoded, against the rules.
            guard original.isEmpty else { return }
            let bytes = GMimeLibrary.content(object, atMost: limits.report)
            original = FieldText.header(MailText.decode(bytes, charset: nil, limit: limits.report), limits: limits)
        } else if type == "text/plain" || type == "text/html", !isAttachment(object) {
            read(object, isHTML: type == "text/html")
        } else {
            attach(object, type: type, size: nil)
        }
    }

    private mutating func read(_ object: UnsafeMutablePointer<GMimeObject>, isHTML: Bool) {
        let limit = isHTML ? limits.html : limits.text
        let bytes = GMimeLibrary.content(object, atMost: limit * 4)
        let content = MailText.decode(bytes, charset: GMimeLibrary.parameter("charset", of: object), limit: limit)
        if isHTML {
            // A second one belongs to something else, such as a signature.
            if html == nil { html = content }
        } else if text.isEmpty {
            text = content
        } else {
            text = MailText.tidy(text + "\n" + content, limit: limits.text)
        }
    }

    private func isAttachment(_ object: UnsafeMutablePointer<GMimeObject>) -> Bool {
        GMimeLibrary.text(g_mime_object_get_disposition(object))?.lowercased() == "attachment"
    }

    private mutating func attach(_ object: UnsafeMutablePointer<GMimeObject>, type: String, size: Int?) {
        guard attachments.count < limits.attachments else { return }
        let name =
            GMimeLibrary.isPart(object)
            ? object.withMemoryRebound(to: GMimePart.self, capacity: 1) {
                GMimeLibrary.text(g_mime_part_get_filename($0))
            } : nil
        var contentType = type
        // An answer to an invitation and an invitation differ in nothing else.
        if type == "text/calendar", let method = GMimeLibrary.parameter("method", of: object), method.utf8.count <= 20 {
            contentType += "; method=\(method.lowercased())"
        }
        attachments.append(
            .init(
                name: name.map { MailText.tidy($0, limit: 255) }, contentType: MailText.tidy(contentType, limit: 255),
                size: size ?? GMimeLibrary.size(object)))
    }
}
