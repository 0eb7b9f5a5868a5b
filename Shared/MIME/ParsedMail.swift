public import Foundation

/// A mail taken apart: what a program decides on, bounded in size whatever came in.
public struct ParsedMail: Sendable, Equatable {
    public struct Address: Sendable, Equatable {
        public var name: String?
        /// As written; compare without regard to case.
        public var address: String

        public init(name: String? = nil, address: String) {
            self.name = name
            self.address = address
        }
    }

    /// A field of a header, unfolded and decoded; `name` in lower case.
    public struct Field: Sendable, Equatable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The machine-readable part of a `multipart/report` (RFC 3464, RFC 5965): groups of fields; the first is about the whole.
    public struct Report: Sendable, Equatable {
        /// `delivery-status`, `feedback-report`, `disposition-notification`: the `report-type`, or what the part says of itself.
        public var kind: String
        public var groups: [[Field]]

        public init(kind: String, groups: [[Field]]) {
            self.kind = kind
            self.groups = groups
        }
    }

    public struct Attachment: Sendable, Equatable {
        public var name: String?
        public var contentType: String
        /// Decoded, in bytes.
        public var size: Int

        public init(name: String?, contentType: String, size: Int) {
            self.name = name
            self.contentType = contentType
            self.size = size
        }
    }

    /// All of the outermost header, in order.
    public var fields: [Field] = []
    /// Without angle brackets, as the identifiers below.
    public var messageID: String?
    public var inReplyTo: [String] = []
    public var references: [String] = []
    public var subject: String = ""
    public var from: [Address] = []
    public var to: [Address] = []
    public var cc: [Address] = []
    public var replyTo: [Address] = []
    public var date: Date?
    /// The text a person reads first: of the `text/plain` part, else of the HTML without its marks.
    public var text: String = ""
    public var html: String?
    public var contentType: String = "text/plain"
    public var report: Report?
    /// The header of the mail that a report is about (`message/rfc822`, `text/rfc822-headers`, or quoted in the text of a bare bounce).
    public var original: [Field] = []
    public var attachments: [Attachment] = []

    public init() {}

    /// The first field of that name (lower case).
    public func field(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }
}
