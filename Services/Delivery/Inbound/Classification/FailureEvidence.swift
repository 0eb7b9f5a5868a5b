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
        let (foundCode, foundStatus, start) = Self.codes(in: line)
        self.code = code ?? foundCode
        status =
            if let foundStatus, foundStatus.isSpecific { foundStatus } else if let declared, declared.isSpecific { declared } else {
                foundStatus ?? declared
            }
        text = SearchText(line)
        // What stands before the answer only leads to it.
        let answer = line[start...]
        diagnostic =
            answer.utf8.count > 500
            ? String(decoding: answer.utf8.prefix(497), as: UTF8.self).trimmingCharacters(in: ["\u{FFFD}"]) + "…" : String(answer)
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

    /// The first reply code, the first status that says something, else the first, and where the earlier of the two stands.
    private static func codes(in line: String) -> (code: Int?, status: StatusCode?, start: String.Index) {
        var code: Int?
        var first: StatusCode?
        var start: String.Index?
        var before: Substring = ""
        for word in line.split(separator: " ").prefix(400) {
            if let found = StatusCode.replyCode(startOf: word) {
                let status = StatusCode(word.dropFirst(found.length))
                // A bare number within a sentence is no code; one at the beginning, behind a colon or an arrow, or before a status is.
                if code == nil, status != nil || isAnnounced(by: before) || word.hasPrefix("#") {
                    code = found.code
                    start = start ?? word.startIndex
                }
                if let status, status.class != 2 {
                    if status.isSpecific { return (code, status, start ?? word.startIndex) }
                    first = first ?? status
                }
            } else if let status = StatusCode(word), status.class != 2 {
                if code == nil, let preceding = StatusCode.replyCode(startOf: before) {
                    code = preceding.code
                    start = start ?? before.startIndex
                }
                start = start ?? word.startIndex
                if status.isSpecific { return (code, status, start ?? word.startIndex) }
                first = first ?? status
            }
            before = word
        }
        return (code, first, start ?? line.startIndex)
    }

    private static func isAnnounced(by word: Substring) -> Bool {
        word.isEmpty || word.last.map { ":;>".contains($0) } == true || word == "<<<" || word == "said" || word == "error"
    }
}
