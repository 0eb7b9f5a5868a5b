/// The header fields of a mail of ours as they go out, unfolded.
struct MailHeaders: Sendable, Equatable {
    /// Names in lower case, in order.
    let fields: [(name: String, value: String)]

    init(_ mail: [UInt8]) {
        var fields: [(name: String, value: String)] = []
        var start = mail.startIndex
        while start < mail.endIndex {
            let end = mail[start...].firstIndex(of: UInt8(ascii: "\n")) ?? mail.endIndex
            var line = mail[start..<end]
            if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
            guard !line.isEmpty else { break }
            let text = String(decoding: line, as: UTF8.self)
            if line.first == 0x20 || line.first == 0x09 {
                if let last = fields.indices.last { fields[last].value += " " + text.drop { $0 == " " || $0 == "\t" } }
            } else if let colon = text.firstIndex(of: ":") {
                fields.append((text[..<colon].lowercased(), String(text[text.index(after: colon)...].drop { $0 == " " })))
            }
            start = min(mail.endIndex, end + 1)
        }
        self.fields = fields
    }

    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// The names that each DKIM signature covers, in lower case, and its domain.
    var signatures: [(domain: String, covers: Set<String>)] {
        all("dkim-signature").map { value in
            var tags: [String: String] = [:]
            for part in value.split(separator: ";") {
                let sides = part.split(separator: "=", maxSplits: 1)
                guard sides.count == 2 else { continue }
                tags[sides[0].filter { !$0.isWhitespace }] = sides[1].filter { !$0.isWhitespace }
            }
            return (tags["d"]?.lowercased() ?? "", Set((tags["h"] ?? "").split(separator: ":").map { $0.lowercased() }))
        }
    }

    static func == (left: MailHeaders, right: MailHeaders) -> Bool {
        left.fields.elementsEqual(right.fields) { $0 == $1 }
    }
}
