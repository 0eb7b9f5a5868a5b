import Contracts
import Crypto
import Foundation

/// A subject by which an answer is told to belong to a mail: in lower case, its spaces single, without what mail programs put before it.
struct SubjectKey: Sendable, Equatable {
    static let longest = 200

    let text: String

    init(_ subject: String) {
        var words = subject.prefix(1_000).lowercased().split(whereSeparator: \.isWhitespace)[...]
        // "Re: AW: [EXTERNAL] Hi" and "Re : Hi" are answers to "Hi"; bounded, since each turn takes a word away.
        while let rest = Self.withoutPrefix(words) { words = rest }
        var text = words.joined(separator: " ")
        while text.utf8.count > Self.longest { text.removeLast() }
        self.text = text
    }

    /// Nothing to tell one mail from another by.
    var isEmpty: Bool { text.isEmpty }

    /// Half a SHA-256 of it and the company: the ledger keeps no subjects, and nobody compares those of two companies.
    func digest(of tenant: TenantID) -> Data {
        Data(SHA256.hash(data: Data("\(tenant)|subject|\(text)".utf8)).prefix(16))
    }

    private static func withoutPrefix(_ words: ArraySlice<Substring>) -> ArraySlice<Substring>? {
        guard let first = words.first else { return nil }
        // A tag that gateways add, such as [EXTERNAL] or [EXT].
        if first.hasPrefix("["), first.hasSuffix("]"), tags.contains(String(first.dropFirst().dropLast())) { return words.dropFirst() }
        for length in 1...3 where words.count >= length {
            var candidate = words.prefix(length).joined(separator: " ")
            let next = words.dropFirst(length)
            if next.first == ":" { candidate += ":" }
            guard let colon = candidate.firstIndex(where: { $0 == ":" || $0 == "：" }) else { continue }
            guard isPrefix(candidate[..<colon]) else { return nil }
            let rest = candidate[candidate.index(after: colon)...]
            let behind = next.first == ":" ? next.dropFirst() : next
            return rest.isEmpty ? behind : ArraySlice(rest.split(separator: " ") + behind)
        }
        return nil
    }

    /// `re`, `aw`, `re[2]`, `re(3)`, `automatic reply` and their like.
    private static func isPrefix(_ text: Substring) -> Bool {
        let plain = text.trimmingCharacters(in: .whitespaces)
        if prefixes.contains(plain) { return true }
        guard let bracket = plain.firstIndex(where: { $0 == "[" || $0 == "(" }), plain.hasSuffix("]") || plain.hasSuffix(")"),
            plain[plain.index(after: bracket)...].dropLast().allSatisfy(\.isNumber)
        else { return false }
        return prefixes.contains(plain[..<bracket].trimmingCharacters(in: .whitespaces))
    }

    private static let tags: Set<String> = ["external", "ext", "extern", "externe"]
    private static let prefixes: Set<String> = [
        "re", "aw", "antw", "sv", "vs", "vá", "ynt", "odp", "res", "rif", "r", "fw", "fwd", "wg", "tr", "rv", "enc", "i", "vb", "vl", "fs",
        "回复", "答复", "回覆", "转发", "ответ", "отв", "απ", "ha", "atb", "автоответ", "automatic reply", "auto reply", "autoreply", "auto",
        "auto-reply", "out of office", "out of the office", "automatische antwort", "abwesend", "abwesenheit", "abwesenheitsnotiz",
        "réponse automatique", "respuesta automática", "risposta automatica", "resposta automática", "automatisch antwoord", "autosvar",
        "automatyczna odpowiedź",
    ]
}
