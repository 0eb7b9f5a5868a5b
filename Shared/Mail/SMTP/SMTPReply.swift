/// What a server answered to one command.
public struct SMTPReply: Sendable, Hashable, CustomStringConvertible {
    /// 200 to 599.
    public var code: Int
    /// The finer code of RFC 3463 at the beginning of the text, where the server gave one of the same class.
    public var enhancedStatus: SMTPEnhancedStatus?
    /// The text of each line, without the codes' separators; never holds control characters.
    public var lines: [String]

    public init(code: Int, lines: [String]) {
        self.code = code
        self.lines = lines
        enhancedStatus = lines.first.flatMap { SMTPEnhancedStatus(prefixOf: $0, class: code / 100) }
    }

    public var text: String { lines.joined(separator: " ") }

    /// The reply in one line, as an operator wants to read it.
    public var description: String { text.isEmpty ? "\(code)" : "\(code) \(text)" }

    /// 2xx: done.
    public var isPositive: Bool { code / 100 == 2 }
    /// 3xx: go on.
    public var isIntermediate: Bool { code / 100 == 3 }
    /// 4xx: the same may succeed later.
    public var isTransient: Bool { code / 100 == 4 }
    /// 5xx: the same will fail again.
    public var isPermanent: Bool { code / 100 == 5 }
}

/// `class.subject.detail` of RFC 3463, such as 5.1.1 for an unknown mailbox.
public struct SMTPEnhancedStatus: Sendable, Hashable, CustomStringConvertible {
    public var `class`: Int
    public var subject: Int
    public var detail: Int

    public init(class: Int, subject: Int, detail: Int) {
        self.class = `class`
        self.subject = subject
        self.detail = detail
    }

    /// Nil unless `text` begins with a status of this class; a text such as "4.2 GB used" is none.
    init?(prefixOf text: String, class expected: Int) {
        let numbers = text.prefix { $0 != " " }.split(separator: ".", omittingEmptySubsequences: false)
        guard numbers.count == 3, numbers.allSatisfy({ (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            let `class` = Int(numbers[0]), let subject = Int(numbers[1]), let detail = Int(numbers[2]), `class` == expected
        else { return nil }
        self.init(class: `class`, subject: subject, detail: detail)
    }

    public var description: String { "\(`class`).\(subject).\(detail)" }
}
