import Foundation

/// Takes HTML apart as browsers do, one token after another; every byte is looked at once, and nothing is ever refused.
struct HTMLTokenizer {
    enum Token: Equatable {
        /// As it stood, character references and all.
        case text(ArraySlice<UInt8>)
        /// Names in lower case; of an attribute that stands twice the first counts, its value still has its character references.
        case start(String, attributes: [(name: String, value: ArraySlice<UInt8>)])
        case end(String)

        static func == (left: Token, right: Token) -> Bool {
            switch (left, right) {
            case (.text(let one), .text(let other)): one.elementsEqual(other)
            case (.start(let one, let attributes), .start(let other, let others)):
                one == other && attributes.map(\.name) == others.map(\.name) && attributes.map { Array($0.value) } == others.map { Array($0.value) }
            case (.end(let one), .end(let other)): one == other
            default: false
            }
        }
    }

    /// Elements whose content is no HTML: it goes on to their own end tag, whatever stands in it.
    static let rawText: Set<String> = [
        "script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext",
    ]
    private static let mostAttributes = 50

    private let bytes: [UInt8]
    private var position = 0

    init(_ html: String) {
        bytes = Array(html.utf8)
    }

    /// Nil at the end. A tag that does not end is none.
    mutating func next() -> Token? {
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "<") else { return text(from: position) }
            switch byte(1) {
            case UInt8(ascii: "!"), UInt8(ascii: "?"): skipMarkup()
            case UInt8(ascii: "/"):
                guard let letter = byte(2), Self.isLetter(letter) else {
                    // "</>" and its like are no tags.
                    skipMarkup()
                    continue
                }
                position += 2
                if let (name, _) = tag() { return .end(name) }
            case .some(let letter) where Self.isLetter(letter):
                position += 1
                if let (name, attributes) = tag() {
                    if Self.rawText.contains(name) { skipRawText(of: name) }
                    return .start(name, attributes: attributes)
                }
            default: return text(from: position)
            }
        }
        return nil
    }

    private func byte(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private mutating func text(from start: Int) -> Token {
        // A "<" that opens nothing is text.
        position = start + 1
        while position < bytes.count, bytes[position] != UInt8(ascii: "<") { position += 1 }
        return .text(bytes[start..<position])
    }

    /// Comments, declarations and what looks like them.
    private mutating func skipMarkup() {
        if bytes[position...].starts(with: "<!--".utf8) {
            position += 4
            // "<!-->" and "<!--->" are whole comments.
            if byte(0) == UInt8(ascii: ">") || bytes[position...].starts(with: "->".utf8) {
                position += byte(0) == UInt8(ascii: ">") ? 1 : 2
                return
            }
            while position < bytes.count {
                if bytes[position] == UInt8(ascii: "-"), bytes[position...].starts(with: "-->".utf8) {
                    position += 3
                    return
                }
                if bytes[position] == UInt8(ascii: "-"), bytes[position...].starts(with: "--!>".utf8) {
                    position += 4
                    return
                }
                position += 1
            }
            return
        }
        while position < bytes.count, bytes[position] != UInt8(ascii: ">") { position += 1 }
        position += 1
    }

    /// From the first letter of a name to behind the ">"; nil when the text ends before it.
    private mutating func tag() -> (String, [(name: String, value: ArraySlice<UInt8>)])? {
        let start = position
        while position < bytes.count, !Self.endsName(bytes[position]) { position += 1 }
        let name = String(decoding: bytes[start..<position].prefix(40), as: UTF8.self).lowercased()
        var attributes: [(name: String, value: ArraySlice<UInt8>)] = []
        while position < bytes.count {
            let here = bytes[position]
            if here == UInt8(ascii: ">") {
                position += 1
                return (name, attributes)
            }
            if Self.isSpace(here) || here == UInt8(ascii: "/") {
                position += 1
                continue
            }
            let attribute = attribute()
            if attributes.count < Self.mostAttributes, !attributes.contains(where: { $0.name == attribute.name }) { attributes.append(attribute) }
        }
        return nil
    }

    private mutating func attribute() -> (name: String, value: ArraySlice<UInt8>) {
        let start = position
        // An "=" at the very beginning is a part of the name.
        position += 1
        while position < bytes.count, !Self.endsName(bytes[position]), bytes[position] != UInt8(ascii: "=") { position += 1 }
        let name = String(decoding: bytes[start..<position].prefix(40), as: UTF8.self).lowercased()
        skipSpace()
        guard byte(0) == UInt8(ascii: "=") else { return (name, []) }
        position += 1
        skipSpace()
        guard let quote = byte(0), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            let start = position
            while position < bytes.count, !Self.isSpace(bytes[position]), bytes[position] != UInt8(ascii: ">") { position += 1 }
            return (name, bytes[start..<position])
        }
        position += 1
        let value = position
        while position < bytes.count, bytes[position] != quote { position += 1 }
        let end = position
        position = min(position + 1, bytes.count)
        return (name, bytes[value..<end])
    }

    private mutating func skipSpace() {
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
    }

    /// To the end tag of the element, or to the end of everything.
    private mutating func skipRawText(of name: String) {
        let closing = Array("</\(name)".utf8)
        while position < bytes.count {
            guard bytes[position] == UInt8(ascii: "<"), position + closing.count <= bytes.count,
                zip(bytes[position..<(position + closing.count)], closing).allSatisfy({ Self.lowered($0) == $1 }),
                name != "plaintext", byte(closing.count).map({ Self.endsName($0) }) ?? true
            else {
                position += 1
                continue
            }
            return
        }
    }

    private static func endsName(_ byte: UInt8) -> Bool { isSpace(byte) || byte == UInt8(ascii: "/") || byte == UInt8(ascii: ">") }
    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0C || byte == 0x0D }
    private static func isLetter(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) }
    private static func lowered(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte + 0x20 : byte }
}
