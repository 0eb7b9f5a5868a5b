import Foundation

/// Text made ready for looking up phrases: lower case, one space between words, one space at each end.
///
/// Addresses are no words of it, so that nobody's name decides what a server said; nor are reply codes and status codes, which servers repeat in
/// the middle of their sentences.
struct SearchText: Sendable {
    private let bytes: [UInt8]
    /// Which two bytes stand beside each other anywhere: most phrases are told from it without a search.
    private let pairs: [UInt64]

    /// At most `limit` bytes of `text` are looked at.
    init(_ text: some StringProtocol, limit: Int = 16_384) {
        let cut = text.utf8.count > limit ? String(decoding: text.utf8.prefix(limit), as: UTF8.self) : String(text)
        let plain = cut.lowercased().replacing("’", with: "'")
        var words: [Substring] = []
        for word in plain.split(whereSeparator: \.isWhitespace) {
            if let at = word.utf8.lastIndex(of: UInt8(ascii: "@")) {
                // What a server appends to an address, as in `name@example.com:blocked`, is its word.
                let colon = word[at...].utf8.firstIndex(of: UInt8(ascii: ":"))
                words.append(colon.map { "@" + word[$0...] } ?? "@")
            } else if word.utf8.first.map(Self.startsCode) == true {
                let rest = StatusCode.strippingCodes(word)
                if !rest.isEmpty { words.append(rest) }
            } else {
                words.append(word)
            }
        }
        bytes = Array((" " + words.joined(separator: " ") + " ").utf8)
        var pairs = [UInt64](repeating: 0, count: 1_024)
        bytes.withUnsafeBufferPointer { bytes in
            pairs.withUnsafeMutableBufferPointer { pairs in
                for index in 1..<bytes.count {
                    let pair = Int(bytes[index - 1]) << 8 | Int(bytes[index])
                    pairs[pair >> 6] |= 1 << (pair & 63)
                }
            }
        }
        self.pairs = pairs
    }

    var isEmpty: Bool { bytes.count <= 2 }

    /// `phrase` is in lower case; a space at its ends stands for the border of a word.
    func contains(_ phrase: String) -> Bool {
        var phrase = phrase
        return phrase.withUTF8 { needle in bytes.withUnsafeBufferPointer { Self.find(needle, in: $0, pairs: pairs) } }
    }

    private static func find(_ needle: UnsafeBufferPointer<UInt8>, in text: UnsafeBufferPointer<UInt8>, pairs: [UInt64]) -> Bool {
        guard needle.count >= 2, needle.count <= text.count, let start = text.baseAddress, let word = needle.baseAddress else { return false }
        for index in 1..<needle.count {
            let pair = Int(needle[index - 1]) << 8 | Int(needle[index])
            if pairs[pair >> 6] & (1 << (pair & 63)) == 0 { return false }
        }
        var from = 0
        let last = text.count - needle.count
        while from <= last, let found = memchr(start + from, Int32(needle[0]), last - from + 1) {
            let position = UnsafeRawPointer(found) - UnsafeRawPointer(start)
            if memcmp(start + position, word, needle.count) == 0 { return true }
            from = position + 1
        }
        return false
    }

    func containsAny(_ phrases: [String]) -> Bool {
        phrases.contains(where: contains)
    }

    func firstMatch(_ phrases: [String]) -> String? {
        phrases.first(where: contains)
    }

    func begins(with phrase: String) -> Bool {
        bytes.dropFirst().starts(with: phrase.utf8)
    }

    private static func startsCode(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == UInt8(ascii: "#") || byte == UInt8(ascii: "(")
    }
}
