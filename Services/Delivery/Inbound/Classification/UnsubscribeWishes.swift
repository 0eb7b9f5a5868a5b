import Foundation
import MIME

/// Finds the wish of a person to get no more mail; a sentence that merely has such a word is none.
enum UnsubscribeWishes {
    private static let linesLooked = 6
    private static let longestText = 600

    static func verdict(_ mail: ParsedMail, visible: String) -> (kind: InboundVerdict.Kind, rule: String, confidence: Double)? {
        if isSentToLeave(mail) { return (.unsubscribeWish, "wish.mailto", 0.99) }
        if let subject = plain(stripPrefixes(mail.subject)), UnsubscribePhrases.alone.contains(subject) || isCommandWithToken(subject) {
            return (.unsubscribeWish, "wish.subject", 0.95)
        }
        let lines = ownLines(visible)
        guard !lines.isEmpty else { return nil }
        for line in lines.prefix(3) {
            // "Stop." alone says it; "Stop" within a sentence says something else.
            if let words = plain(line), UnsubscribePhrases.alone.contains(words) { return (.unsubscribeWish, "wish.line", 0.95) }
        }
        let text = lines.prefix(linesLooked).joined(separator: " ")
        guard text.utf8.count <= longestText else { return nil }
        let search = SearchText(text)
        guard !search.containsAny(UnsubscribePhrases.contrary) else { return nil }
        if search.containsAny(UnsubscribePhrases.sentences) { return (.unsubscribeWish, "wish.text", 0.9) }
        return nil
    }

    /// To an address that stands in a `List-Unsubscribe` field: nobody writes there for anything else.
    private static func isSentToLeave(_ mail: ParsedMail) -> Bool {
        let addresses = (mail.to + mail.cc).map(\.address) + ["delivered-to", "x-original-to"].compactMap { mail.field($0) }
        return addresses.contains { address in
            let local = address.lowercased().prefix { $0 != "@" }
            let words = local.split { !$0.isLetter }
            return words.contains { $0 == "unsubscribe" || $0 == "unsub" || $0 == "optout" || $0 == "listunsubscribe" }
        }
    }

    /// `unsubscribe <token>`, as the client of a `mailto:` link writes it.
    private static func isCommandWithToken(_ subject: String) -> Bool {
        let words = subject.split(separator: " ")
        return words.count == 2 && (words[0] == "unsubscribe" || words[0] == "unsub") && words[1].utf8.count >= 12
            && words[1].contains(where: \.isNumber)
    }

    /// Without the signature and greetings.
    private static func ownLines(_ visible: String) -> [String] {
        var lines: [String] = []
        for line in visible.split(separator: "\n") {
            let text = line.trimmingCharacters(in: .whitespaces)
            if text == "--" || lines.count >= linesLooked + 2 { break }
            guard !text.isEmpty else { continue }
            if let words = plain(text), words.split(separator: " ").count <= 4, UnsubscribePhrases.greetings.contains(where: words.hasPrefix) {
                continue
            }
            lines.append(text)
        }
        return lines
    }

    static func stripPrefixes(_ subject: String) -> String {
        var rest = Substring(subject.trimmingCharacters(in: .whitespaces))
        for _ in 0..<5 {
            guard let colon = rest.firstIndex(where: { $0 == ":" || $0 == "：" }) else { break }
            let prefix = rest[..<colon].trimmingCharacters(in: .whitespaces).lowercased()
            guard UnsubscribePhrases.answerPrefixes.contains(prefix) else { break }
            rest = rest[rest.index(after: colon)...].drop { $0 == " " }
        }
        return String(rest)
    }

    /// Lower case words without punctuation; nil for what is too long to be a command.
    private static func plain(_ line: String) -> String? {
        guard line.utf8.count <= 160 else { return nil }
        let words = line.lowercased().replacing("’", with: "'").split { $0.isWhitespace || ".,;:!?*\"“”„«»()[]。，！、-".contains($0) }
        return words.isEmpty ? nil : words.joined(separator: " ")
    }
}
