extension UInt8 {
    static let carriageReturn = UInt8(ascii: "\r")
    static let lineFeed = UInt8(ascii: "\n")

    var isLetterOrDigit: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5A).contains(self) || (0x61...0x7A).contains(self)
    }

    /// `atext` of RFC 5322.
    var isAtomCharacter: Bool {
        isLetterOrDigit || Self.atomPunctuation.contains(self)
    }

    private static let atomPunctuation = Array("!#$%&'*+-/=?^_`{|}~".utf8)
    fileprivate static let hexadecimalDigits = Array("0123456789ABCDEF".utf8)
}

extension [UInt8] {
    /// How every line of a mail ends.
    static let lineEnd: [UInt8] = [.carriageReturn, .lineFeed]

    /// Appends `=` and two hexadecimal digits.
    mutating func appendEscape(of byte: UInt8) {
        append(UInt8(ascii: "="))
        append(UInt8.hexadecimalDigits[Int(byte >> 4)])
        append(UInt8.hexadecimalDigits[Int(byte & 0x0F)])
    }

    var endsWithLineEnd: Bool { suffix(2).elementsEqual(Self.lineEnd) }

    func containsLine(startingWith prefix: [UInt8]) -> Bool {
        var lineStart = 0
        while lineStart + prefix.count <= count {
            if self[lineStart] == prefix[0], self[lineStart..<lineStart + prefix.count].elementsEqual(prefix) { return true }
            guard let lineFeed = self[lineStart...].firstIndex(of: .lineFeed) else { return false }
            lineStart = lineFeed + 1
        }
        return false
    }

    /// `text` in UTF-8, with CRLF for every CRLF, lone CR and lone LF.
    init(linesOf text: String) {
        self = []
        reserveCapacity(text.utf8.count + text.utf8.count / 32)
        var text = text
        text.withUTF8 { bytes in
            // Whole lines are copied at once.
            var start = 0
            for index in bytes.indices where bytes[index] == .carriageReturn || bytes[index] == .lineFeed {
                let endsPair = bytes[index] == .lineFeed && index > 0 && bytes[index - 1] == .carriageReturn
                if !endsPair {
                    append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
                    append(contentsOf: Self.lineEnd)
                }
                start = index + 1
            }
            append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
        }
    }
}
