/// Takes parts of a template apart, each byte once.
struct TemplateScanner {
    private(set) var draft: TemplateDraft
    private let bytes: [UInt8]
    private let isMarkup: Bool

    init(_ bytes: [UInt8], isMarkup: Bool = false) {
        self.bytes = bytes
        self.isMarkup = isMarkup
        draft = TemplateDraft(bytes: bytes)
    }

    /// Whether exactly here a variable opens: of three braces in a row the first is one of a choice.
    static func isVariable(at index: Int, before end: Int, in bytes: [UInt8]) -> Bool {
        guard index + 1 < end, bytes[index] == TemplateByte.openBrace, bytes[index + 1] == TemplateByte.openBrace else { return false }
        return index + 2 >= end || bytes[index + 2] != TemplateByte.openBrace
    }

    /// Where the first two opening braces in a row stand, in text that takes no variables.
    static func firstVariable(in range: Range<Int>, of bytes: [UInt8]) -> Int? {
        var index = range.lowerBound
        while index + 1 < range.upperBound {
            if bytes[index] == TemplateByte.openBrace, bytes[index + 1] == TemplateByte.openBrace { return index }
            index += 1
        }
        return nil
    }

    /// Text as it stands.
    mutating func literal(_ range: Range<Int>) {
        guard !range.isEmpty else { return }
        if case .literal(let last)? = draft.tokens.last, last.upperBound == range.lowerBound {
            draft.tokens[draft.tokens.count - 1] = .literal(last.lowerBound..<range.upperBound)
        } else {
            draft.tokens.append(.literal(range))
        }
    }

    /// Text with variables and choices, in which a backslash makes a brace or a bar plain.
    mutating func text(_ range: Range<Int>) throws(TemplateFault) {
        let end = range.upperBound
        var start = range.lowerBound
        var index = start
        while index < end {
            let byte = bytes[index]
            if byte == TemplateByte.backslash, index + 1 < end, TemplateByte.isEscapable(bytes[index + 1]) {
                literal(start..<index)
                start = index + 1
                index += 2
            } else if Self.isVariable(at: index, before: end, in: bytes) {
                literal(start..<index)
                index = try variable(at: index, before: end, in: .text)
                start = index
            } else if TemplateByte.isEscapable(byte) {
                literal(start..<index)
                draft.tokens.append(byte == TemplateByte.openBrace ? .open(index) : byte == TemplateByte.bar ? .bar(index) : .close(index))
                index += 1
                start = index
            } else {
                index += 1
            }
        }
        literal(start..<end)
    }

    /// Text with variables only, as in an attribute.
    mutating func value(_ range: Range<Int>, isURL: Bool) throws(TemplateFault) {
        let end = range.upperBound
        var place = isURL ? beginning(of: range) : .attribute
        var start = range.lowerBound
        var index = start
        while index < end {
            if Self.isVariable(at: index, before: end, in: bytes) {
                literal(start..<index)
                index = try variable(at: index, before: end, in: place)
                start = index
                if place == .urlStart { place = .urlPart }
            } else {
                if place == .urlStart && bytes[index] > 0x20 || place == .mailAddress && bytes[index] == TemplateByte.question {
                    place = .urlPart
                }
                index += 1
            }
        }
        literal(start..<end)
    }

    private func beginning(of range: Range<Int>) -> ValuePlace {
        let first = range.first { bytes[$0] > 0x20 } ?? range.upperBound
        return TemplateByte.has("mailto:", at: first, in: bytes) ? .mailAddress : .urlStart
    }

    /// Reads `{{name}}` or `{{name|fallback}}`; gives what comes behind it.
    private mutating func variable(at start: Int, before limit: Int, in place: ValuePlace) throws(TemplateFault) -> Int {
        guard draft.references.count < MailText.maximumVariables else {
            throw TemplateFault(message: "A part of a template has at most \(MailText.maximumVariables) variables.", offset: start)
        }
        var end = start + 2
        var bar: Int?
        while true {
            guard end < limit, end - start <= MailText.maximumVariableSource else {
                throw TemplateFault(message: "A variable is not closed with }}.", offset: start)
            }
            let byte = bytes[end]
            if byte == TemplateByte.closeBrace, end + 1 < limit, bytes[end + 1] == TemplateByte.closeBrace { break }
            guard byte != TemplateByte.openBrace, byte != TemplateByte.closeBrace else {
                throw TemplateFault(
                    message: "There is a single brace in a variable. Close it with }}; where a choice begins with another choice, put a space "
                        + "between their braces.", offset: start)
            }
            if byte == TemplateByte.bar, bar == nil { bar = end }
            end += 1
        }
        let name = String(decoding: trimmed(start + 2..<(bar ?? end)), as: UTF8.self)
        guard Self.isName(name) else {
            throw TemplateFault(message: "A variable's name has letters, digits, underscores and dots between them.", offset: start)
        }
        let fallback: String? = if let bar { self.fallback(bar + 1..<end) } else { nil }
        draft.references.append(MailText.Reference(variable: TemplateVariable(name), fallback: fallback, place: place, offset: start))
        draft.tokens.append(.variable(draft.references.count - 1))
        return end + 2
    }

    private static func isName(_ name: String) -> Bool {
        guard let first = name.first, let last = name.last, first != ".", last != "." else { return false }
        return name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    }

    /// `there`, ` "your company" ` → `your company`; in HTML without its entities, since it is escaped as values are.
    private func fallback(_ range: Range<Int>) -> String {
        var text = isMarkup ? HTMLEntity.decoded(trimmed(range))[...] : trimmed(range)
        if text.count >= 2, text.first == TemplateByte.quote, text.last == TemplateByte.quote { text = text.dropFirst().dropLast() }
        return String(decoding: text, as: UTF8.self)
    }

    private func trimmed(_ range: Range<Int>) -> ArraySlice<UInt8> {
        var text = bytes[range]
        while let first = text.first, TemplateByte.isSpace(first) { text.removeFirst() }
        while let last = text.last, TemplateByte.isSpace(last) { text.removeLast() }
        return text
    }
}
