/// Collects header fields, folds them, and refuses what would break out of them.
struct HeaderWriter {
    /// RFC 5322, 2.1.1: no line may be longer, its CRLF not counted.
    static let hardLineLimit = 998
    /// Where a line is folded if it can be: RFC 2047 allows 76 where encoded words are, RFC 5322 prefers 78.
    static let preferredLineLimit = 76

    /// A longer word of free text could break the hard limit together with the name before it.
    private static let longestPlainWord = 900

    private(set) var bytes: [UInt8] = []

    /// A field of `tokens` with a space between them; a line may end there and nowhere else.
    mutating func add(_ name: String, tokens: [String]) throws(MailMessageError) {
        var line = Array(name.utf8)
        line.append(UInt8(ascii: ":"))
        for (index, token) in tokens.enumerated() {
            try Self.checkLineBreaks(in: token, header: name)
            if index > 0, line.count + 1 + token.utf8.count > Self.preferredLineLimit {
                bytes += line
                bytes += .lineEnd
                line.removeAll(keepingCapacity: true)
            }
            line.append(UInt8(ascii: " "))
            line += token.utf8
            guard line.count <= Self.hardLineLimit else { throw .lineTooLong(header: name) }
        }
        bytes += line
        bytes += .lineEnd
    }

    /// A field of free text, encoded where it is not plain ASCII.
    mutating func add(_ name: String, text: String) throws(MailMessageError) {
        try Self.checkLineBreaks(in: text, header: name)
        if let tokens = Self.plainTokens(text) {
            try add(name, tokens: tokens)
        } else {
            try add(name, tokens: EncodedWord.words(for: text, firstLimit: max(Self.preferredLineLimit - name.utf8.count - 2, 40)))
        }
    }

    static func checkLineBreaks(in text: String, header: String) throws(MailMessageError) {
        if text.utf8.contains(where: { $0 == .carriageReturn || $0 == .lineFeed || $0 == 0 }) { throw .lineBreak(header: header) }
    }

    /// Nil when `text` would not survive as it is: not ASCII, blank at an end, like an encoded word, or a word too long to fold around.
    private static func plainTokens(_ text: String) -> [String]? {
        guard text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }), !EncodedWord.begins(in: text), text.first != " ", text.last != " " else {
            return nil
        }
        guard !text.isEmpty else { return [] }
        var tokens: [String] = []
        var blanks = ""
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            guard word.utf8.count < longestPlainWord else { return nil }
            if word.isEmpty {
                // One of several spaces in a row stays with the word after it, so that no line consists of blanks.
                blanks += " "
            } else {
                tokens.append(blanks + word)
                blanks = ""
            }
        }
        return tokens
    }
}
