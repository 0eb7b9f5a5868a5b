import Foundation

/// Text outside ASCII in a header (RFC 2047), such as `=?utf-8?q?Z=C3=BCrich?=`.
enum EncodedWord {
    /// RFC 2047, section 2: no longer than this, delimiters included.
    static let lengthLimit = 75

    /// Whether a reader might take a part of `text` for an encoded word.
    static func begins(in text: String) -> Bool {
        zip(text.utf8, text.utf8.dropFirst()).contains { $0 == UInt8(ascii: "=") && $1 == UInt8(ascii: "?") }
    }

    private static let delimiterLength = "=?utf-8?q?".utf8.count + "?=".utf8.count

    /// `text` as words that a reader joins without a gap; none splits a code point, and the first keeps to `firstLimit` characters.
    static func words(for text: String, firstLimit: Int = lengthLimit) -> [String] {
        // Readable where most of it is: filters distrust base64 that hides plain words.
        let encoding: Encoding = Encoding.quoted.length(of: text.utf8) <= 2 * text.utf8.count ? .quoted : .base64
        var words: [String] = []
        var piece: [UInt8] = []
        for scalar in text.unicodeScalars {
            let room = min(words.isEmpty ? firstLimit : lengthLimit, lengthLimit) - delimiterLength
            let complete = piece.count
            piece += scalar.utf8
            if complete > 0, encoding.length(of: piece) > room {
                words.append(encoding.word(piece[..<complete]))
                piece.removeFirst(complete)
            }
        }
        if !piece.isEmpty { words.append(encoding.word(piece[...])) }
        return words
    }

    private enum Encoding {
        case quoted
        case base64

        func length(of bytes: some Collection<UInt8>) -> Int {
            switch self {
            case .quoted: bytes.reduce(0) { $0 + ($1 == UInt8(ascii: " ") || EncodedWord.isPlain($1) ? 1 : 3) }
            case .base64: (bytes.count + 2) / 3 * 4
            }
        }

        func word(_ bytes: ArraySlice<UInt8>) -> String {
            switch self {
            case .quoted: "=?utf-8?q?\(EncodedWord.quoted(bytes))?="
            case .base64: "=?utf-8?b?\(Data(bytes).base64EncodedString())?="
            }
        }
    }

    private static func quoted(_ bytes: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            if byte == UInt8(ascii: " ") {
                text.append(UInt8(ascii: "_"))
            } else if isPlain(byte) {
                text.append(byte)
            } else {
                text.appendEscape(of: byte)
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// What may stand for itself even inside a display name (RFC 2047, section 5, rule 3).
    private static func isPlain(_ byte: UInt8) -> Bool {
        byte.isLetterOrDigit || "!*+-/".utf8.contains(byte)
    }
}
