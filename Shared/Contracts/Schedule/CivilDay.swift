/// Days of the Gregorian calendar, each by its number since 1970-01-01: local days are counted, added and compared as integers.
public enum CivilDay {
    static let seconds = 86_400

    /// The day of local seconds since 1970-01-01 00:00, and the second within it.
    static func split(_ local: Int) -> (day: Int, second: Int) {
        let day = (local >= 0 ? local : local - (seconds - 1)) / seconds
        return (day, local - day * seconds)
    }

    /// 1 is Monday, 7 Sunday (ISO 8601).
    public static func weekday(of day: Int) -> Int {
        // Day 0 was a Thursday.
        let rest = (day + 3) % 7
        return (rest < 0 ? rest + 7 : rest) + 1
    }

    /// The day's number (H. Hinnant, "chrono-compatible low-level date algorithms").
    public static func number(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// Nil unless `text` is a day that exists, written like `2026-12-25`.
    public static func number(of text: String) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), let year = digits(bytes[0..<4]),
            let month = digits(bytes[5..<7]), let day = digits(bytes[8..<10]), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let result = Self.number(year: year, month: month, day: day)
        // The 30th of February would be a day in March.
        return Self.text(of: result) == text ? result : nil
    }

    /// Like `2026-12-25`.
    public static func text(of day: Int) -> String {
        let shifted = day + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, to: 4))-\(padded(month, to: 2))-\(padded(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1, to: 2))"
    }

    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func padded(_ value: Int, to width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
