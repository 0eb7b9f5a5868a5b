/// HTML as plain text, for the part of a mail that its author did not write: `text (address)` for links, lines and lists as people write them.
///
/// Variables and choices of the HTML stay what they are, in the same order.
struct PlainText {
    private struct Link {
        let address: TemplateDraft
        /// How much had been written before its text.
        let bytes: Int
        let references: Int
    }

    private static let paragraphs: Set<String> = [
        "p", "h1", "h2", "h3", "h4", "h5", "h6", "dl", "table", "blockquote", "figure", "form",
    ]
    private static let lines: Set<String> = [
        "div", "section", "article", "header", "footer", "main", "nav", "aside", "address", "tr", "dt", "dd", "center", "caption", "figcaption",
    ]
    private static let deepestIndentation = 8

    private(set) var draft = TemplateDraft(bytes: [])
    private let html: HTMLSource
    private var literalStart = 0
    /// Line ends and a space that come before the next character, if one comes.
    private var breaks = 0
    private var hasSpace = false
    private var isEmpty = true
    private var isAtLineStart = true
    private var isBehindBullet = false
    /// The next number of each open list; nil where it has none.
    private var lists: [Int?] = []
    private var preformatted = 0
    private var link: Link?

    init(html: HTMLSource) throws(TemplateFault) {
        self.html = html
        for token in html.tokens {
            switch token {
            case .text(let range):
                var scanner = TemplateScanner(html.bytes, isMarkup: true)
                try scanner.text(range)
                append(scanner.draft)
            case .tag(let tag): try read(tag)
            case .characters, .raw, .comment: continue
            }
        }
        endLink()
        endLiteral()
    }

    private mutating func read(_ tag: HTMLTag) throws(TemplateFault) {
        switch tag.name {
        case "br": breaks = min(2, breaks + 1)
        case "hr":
            startLine(2)
            write(text: "---")
            startLine(2)
        case "a":
            endLink()
            if !tag.isEnd, let address = try value(of: "href", tag, isURL: true) {
                link = Link(address: address, bytes: draft.bytes.count, references: draft.references.count)
            }
        case "img": if let alternative = try value(of: "alt", tag, isURL: false) { append(alternative) }
        case "td", "th": hasSpace = true
        case "ul", "ol":
            startLine(lists.isEmpty ? 2 : 1)
            if !tag.isEnd { lists.append(tag.name == "ol" ? 1 : nil) } else if lists.popLast() != nil { startLine(lists.isEmpty ? 2 : 1) }
        case "li":
            startLine(1)
            if !tag.isEnd { startItem() }
        case "pre":
            startLine(2)
            preformatted = max(0, preformatted + (tag.isEnd ? -1 : 1))
        case let name where Self.paragraphs.contains(name): startLine(2)
        case let name where Self.lines.contains(name): startLine(1)
        default: break
        }
    }

    private mutating func startItem() {
        isBehindBullet = false
        flush()
        let indentation = String(repeating: "  ", count: min(max(lists.count, 1), Self.deepestIndentation) - 1)
        if case .some(.some(let number)) = lists.last {
            lists[lists.count - 1] = number + 1
            write(text: "\(indentation)\(number). ")
        } else {
            write(text: "\(indentation)- ")
        }
        isAtLineStart = true
        isBehindBullet = true
    }

    private func value(of name: String, _ tag: HTMLTag, isURL: Bool) throws(TemplateFault) -> TemplateDraft? {
        guard let range = tag.attribute(name)?.value, !range.isEmpty else { return nil }
        var scanner = TemplateScanner(html.bytes, isMarkup: true)
        try scanner.value(range, isURL: isURL)
        return scanner.draft
    }

    /// Says where a link leads, unless its text does or it leads to a place in the mail.
    private mutating func endLink() {
        guard let link else { return }
        self.link = nil
        let pending = breaks
        breaks = 0
        let shown = draft.bytes[link.bytes...].filter { $0 > 0x20 }
        let isBare = shown.isEmpty && draft.references.count == link.references
        if link.address.references.isEmpty, draft.references.count == link.references {
            let address = link.address.tokens.reduce(into: [UInt8]()) { bytes, token in
                if case .literal(let range) = token { bytes += HTMLEntity.decoded(html.bytes[range]) }
            }
            if address.first == TemplateByte.hash || address == shown || address == Array("mailto:".utf8) + shown {
                breaks = pending
                return
            }
        }
        hasSpace = true
        if !isBare { write(text: "(") }
        append(link.address)
        if !isBare {
            hasSpace = false
            write(text: ")")
        }
        breaks = pending
    }

    private mutating func append(_ part: TemplateDraft) {
        for token in part.tokens {
            switch token {
            case .literal(let range): write(source: range)
            case .variable(let number):
                flush()
                endLiteral()
                draft.references.append(part.references[number])
                draft.tokens.append(.variable(draft.references.count - 1))
                hasWritten()
            case .open: mark(TemplateByte.openBrace) { .open($0) }
            case .bar: mark(TemplateByte.bar) { .bar($0) }
            case .close: mark(TemplateByte.closeBrace) { .close($0) }
            }
        }
    }

    private mutating func mark(_ byte: UInt8, _ token: (Int) -> TemplateDraft.Token) {
        flush()
        endLiteral()
        draft.tokens.append(token(draft.bytes.count))
        draft.bytes.append(byte)
        literalStart = draft.bytes.count
    }

    /// A piece of the HTML, its entities as characters and its white space as one space.
    private mutating func write(source range: Range<Int>) {
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = html.bytes[index]
            if byte == TemplateByte.ampersand, let entity = HTMLEntity.read(html.bytes[index..<range.upperBound]) {
                write(scalar: entity.scalar)
                index += entity.length
                continue
            }
            index += 1
            guard TemplateByte.isSpace(byte) else {
                write(byte)
                continue
            }
            if preformatted > 0, byte != 0x0D {
                write(byte)
                isAtLineStart = byte == TemplateByte.newline
            } else {
                hasSpace = true
            }
        }
    }

    private mutating func write(scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x09...0x20, 0xA0: hasSpace = true
        // What fills up the line that mail programs show beside the subject: nobody sees it.
        case 0xAD, 0x034F, 0x200B, 0x200C, 0xFEFF: break
        default: write(text: String(scalar))
        }
    }

    private mutating func write(text: String) {
        for byte in text.utf8 { write(byte) }
    }

    private mutating func write(_ byte: UInt8) {
        flush()
        draft.bytes.append(byte)
        hasWritten()
    }

    private mutating func hasWritten() {
        isEmpty = false
        isAtLineStart = false
        isBehindBullet = false
    }

    private mutating func startLine(_ count: Int) {
        breaks = max(breaks, count)
    }

    /// What was put off until something follows.
    private mutating func flush() {
        if breaks > 0, !isEmpty, !isBehindBullet {
            draft.bytes += [UInt8](repeating: TemplateByte.newline, count: breaks)
            isAtLineStart = true
        } else if hasSpace, !isAtLineStart {
            draft.bytes.append(TemplateByte.space)
        }
        breaks = 0
        hasSpace = false
    }

    private mutating func endLiteral() {
        if literalStart < draft.bytes.count { draft.tokens.append(.literal(literalStart..<draft.bytes.count)) }
        literalStart = draft.bytes.count
    }
}
