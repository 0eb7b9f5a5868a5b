public import Contracts
public import Foundation

/// A value that can be read from a column in the server's text form.
public protocol PostgresDecodable: Sendable {
    /// Nil when the bytes have another form.
    init?(postgresText bytes: UnsafeBufferPointer<UInt8>)
}

extension String: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        self.init(decoding: bytes, as: UTF8.self)
    }
}

extension Int64: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard let value = parseInteger(bytes) else { return nil }
        self = value
    }
}

extension Int: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard let value = parseInteger(bytes) else { return nil }
        self.init(exactly: value)
    }
}

extension Int32: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard let value = parseInteger(bytes) else { return nil }
        self.init(exactly: value)
    }
}

extension Double: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        self.init(String(decoding: bytes, as: UTF8.self))
    }
}

extension Bool: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == 1 else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "t"): self = true
        case UInt8(ascii: "f"): self = false
        default: return nil
        }
    }
}

extension UUID: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        self.init(utf8: bytes)
    }
}

extension EntityID: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard let uuid = UUID(postgresText: bytes) else { return nil }
        self.init(uuid)
    }
}

extension Data: PostgresDecodable {
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 2, bytes.count % 2 == 0, bytes[0] == UInt8(ascii: "\\"), bytes[1] == UInt8(ascii: "x") else { return nil }
        // Into an array first: a byte appended to Data costs as much as fifty appended to an array.
        var isHexadecimal = true
        let decoded = [UInt8](unsafeUninitializedCapacity: bytes.count / 2 - 1) { target, count in
            for place in 0..<target.count {
                guard let high = hexadecimalDigit(bytes[2 * place + 2]), let low = hexadecimalDigit(bytes[2 * place + 3]) else {
                    isHexadecimal = false
                    return
                }
                target.initializeElement(at: place, to: high << 4 | low)
                count = place + 1
            }
        }
        guard isHexadecimal else { return nil }
        self.init(decoded)
    }
}

extension Date: PostgresDecodable {
    /// Reads `2026-11-23 18:00:00.123+00`, the form of `timestamptz` in a session whose zone is UTC.
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        func number(_ range: Range<Int>) -> Int? {
            guard range.upperBound <= bytes.count else { return nil }
            return parseInteger(UnsafeBufferPointer(rebasing: bytes[range])).map(Int.init)
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), let hour = number(11..<13),
            let minute = number(14..<16), let second = number(17..<19), bytes.suffix(3).elementsEqual("+00".utf8)
        else { return nil }
        var microseconds = 0
        if bytes.count > 22, bytes[19] == UInt8(ascii: ".") {
            let digits = bytes.count - 3 - 20
            guard digits <= 6, let fraction = number(20..<(20 + digits)) else { return nil }
            microseconds = (0..<(6 - digits)).reduce(fraction) { value, _ in value * 10 }
        }
        let seconds = daysSinceEpoch(year: year, month: month, day: day) * 86_400 + hour * 3_600 + minute * 60 + second
        // One division, so that a whole millisecond is the same number wherever it was read.
        self.init(timeIntervalSince1970: Double(seconds * 1_000_000 + microseconds) / 1_000_000)
    }
}

extension Array: PostgresDecodable where Element: PostgresDecodable {
    /// Reads a one-dimensional array without NULLs.
    public init?(postgresText bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "{"), bytes.last == UInt8(ascii: "}") else { return nil }
        var elements: [Element] = []
        var index = 1
        while index < bytes.count - 1 {
            var element: [UInt8] = []
            let quoted = bytes[index] == UInt8(ascii: "\"")
            if quoted { index += 1 }
            while index < bytes.count - 1 {
                let byte = bytes[index]
                if quoted ? byte == UInt8(ascii: "\"") : byte == UInt8(ascii: ",") { break }
                if quoted && byte == UInt8(ascii: "\\") { index += 1 }
                element.append(bytes[index])
                index += 1
            }
            if quoted { index += 1 }
            guard let value = element.withUnsafeBufferPointer({ Element(postgresText: $0) }) else { return nil }
            elements.append(value)
            index += 1
        }
        self = elements
    }
}

private func parseInteger(_ bytes: UnsafeBufferPointer<UInt8>) -> Int64? {
    var index = 0
    let negative = bytes.first == UInt8(ascii: "-")
    if negative { index = 1 }
    guard index < bytes.count, bytes.count <= 20 else { return nil }
    var value: Int64 = 0
    while index < bytes.count {
        let digit = Int64(bytes[index]) - 48
        guard digit >= 0, digit <= 9 else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.subtractingReportingOverflow(digit)
        guard !overflow, !carry else { return nil }
        value = sum
        index += 1
    }
    if negative { return value }
    return value == .min ? nil : -value
}

private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar (H. Hinnant, "chrono-compatible low-level date algorithms").
private func daysSinceEpoch(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}
