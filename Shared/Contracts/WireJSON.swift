public import Foundation

/// The one way JSON is written and read: snake_case keys, dates as ISO 8601 in UTC with milliseconds, stable key order.
///
/// Keys of dictionaries stay as they are. Property names on the wire carry no capitals in a row (`host`, not `smtpURL`), so that
/// the two directions of the key strategy agree.
public enum WireJSON {
    public static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            var container = encoder.singleValueContainer()
            try container.encode(format(date))
        }
        return encoder
    }

    public static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let date = parse(text) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an ISO 8601 instant: \(text.prefix(40))")
            }
            return date
        }
        return decoder
    }

    /// `2026-11-23T18:00:00.000Z`, rounded to the nearest millisecond: a date is a binary fraction, and cutting it would lose one.
    public static func format(_ date: Date) -> String {
        let milliseconds = Int64((date.timeIntervalSince1970 * 1000).rounded())
        let (seconds, rest) = (milliseconds.floorDivided(by: 1000), milliseconds - milliseconds.floorDivided(by: 1000) * 1000)
        let whole = Date(timeIntervalSince1970: Double(seconds)).formatted(withoutFraction)
        let digits = String(1000 + rest).dropFirst()
        return "\(whole.dropLast()).\(digits)Z"
    }

    /// Accepts instants of the years 1 to 9999 with and without fractional seconds, as whole milliseconds; nil for anything else.
    public static func parse(_ text: String) -> Date? {
        guard let date = (try? withFraction.parse(text)) ?? (try? withoutFraction.parse(text)) else { return nil }
        let instant = Date(timeIntervalSince1970: (date.timeIntervalSince1970 * 1000).rounded() / 1000)
        return years.contains(instant) ? instant : nil
    }

    /// What RFC 3339 can write; the system's own reading takes years of five digits, too, and the database's answer would not be read again.
    private static let years = Date.distantPast..<Date(timeIntervalSince1970: 253_402_300_800)

    private static let withFraction = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    private static let withoutFraction = Date.ISO8601FormatStyle()
}

extension Int64 {
    /// Towards minus infinity, so that instants before 1970 keep their order.
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
