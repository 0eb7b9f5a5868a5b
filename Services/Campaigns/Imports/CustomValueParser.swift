import Contracts

/// Reading what people write into typed fields.
extension CustomValue {
    /// The value of a field of this kind (`text`, `number`, `date`, `boolean`, `choice`), or nil when the text is none.
    ///
    /// Dates are kept as `YYYY-MM-DD`, a choice as the company spelled it. What could mean two things means nothing: `03/04/2025` and `1,234`.
    init?(parsing text: String, as kind: String, choices: [String]) {
        let text = text.trimmingBlanks
        switch kind {
        case "number":
            guard let number = Self.number(text) else { return nil }
            self = .number(number)
        case "date":
            guard let date = Self.date(text) else { return nil }
            self = .text(date)
        case "boolean":
            switch text.lowercased() {
            case "true", "yes", "1": self = .boolean(true)
            case "false", "no", "0": self = .boolean(false)
            default: return nil
            }
        case "choice":
            let wanted = text.lowercased()
            guard let choice = choices.first(where: { $0 == text }) ?? choices.first(where: { $0.lowercased() == wanted }) else { return nil }
            self = .text(choice)
        default:
            self = .text(text)
        }
    }

    /// Whether it is a day of the calendar in the form in which days are kept, `YYYY-MM-DD`.
    static func isDay(_ text: String) -> Bool { date(text) == text }

    /// Digits with a point or, where it cannot divide thousands, a comma before the fraction.
    private static func number(_ text: String) -> Double? {
        var digits = text
        if let comma = text.firstIndex(of: ",") {
            guard !text.contains("."), text[comma...].utf8.count != 4 else { return nil }
            digits.replaceSubrange(comma...comma, with: ".")
        }
        // Double also reads "nan", "inf" and hexadecimal.
        let isPlain = digits.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
        }
        guard isPlain, digits.utf8.count <= 64, let number = Double(digits), number.isFinite else { return nil }
        return number
    }

    /// `2025-12-31`, `31.12.2025`, `12/31/2025`, `31/12/2025`: of the last two only what can be read in one way.
    private static func date(_ text: String) -> String? {
        for separator in ["-", ".", "/"] as [Character] where text.contains(separator) {
            let parts = text.split(separator: separator, omittingEmptySubsequences: false)
            guard parts.count == 3 else { return nil }
            let numbers = parts.compactMap { part in
                part.utf8.count <= 4 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } ? Int(part) : nil
            }
            guard numbers.count == 3 else { return nil }
            if separator == "-" {
                return parts[0].utf8.count == 4 ? date(year: numbers[0], month: numbers[1], day: numbers[2]) : nil
            }
            guard parts[2].utf8.count == 4 else { return nil }
            let (first, second, year) = (numbers[0], numbers[1], numbers[2])
            if separator == "." || first > 12 || first == second { return date(year: year, month: second, day: first) }
            return second > 12 ? date(year: year, month: first, day: second) : nil
        }
        return nil
    }

    /// Nil when the calendar has no such day.
    private static func date(year: Int, month: Int, day: Int) -> String? {
        guard year >= 1, (1...12).contains(month), day >= 1 else { return nil }
        let number = CivilDay.number(year: year, month: month, day: day)
        let nextMonth = month == 12 ? CivilDay.number(year: year + 1, month: 1, day: 1) : CivilDay.number(year: year, month: month + 1, day: 1)
        return number < nextMonth ? CivilDay.text(of: number) : nil
    }
}

extension String {
    /// Without the white space around it.
    fileprivate var trimmingBlanks: String {
        guard let first = firstIndex(where: { !$0.isWhitespace }), let last = lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return String(self[first...last])
    }
}
