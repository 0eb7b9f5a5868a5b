/// One representation of a message's content.
struct BodyPart {
    let contentType: String
    let text: String

    /// Headers, an empty line and the content, which need not end with a line end.
    func serialized() throws(MailMessageError) -> [UInt8] {
        let content = [UInt8](linesOf: text)
        let encoding = TransferEncoding(for: content)
        var headers = HeaderWriter()
        try headers.add("Content-Type", tokens: ["\(contentType);", "charset=utf-8"])
        try headers.add("Content-Transfer-Encoding", tokens: [encoding.rawValue])
        return headers.bytes + .lineEnd + encoding.encoded(content)
    }
}

/// The line between two parts of a message.
enum MessageBoundary {
    /// Follows from the identifier, so that a message written twice is the same message, and occurs in none of `parts`.
    static func text(for messageIdentifier: String, notIn parts: [[UInt8]]) -> String {
        var attempt = 0
        while true {
            let candidate = "part_" + String(hash("\(messageIdentifier)#\(attempt)"), radix: 16)
            let line = Array("--\(candidate)".utf8)
            if !parts.contains(where: { $0.containsLine(startingWith: line) }) { return candidate }
            attempt += 1
        }
    }

    /// FNV-1a: spread is all that is asked of it.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
