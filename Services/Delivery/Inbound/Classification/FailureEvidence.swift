import Foundation

/// What is known of one failed delivery, wherever it was read.
struct FailureEvidence: Sendable {
    /// Of SMTP, 400 to 599.
    let code: Int?
    let status: StatusCode?
    let text: SearchText
    /// As it was said, one line.
    let diagnostic: String

    /// A server's reply, read at once or quoted by somebody; `declared` is the status that stands beside it.
    ///
    /// The words of the server that refused weigh more than the code that another gave it, unless they have none.
    init(code: Int? = nil, declared: StatusCode? = nil, said: String) {
        let line = Self.line(said)
        let (foundCode, foundStatus) = Self.codes(in: line)
        self.code = code ?? foundCode
        status = if let foundStatus, foundStatus.isSpecific { foundStatus } else if let declared, declared.isSpecific { declared } else { foundStatus ?? declared }
        text = SearchText(line)
        diagnostic = line.utf8.count > 500 ? String(decoding: line.utf8.prefix(497), as: UTF8.self).trimmingCharacters(in: ["\u{FFFD}"]) + "…" : line
    }

    /// Whether the same may succeed later: then nothing is said for good.
    var isTransient: Bool {
        if let code, code / 100 == 4 { return true }
        return status?.class == 4
    }

    var isPermanent: Bool {
        !isTransient && (code.map { $0 / 100 == 5 } ?? false || status?.class == 5)
    }

    private static func line(_ text: String) -> String {
        text.utf8.prefix(8_192).split { $0 <= 0x20 || $0 == 0x7F }.map { String(decoding: $0, as: UTF8.self) }.joined(separator: " ")
    }

    /// The first reply code, and the first status that says something, else the first.
    private static func codes(in line: String) -> (code: Int?, status: StatusCode?) {
        var code: Int?
        var first: StatusCode?
        var before: Substring = ""
        for word in line.split(separator: " ").prefix(400) {
            if let found = StatusCode.replyCode(startOf: word) {
                // A bare number within a sentence is no code, one at the beginning or behind a colon or an arrow is.
                let isReply = before.isEmpty || before.hasSuffix(":") || before.hasSuffix(";") || before.hasSuffix(">") || word.hasPrefix("#")
                    || before == "<<<" || before == "said" || before == "error"
                if code == nil, isReply { code = found.code }
                if let status = StatusCode(word.dropFirst(found.length)), status.class != 2 {
                    if code == nil { code = found.code }
                    if status.isSpecific { return (code, status) }
                    first = first ?? status
                }
            } else if let status = StatusCode(word), status.class != 2 {
                if code == nil, let preceding = StatusCode.replyCode(startOf: before) { code = preceding.code }
                if status.isSpecific { return (code, status) }
                first = first ?? status
            }
            before = word
        }
        return (code, first)
    }
}
