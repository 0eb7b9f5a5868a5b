/// The bytes that mean something in templates and in HTML.
enum TemplateByte {
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let bar = UInt8(ascii: "|")
    static let backslash = UInt8(ascii: "\\")
    static let lessThan = UInt8(ascii: "<")
    static let greaterThan = UInt8(ascii: ">")
    static let slash = UInt8(ascii: "/")
    static let equals = UInt8(ascii: "=")
    static let ampersand = UInt8(ascii: "&")
    static let semicolon = UInt8(ascii: ";")
    static let hash = UInt8(ascii: "#")
    static let quote = UInt8(ascii: "\"")
    static let apostrophe = UInt8(ascii: "'")
    static let exclamation = UInt8(ascii: "!")
    static let question = UInt8(ascii: "?")
    static let at = UInt8(ascii: "@")
    static let space = UInt8(ascii: " ")
    static let newline = UInt8(ascii: "\n")

    static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
    static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    static func lowercased(_ byte: UInt8) -> UInt8 { isUpper(byte) ? byte | 0x20 : byte }

    /// White space as HTML knows it.
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) && byte != 0x0B }

    /// What a backslash takes its meaning from.
    static func isEscapable(_ byte: UInt8) -> Bool { byte == openBrace || byte == bar || byte == closeBrace }

    /// Whether `word`, which is ASCII in lower case, stands at `index` in either case.
    static func has(_ word: String, at index: Int, in bytes: [UInt8]) -> Bool {
        var position = index
        for byte in word.utf8 {
            guard position < bytes.count, lowercased(bytes[position]) == byte else { return false }
            position += 1
        }
        return true
    }
}

/// What is wrong with a part of a template, at a byte of it.
struct TemplateFault: Error, Sendable, Equatable {
    let message: String
    let offset: Int
}

/// Turns bytes' places into those that editors in browsers count, which is UTF-16; cheap when asked in ascending order.
struct TextPositions {
    private let bytes: [UInt8]
    private var reached = 0
    private var units = 0

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    mutating func position(of offset: Int) -> Int {
        if offset < reached {
            reached = 0
            units = 0
        }
        let end = min(offset, bytes.count)
        while reached < end {
            let byte = bytes[reached]
            if byte & 0xC0 != 0x80 { units += byte >= 0xF0 ? 2 : 1 }
            reached += 1
        }
        return units
    }
}
