/// Divides HTML as a browser does (the states of the HTML standard, section 13.2.5, as far as tags and their values go), in one pass.
///
/// A variable is one thing wherever it may stand, whatever its fallback holds.
struct HTMLTokenizer {
    private enum Markup {
        case startTag
        case endTag
        case comment
        case declaration
    }

    private static let raw: Set<String> = ["script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"]
    private static let characters: Set<String> = ["title", "textarea"]

    private let bytes: [UInt8]
    private var index = 0
    private var tokens: [HTMLToken] = []
    /// False from where no variable's end comes any more, so that nobody looks for it again and again.
    private var hasVariableEnds = true

    private init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    static func tokens(of bytes: [UInt8]) throws(TemplateFault) -> [HTMLToken] {
        var tokenizer = HTMLTokenizer(bytes)
        try tokenizer.run()
        return tokenizer.tokens
    }

    private mutating func run() throws(TemplateFault) {
        var start = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte == TemplateByte.backslash, index + 1 < bytes.count, TemplateByte.isEscapable(bytes[index + 1]) {
                index += 2
            } else if byte == TemplateByte.openBrace {
                skipBrace()
            } else if byte == TemplateByte.lessThan, index + 1 < bytes.count, TemplateByte.isEscapable(bytes[index + 1]) {
                throw Self.openEnd(index)
            } else if byte == TemplateByte.lessThan, let markup = markup(at: index) {
                if start < index { tokens.append(.text(start..<index)) }
                switch markup {
                case .startTag: try tag(isEnd: false)
                case .endTag: try tag(isEnd: true)
                case .comment: try comment()
                case .declaration: try declaration()
                }
                start = index
            } else {
                index += 1
            }
        }
        if start < bytes.count { tokens.append(.text(start..<bytes.count)) }
    }

    /// What `<` begins; nil when it is a character like others.
    private func markup(at index: Int) -> Markup? {
        guard index + 1 < bytes.count else { return nil }
        let next = bytes[index + 1]
        if TemplateByte.isLetter(next) { return .startTag }
        if next == TemplateByte.exclamation { return TemplateByte.has("!--", at: index + 1, in: bytes) ? .comment : .declaration }
        if next == TemplateByte.question { return .declaration }
        guard next == TemplateByte.slash, index + 2 < bytes.count else { return nil }
        return TemplateByte.isLetter(bytes[index + 2]) ? .endTag : .declaration
    }

    /// Goes past a variable, or past a brace that opens none.
    private mutating func skipBrace() {
        if hasVariableEnds, index + 1 < bytes.count, bytes[index + 1] == TemplateByte.openBrace {
            var end = index + 2
            while end + 1 < bytes.count {
                if bytes[end] == TemplateByte.closeBrace, bytes[end + 1] == TemplateByte.closeBrace {
                    index = end + 2
                    return
                }
                end += 1
            }
            hasVariableEnds = false
        }
        index += 1
    }

    private mutating func tag(isEnd: Bool) throws(TemplateFault) {
        let start = index
        index += isEnd ? 2 : 1
        let nameStart = index
        skip { TemplateByte.isSpace($0) || $0 == TemplateByte.slash || $0 == TemplateByte.greaterThan }
        let nameRange = nameStart..<index
        let name = lowercased(nameRange)
        var attributes: [HTMLAttribute] = []
        while true {
            while index < bytes.count, TemplateByte.isSpace(bytes[index]) || bytes[index] == TemplateByte.slash { index += 1 }
            guard index < bytes.count else { throw Self.unclosedTag(start) }
            if bytes[index] == TemplateByte.greaterThan { break }
            attributes.append(try attribute(of: start))
        }
        index += 1
        tokens.append(.tag(HTMLTag(name: name, isEnd: isEnd, range: start..<index, nameRange: nameRange, attributes: attributes)))
        if !isEnd, Self.raw.contains(name) || Self.characters.contains(name) { try content(of: name, openedAt: start) }
    }

    private mutating func attribute(of tag: Int) throws(TemplateFault) -> HTMLAttribute {
        let nameStart = index
        // An equals sign at the beginning is a part of the name.
        if bytes[index] == TemplateByte.equals { index += 1 }
        skip { TemplateByte.isSpace($0) || $0 == TemplateByte.slash || $0 == TemplateByte.greaterThan || $0 == TemplateByte.equals }
        let nameRange = nameStart..<index
        skipSpace()
        guard index < bytes.count else { throw Self.unclosedTag(tag) }
        guard bytes[index] == TemplateByte.equals else {
            let nothing = nameRange.upperBound..<nameRange.upperBound
            return HTMLAttribute(name: lowercased(nameRange), nameRange: nameRange, value: nothing, isQuoted: false)
        }
        index += 1
        skipSpace()
        guard index < bytes.count else { throw Self.unclosedTag(tag) }
        let quote = bytes[index]
        let isQuoted = quote == TemplateByte.quote || quote == TemplateByte.apostrophe
        if isQuoted { index += 1 }
        let valueStart = index
        if isQuoted {
            skip { $0 == quote }
        } else {
            skip { TemplateByte.isSpace($0) || $0 == TemplateByte.greaterThan }
        }
        let value = valueStart..<index
        guard index < bytes.count else { throw Self.unclosedTag(tag) }
        if isQuoted { index += 1 }
        return HTMLAttribute(name: lowercased(nameRange), nameRange: nameRange, value: value, isQuoted: isQuoted)
    }

    /// The inside of an element up to its end tag, where nothing else is a tag.
    private mutating func content(of name: String, openedAt opening: Int) throws(TemplateFault) {
        let isRaw = Self.raw.contains(name)
        let endTag = "</\(name)"
        let start = index
        while index < bytes.count {
            if bytes[index] == TemplateByte.lessThan, TemplateByte.has(endTag, at: index, in: bytes) {
                let behind = index + endTag.utf8.count
                if behind < bytes.count,
                    TemplateByte.isSpace(bytes[behind]) || bytes[behind] == TemplateByte.slash || bytes[behind] == TemplateByte.greaterThan
                {
                    if start < index { tokens.append(isRaw ? .raw(start..<index) : .characters(start..<index)) }
                    return
                }
            }
            if !isRaw, bytes[index] == TemplateByte.lessThan, index + 1 < bytes.count, bytes[index + 1] == TemplateByte.openBrace {
                throw Self.openEnd(index)
            }
            if !isRaw, bytes[index] == TemplateByte.openBrace { skipBrace() } else { index += 1 }
        }
        throw TemplateFault(message: "The element <\(name)> is not closed.", offset: opening)
    }

    private mutating func comment() throws(TemplateFault) {
        let start = index
        // `<!-->` is a whole comment.
        index += 2
        while index < bytes.count {
            let isEnd = TemplateByte.has("-->", at: index, in: bytes)
            if isEnd || index >= start + 4 && TemplateByte.has("--!>", at: index, in: bytes) {
                index += isEnd ? 3 : 4
                tokens.append(.comment(start..<index))
                return
            }
            index += 1
        }
        throw TemplateFault(message: "The comment is not closed with -->.", offset: start)
    }

    private mutating func declaration() throws(TemplateFault) {
        let start = index
        guard let end = bytes[start...].firstIndex(of: TemplateByte.greaterThan) else { throw Self.unclosedTag(start) }
        index = end + 1
        tokens.append(.comment(start..<index))
    }

    private mutating func skipSpace() {
        while index < bytes.count, TemplateByte.isSpace(bytes[index]) { index += 1 }
    }

    /// Goes to the next byte that ends it, past variables.
    private mutating func skip(until isEnd: (UInt8) -> Bool) {
        while index < bytes.count, !isEnd(bytes[index]) {
            if bytes[index] == TemplateByte.openBrace { skipBrace() } else { index += 1 }
        }
    }

    private func lowercased(_ range: Range<Int>) -> String {
        String(decoding: bytes[range].map(TemplateByte.lowercased), as: UTF8.self)
    }

    /// What a variable or a choice puts behind `<` could make a tag of it.
    private static func openEnd(_ offset: Int) -> TemplateFault {
        TemplateFault(message: "Write &lt; for the character before a variable or a choice; neither can be the name of a tag.", offset: offset + 1)
    }

    private static func unclosedTag(_ offset: Int) -> TemplateFault {
        TemplateFault(message: "The tag is not closed with >, or a value in it lacks its closing quote.", offset: offset)
    }
}
