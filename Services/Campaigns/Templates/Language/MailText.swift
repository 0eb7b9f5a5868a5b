/// A part of a mail, read and ready: fixed text, variables (`{{first_name}}`, `{{first_name|there}}`) and choices (`{Hi|Hello}`).
///
/// Reading and rendering take time and memory in proportion to the text; nothing in it is ever evaluated, and values are not read again.
struct MailText: Sendable {
    struct SyntaxError: Error, Sendable, Equatable {
        let message: String
        /// UTF-16 code units from the beginning of the part, as editors in browsers count.
        let position: Int
        let part: MailPart
    }

    /// A variable where it stands.
    struct Reference: Sendable, Equatable {
        let variable: TemplateVariable
        let fallback: String?
        let place: ValuePlace
        /// Bytes from the beginning of what the author wrote.
        let offset: Int
    }

    /// One of several texts, each a range of pieces.
    struct Choice: Sendable, Equatable {
        /// The number of choices that open before it in this part.
        let ordinal: Int
        let alternatives: [Range<Int>]
        /// The piece behind it.
        let next: Int
    }

    enum Piece: Sendable, Equatable {
        case literal(Range<Int>)
        case variable(Int)
        case choice(Choice)
        /// A brace or a bar that belongs to a choice.
        case mark
    }

    static let maximumSource = 512 << 10
    static let maximumRendered = 1 << 20
    static let maximumVariables = 2_000
    static let maximumVariableSource = 1_000
    static let maximumChoices = 500
    static let maximumChoiceDepth = 5
    /// What is kept free for Delivery's link.
    static let longestLink = 300

    let part: MailPart
    /// Whether values are written as HTML.
    let isMarkup: Bool
    /// What the literals are ranges of.
    let bytes: [UInt8]
    let pieces: [Piece]
    let references: [Reference]

    /// Reads a part that is not HTML.
    init(_ source: String, as part: MailPart = .text) throws(SyntaxError) {
        let bytes = Array(source.utf8)
        do throws(TemplateFault) {
            try Self.checkLength(bytes)
            var scanner = TemplateScanner(bytes)
            try scanner.text(0..<bytes.count)
            self = try MailText(scanner.draft, part: part, isMarkup: false)
        } catch {
            throw SyntaxError(error, in: bytes, part: part)
        }
    }

    /// Reads a part that is HTML.
    init(_ html: HTMLSource) throws(SyntaxError) {
        do throws(TemplateFault) {
            self = try MailText(TemplateDraft(html: html), part: .html, isMarkup: true)
        } catch {
            throw SyntaxError(error, in: html.bytes, part: .html)
        }
    }

    /// The plain text of a mail whose author wrote only HTML; its choices are drawn as those of the HTML are.
    init(derivedFrom html: HTMLSource) throws(SyntaxError) {
        do throws(TemplateFault) {
            self = try MailText(PlainText(html: html).draft, part: .text, isMarkup: false)
        } catch {
            throw SyntaxError(error, in: html.bytes, part: .html)
        }
    }

    private init(_ draft: TemplateDraft, part: MailPart, isMarkup: Bool) throws(TemplateFault) {
        self.part = part
        self.isMarkup = isMarkup
        bytes = draft.bytes
        references = draft.references
        pieces = try draft.pieces()
        guard longest(pieces.indices) <= Self.maximumRendered else {
            throw TemplateFault(message: "With long values the mail would be larger than 1 MiB; use fewer variables or less text.", offset: 0)
        }
    }

    static func checkLength(_ bytes: [UInt8]) throws(TemplateFault) {
        guard bytes.count <= maximumSource else {
            throw TemplateFault(message: "A part of a template has at most \(maximumSource >> 10) KiB.", offset: 0)
        }
    }

    /// Whether whatever is chosen holds a variable that is meant.
    func alwaysHolds(_ isMeant: (Reference) -> Bool) -> Bool {
        alwaysHolds(pieces.indices, isMeant)
    }

    private func alwaysHolds(_ range: Range<Int>, _ isMeant: (Reference) -> Bool) -> Bool {
        var index = range.lowerBound
        while index < range.upperBound {
            switch pieces[index] {
            case .variable(let number):
                if isMeant(references[number]) { return true }
                index += 1
            case .choice(let choice):
                if choice.alternatives.allSatisfy({ alwaysHolds($0, isMeant) }) { return true }
                index = choice.next
            case .literal, .mark: index += 1
            }
        }
        return false
    }

    /// The most bytes that the pieces can become, whatever the values are.
    private func longest(_ range: Range<Int>) -> Int {
        var sum = 0
        var index = range.lowerBound
        while index < range.upperBound {
            switch pieces[index] {
            case .literal(let bytes):
                sum += bytes.count
                index += 1
            case .variable(let number):
                sum += longest(references[number])
                index += 1
            case .choice(let choice):
                sum += choice.alternatives.reduce(0) { max($0, longest($1)) }
                index = choice.next
            case .mark: index += 1
            }
        }
        return sum
    }

    private func longest(_ reference: Reference) -> Int {
        guard reference.variable != .unsubscribe else { return Self.longestLink }
        let characters = max(reference.variable.longestValue, reference.fallback?.utf8.count ?? 0)
        return characters * reference.place.longestCharacter(isMarkup: isMarkup)
    }
}

/// The parts of a mail that people write.
enum MailPart: String, Codable, Sendable {
    case subject
    case text
    case html
}

extension MailText.SyntaxError {
    init(_ fault: TemplateFault, in bytes: [UInt8], part: MailPart) {
        var positions = TextPositions(bytes)
        self.init(message: fault.message, position: positions.position(of: fault.offset), part: part)
    }
}
