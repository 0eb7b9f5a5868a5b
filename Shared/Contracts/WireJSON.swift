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

    /// `2026-11-23T18:00:00.000Z`.
    public static func format(_ date: Date) -> String {
        date.formatted(withMilliseconds)
    }

    /// Accepts instants with and without fractional seconds; nil for anything else.
    public static func parse(_ text: String) -> Date? {
        (try? withMilliseconds.parse(text)) ?? (try? Date.ISO8601FormatStyle().parse(text))
    }

    private static let withMilliseconds = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
}
