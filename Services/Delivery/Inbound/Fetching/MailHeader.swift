import Foundation

/// The fields of a mail's header as they are written: enough to tell whose mail it is, whatever its body holds.
///
/// Reads the first 256 kB and 1,000 fields at most; what is no field is passed over.
struct MailHeader: Sendable, Equatable {
    /// Names in lower case; values unfolded, not decoded.
    let fields: [(name: String, value: String)]
    /// The bytes up to the empty line.
    private let bytes: ArraySlice<UInt8>

    private static let byteLimit = 256 << 10
    private static let fieldLimit = 1_000

    init(of mail: [UInt8]) {
        var fields: [(name: String, value: String)] = []
        var end = 0
        let window = mail.prefix(Self.byteLimit)
        for line in window.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
            guard !text.isEmpty, fields.count < Self.fieldLimit else { break }
            end = line.endIndex
            if text.first == UInt8(ascii: " ") || text.first == UInt8(ascii: "\t") {
                guard !fields.isEmpty else { continue }
                fields[fields.count - 1].value += " " + Self.trimmed(text)
            } else if let colon = text.firstIndex(of: UInt8(ascii: ":")), colon > text.startIndex {
                fields.append((Self.trimmed(text[..<colon]).lowercased(), Self.trimmed(text[text.index(after: colon)...])))
            }
        }
        self.fields = fields
        bytes = window[..<end]
    }

    static func == (first: MailHeader, second: MailHeader) -> Bool { first.bytes == second.bytes }

    subscript(name: String) -> String? {
        fields.first { $0.name == name }?.value
    }

    /// Without brackets; nil where there is none of any use.
    var messageID: String? {
        guard let value = self["message-id"] else { return nil }
        let inner = value.firstIndex(of: "<").map { value[value.index(after: $0)...].prefix { $0 != ">" } } ?? value[...]
        let text = inner.trimmingCharacters(in: .whitespaces)
        return (1...998).contains(text.utf8.count) ? text : nil
    }

    /// What tells this mail from every other, whichever number the server gives it: of mail that was sent the Message-ID, of other mail that and
    /// the date, since some machines give all their mails one Message-ID; of a mail without one the header.
    func identity(in folder: FetchedMail.Folder) -> [UInt8] {
        guard let messageID else { return [UInt8(ascii: "h")] + bytes }
        return Self.identity(ofMessageID: messageID, date: folder == .sent ? nil : self["date"])
    }

    static func identity(ofMessageID identifier: String, date: String? = nil) -> [UInt8] {
        Array("m\(identifier)\n\(date ?? "")".utf8)
    }

    /// The tokens in the links by which its reader leaves; only ours open.
    var unsubscribeTokens: [String] {
        fields.filter { $0.name == "list-unsubscribe" }.prefix(4).flatMap { field in
            field.value.matches(of: #/\/u\/([A-Za-z0-9_.\-]{20,200})/#).prefix(4).map { String($0.1) }
        }
    }

    /// Everybody whom the header names as writer or reader, in lower case; at most 100.
    var addresses: [String] {
        let names: Set = ["from", "to", "cc", "reply-to", "sender", "return-path", "delivered-to", "x-failed-recipients"]
        let found = fields.filter { names.contains($0.name) }.flatMap { field in
            field.value.prefix(20_000).matches(of: #/[^\s<>",;:()\[\]@]+@[^\s<>",;:()\[\]@]+/#).map { String($0.0).lowercased() }
        }
        return Array(Set(found).sorted().prefix(100))
    }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }
}
