/// Looks at what a server sends before libetpan does: how long a line is, how large a literal, how deep the brackets.
///
/// libetpan takes memory for whatever length a server announces and goes one call deeper with each bracket, so a server that means harm could take
/// the process down. A mailbox's server is named by a customer: nothing of it is believed.
struct ResponseGuard {
    enum Violation: Error, Equatable {
        case literalTooLarge
        case lineTooLong
        case tooMuch
        /// What no server that means well sends.
        case malformed(String)
    }

    /// Of one answer; both are set before each command.
    var literalLimit: Int
    var totalLimit: Int
    private let lineLimit: Int
    /// What the server said last that was no plain success: a NO, a BAD, a BYE.
    private(set) var words: String?

    private static let depthLimit = 24
    private static let prefixLimit = 600

    private var total = 0
    private var literalLeft = 0
    private var lineLength = 0
    private var prefix: [UInt8] = []
    private var depth = 0
    private var isQuoted = false
    private var isEscaped = false
    /// The number in braces so far.
    private var brace: Int?
    /// A literal that begins after the end of this line.
    private var announced: Int?

    init(lineLimit: Int) {
        self.lineLimit = lineLimit
        literalLimit = 0
        totalLimit = 0
    }

    mutating func beginCommand(literalLimit: Int, totalLimit: Int) {
        self.literalLimit = literalLimit
        self.totalLimit = totalLimit
        total = 0
        words = nil
    }

    mutating func accept(_ bytes: UnsafeRawBufferPointer) throws(Violation) {
        total += bytes.count
        guard total <= totalLimit else { throw .tooMuch }
        var index = 0
        while index < bytes.count {
            if literalLeft > 0 {
                let taken = min(literalLeft, bytes.count - index)
                literalLeft -= taken
                index += taken
                continue
            }
            try accept(bytes[index])
            index += 1
        }
    }

    private mutating func accept(_ byte: UInt8) throws(Violation) {
        lineLength += 1
        guard lineLength <= lineLimit else { throw .lineTooLong }
        if byte == UInt8(ascii: "\n") { return endLine() }
        if byte == UInt8(ascii: "\r") { return }
        if announced != nil { throw .malformed("a length that no line end follows") }
        if prefix.count < Self.prefixLimit { prefix.append(byte) }
        if isQuoted {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isQuoted = false
            }
            return
        }
        try acceptUnquoted(byte)
    }

    private mutating func acceptUnquoted(_ byte: UInt8) throws(Violation) {
        switch byte {
        case UInt8(ascii: "\""):
            isQuoted = true
            brace = nil
        case UInt8(ascii: "("):
            depth += 1
            guard depth <= Self.depthLimit else { throw .malformed("brackets in brackets") }
        // One that closes nothing makes no room for others.
        case UInt8(ascii: ")"): depth = max(0, depth - 1)
        case UInt8(ascii: "{"): brace = carriesData ? 0 : nil
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            guard let number = brace else { return }
            guard number <= literalLimit else { throw .literalTooLarge }
            brace = number * 10 + Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "}"):
            guard let number = brace else { return }
            guard number <= literalLimit else { throw .literalTooLarge }
            announced = number
            brace = nil
        default: brace = nil
        }
    }

    /// Whether the line is one in which lengths mean literals: neither the text of a state nor a tagged answer.
    private var carriesData: Bool {
        guard prefix.starts(with: "* ".utf8) else { return false }
        return !Self.states.contains { isState($0) }
    }

    private static let states = ["OK", "NO", "BAD", "BYE", "PREAUTH"]

    private func isState(_ state: String) -> Bool {
        let word = prefix.dropFirst(2).prefix { $0 != UInt8(ascii: " ") }
        return String(decoding: word, as: UTF8.self).uppercased() == state
    }

    private mutating func endLine() {
        if let announced {
            // The logical line goes on after the literal, with its brackets.
            literalLeft = announced
            self.announced = nil
            return
        }
        noteWords()
        (lineLength, depth, isQuoted, isEscaped, brace) = (0, 0, false, false, nil)
        prefix.removeAll(keepingCapacity: true)
    }

    private mutating func noteWords() {
        let text = String(decoding: prefix, as: UTF8.self)
        let parts = text.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0] != "+" else { return }
        let state = parts[1].uppercased()
        guard ["NO", "BAD", "BYE"].contains(state) else { return }
        let said = parts.count > 2 ? String(parts[2]) : state
        words = String(String.UnicodeScalarView(said.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }).prefix(500))
    }
}
