import Contracts
import Foundation

/// The value of a condition, read as what its field is compared with; the faults name its place.
struct SegmentOperand {
    typealias Invalid = SegmentFilter.Invalid
    typealias JSON = SegmentFilter.JSON

    let json: JSON?
    let path: [String]
    let now: Date

    /// Two instants: from the first on, before the second.
    struct Span: Equatable {
        let start: Date
        let end: Date
    }

    /// A span of two values of which the first is not greater.
    struct Bounds<Value: Comparable> {
        let lower: Value
        let upper: Value
    }

    func text() throws(Invalid) -> String { try readText(json, path) }
    func number() throws(Invalid) -> Double { try readNumber(json, path) }
    func day() throws(Invalid) -> String { try readDay(json, path) }
    func span() throws(Invalid) -> Span { try readSpan(json, path) }

    func flag() throws(Invalid) -> Bool {
        guard case .boolean(let flag)? = json else { throw Invalid(path, "Give true or false.") }
        return flag
    }

    func texts(_ comparison: SegmentFilter.Comparison) throws(Invalid) -> [String] { try each(comparison, readText) }
    func numbers(_ comparison: SegmentFilter.Comparison) throws(Invalid) -> [Double] { try each(comparison, readNumber) }
    func days(_ comparison: SegmentFilter.Comparison) throws(Invalid) -> [String] { try each(comparison, readDay) }
    func identifiers(_ comparison: SegmentFilter.Comparison) throws(Invalid) -> [UUID] { try each(comparison, readIdentifier) }
    func statuses(_ comparison: SegmentFilter.Comparison) throws(Invalid) -> [String] { try each(comparison, readStatus) }

    func numberBounds() throws(Invalid) -> Bounds<Double> { try bounds(readNumber) }
    func dayBounds() throws(Invalid) -> Bounds<String> { try bounds(readDay) }

    /// From the beginning of the first value to the end of the second.
    func spanBounds() throws(Invalid) -> Span {
        let (first, second) = try pair()
        let (lower, upper) = (try readSpan(first, path + ["0"]), try readSpan(second, path + ["1"]))
        guard lower.start < upper.end else { throw Invalid(path, "Give the earlier one first.") }
        return Span(start: lower.start, end: upper.end)
    }

    /// A whole day in UTC.
    func wholeDay() throws(Invalid) -> Span {
        guard case .text(let text)? = json, let start = Self.beginning(ofDay: text) else {
            throw Invalid(path, "Give a day, as \"2026-11-23\"; for a longer time use between.")
        }
        return Span(start: start, end: start + 86_400)
    }

    // MARK: - Lists

    private func each<Value>(
        _ comparison: SegmentFilter.Comparison, _ read: (JSON?, [String]) throws(Invalid) -> Value
    ) throws(Invalid) -> [Value] {
        guard comparison == .isIn else { return [try read(json, path)] }
        guard case .list(let elements)? = json, !elements.isEmpty else {
            throw Invalid(path, "Give a list of 1 to \(SegmentFilter.Limits.values) values.")
        }
        var values: [Value] = []
        for (index, element) in elements.enumerated() { values.append(try read(element, path + ["\(index)"])) }
        return values
    }

    private func bounds<Value: Comparable>(_ read: (JSON?, [String]) throws(Invalid) -> Value) throws(Invalid) -> Bounds<Value> {
        let (first, second) = try pair()
        let (lower, upper) = (try read(first, path + ["0"]), try read(second, path + ["1"]))
        guard lower <= upper else { throw Invalid(path, "Give the smaller one first.") }
        return Bounds(lower: lower, upper: upper)
    }

    private func pair() throws(Invalid) -> (JSON, JSON) {
        guard case .list(let elements)? = json, elements.count == 2 else {
            throw Invalid(path, "Give a list of two values, the smaller or earlier one first.")
        }
        return (elements[0], elements[1])
    }

    // MARK: - Single values

    private func readText(_ json: JSON?, _ path: [String]) throws(Invalid) -> String {
        guard case .text(let text)? = json, !text.isEmpty else {
            throw Invalid(path, "Give text of 1 to \(SegmentFilter.Limits.characters) characters; for leads without any use is_not_set.")
        }
        return text
    }

    private func readNumber(_ json: JSON?, _ path: [String]) throws(Invalid) -> Double {
        guard case .number(let number)? = json, number.isFinite else { throw Invalid(path, "Give a number, without quotation marks.") }
        return number
    }

    private func readStatus(_ json: JSON?, _ path: [String]) throws(Invalid) -> String {
        guard case .text(let text)? = json, let status = LeadStatus(rawValue: text.lowercased()) else {
            throw Invalid(path, "Use one of active, unsubscribed, bounced, complained, suppressed.")
        }
        return status.rawValue
    }

    private func readIdentifier(_ json: JSON?, _ path: [String]) throws(Invalid) -> UUID {
        guard case .text(let text)? = json, let identifier = UUID(text: text) else { throw Invalid(path, "Give an id, as the API gives it.") }
        return identifier
    }

    private func readDay(_ json: JSON?, _ path: [String]) throws(Invalid) -> String {
        if case .text(let text)? = json, Self.beginning(ofDay: text) != nil { return text }
        if let instant = try relative(json, path) { return String(WireJSON.format(instant).prefix(10)) }
        throw Invalid(path, "Give a day from 1900 to 2999, as \"2026-11-23\", or {\"days_ago\": 30}.")
    }

    private func readSpan(_ json: JSON?, _ path: [String]) throws(Invalid) -> Span {
        if case .text(let text)? = json {
            if let start = Self.beginning(ofDay: text) { return Span(start: start, end: start + 86_400) }
            if let instant = WireJSON.parse(text), Self.years.contains(instant) { return Span(start: instant, end: instant + 0.001) }
        }
        if let instant = try relative(json, path) { return Span(start: instant, end: instant + 0.001) }
        throw Invalid(path, "Give a day, as \"2026-11-23\", an instant, as \"2026-11-23T18:00:00Z\", or {\"days_ago\": 30}.")
    }

    /// `{"days_ago": 30}` as an instant; days to come are negative. Nil for anything else.
    private func relative(_ json: JSON?, _ path: [String]) throws(Invalid) -> Date? {
        guard case .object(let members)? = json, case .number(let days)? = members["days_ago"] else { return nil }
        guard (-36_500...36_500).contains(days), days == days.rounded() else {
            throw Invalid(path + ["days_ago"], "Give a whole number from -36500 to 36500.")
        }
        return now - days * 86_400
    }

    /// From 1900 to 2999.
    private static let years = Date(timeIntervalSince1970: -2_208_988_800)..<Date(timeIntervalSince1970: 32_503_680_000)

    /// Midnight in UTC; nil unless it is a day of the calendar, as 2026-11-23.
    private static func beginning(ofDay text: String) -> Date? {
        guard let day = CivilDay.number(of: text) else { return nil }
        let start = Date(timeIntervalSince1970: Double(day) * 86_400)
        return years.contains(start) ? start : nil
    }
}
