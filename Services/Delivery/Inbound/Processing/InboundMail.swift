import Contracts
import Crypto
import Foundation
import MIME
import Primitives

/// A mail that came in, as the matching needs it; a value made of the mail alone.
struct InboundMail: Sendable {
    /// How many identifiers are looked for at most: a mail may list thousands.
    static let mostReferences = 60

    let fetched: FetchedMail
    let parsed: ParsedMail
    let verdicts: [InboundVerdict]
    /// A digest of its identifier, or of where it lies when it has none.
    let key: Data
    /// The identifiers of mails that it speaks of: the one it answers first, then the newer before the older.
    let references: [String]
    /// Tokens of unsubscribe links of ours, from the header of the mail that it is about or from what it quotes.
    let tokens: [String]
    /// Who wrote it, in lower case; nil when it does not say so in a form that can be written to.
    let contact: String?
    let subject: SubjectKey

    init(_ fetched: FetchedMail, _ parsed: ParsedMail, _ verdicts: [InboundVerdict]) {
        self.fetched = fetched
        self.parsed = parsed
        self.verdicts = verdicts.map { verdict in
            guard verdict.kind == .outOfOffice else { return verdict }
            var dated = verdict
            dated.returnsOn = ReturnDate.find(
                subject: parsed.subject, text: ReplyText.visible(in: parsed.text), received: CivilDay.number(at: fetched.receivedAt))
            return dated
        }
        key = Self.key(of: parsed, fetched)
        references = Self.references(parsed, verdicts)
        tokens = Self.tokens(parsed)
        contact = parsed.from.first.map { $0.address.lowercased() }.flatMap { (3...320).contains($0.utf8.count) && $0.contains("@") ? $0 : nil }
        subject = SubjectKey(parsed.subject)
    }

    /// Of an absence: the day of the return, like `2026-12-07`.
    var returnsOn: String? { verdicts.first?.returnsOn.map(CivilDay.text(of:)) }

    /// What the whole mail is; a report may have more verdicts than one.
    var kind: InboundVerdict.Kind { verdicts.first?.kind ?? .unknown }

    /// Of an identifier, however its writer has put its letters.
    static func key(ofMessage identifier: String) -> Data {
        Data(SHA256.hash(data: Data("id|\(identifier.lowercased())".utf8)).prefix(16))
    }

    private static func key(of parsed: ParsedMail, _ fetched: FetchedMail) -> Data {
        if let identifier = parsed.messageID, !identifier.isEmpty { return key(ofMessage: identifier) }
        let place = "place|\(fetched.folder.rawValue)|\(fetched.uidValidity)|\(fetched.uid)"
        return Data(SHA256.hash(data: Data(place.utf8)).prefix(16))
    }

    private static func references(_ parsed: ParsedMail, _ verdicts: [InboundVerdict]) -> [String] {
        var seen: Set<String> = []
        var found: [String] = []
        func add(_ identifiers: some Sequence<String>) {
            for identifier in identifiers where found.count < mostReferences {
                let plain = identifier.trimmingCharacters(in: CharacterSet(charactersIn: "<> \t"))
                if (3...998).contains(plain.utf8.count), seen.insert(plain.lowercased()).inserted { found.append(plain) }
            }
        }
        add(verdicts.compactMap(\.originalMessageID))
        add(parsed.original.filter { $0.name == "message-id" }.map(\.value))
        add(parsed.inReplyTo)
        add(parsed.references.reversed())
        return found
    }

    /// The first half of our own Message-ID that an identifier may be; nil for everybody else's.
    static func digest(in identifier: String) -> Data? {
        let left = identifier.prefix { $0 != "@" }
        guard left.utf8.count == 32, left.utf8.count < identifier.utf8.count else { return nil }
        return Data(hexadecimal: left.lowercased())
    }

    private static func tokens(_ parsed: ParsedMail) -> [String] {
        let headers = parsed.original.filter { $0.name == "list-unsubscribe" }.map(\.value)
        var found: [String] = []
        for text in headers + [String(parsed.text.prefix(100_000)), String((parsed.html ?? "").prefix(300_000))] {
            for piece in text.split(separator: "/u/", maxSplits: 20).dropFirst() where found.count < 10 {
                let token = piece.prefix(200).prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
                // A sentence may end behind it.
                let plain = String(token).trimmingCharacters(in: CharacterSet(charactersIn: "."))
                if plain.contains("."), !found.contains(plain) { found.append(plain) }
            }
        }
        return found
    }
}
