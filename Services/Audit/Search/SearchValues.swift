import Contracts
import Foundation

/// Values of a search that are more than text.
enum SearchValues {
    /// An address, or a network as `address/length`, in a form that Postgres reads as `inet`; nil for anything else.
    static func network(_ text: String) -> String? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), text.utf8.count <= 64, let address = parts.first.map(String.init) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        let bits: Int
        if inet_pton(AF_INET, address, &four) == 1 {
            bits = 32
        } else if inet_pton(AF_INET6, address, &six) == 1 {
            bits = 128
        } else {
            return nil
        }
        guard parts.count == 2 else { return address }
        guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let length = Int(parts[1]), length <= bits
        else { return nil }
        return "\(address)/\(length)"
    }

    /// `x`, `>=x`, `>x`, `<x`, `<=x` or `x..y`, each a day (UTC) or an instant; nil for anything else.
    static func range(_ text: String) -> SearchRange? {
        for (sign, isLower, isInclusive) in [(">=", true, true), ("<=", false, true), (">", true, false), ("<", false, false)] {
            guard text.hasPrefix(sign) else { continue }
            guard let named = span(String(text.dropFirst(sign.count))) else { return nil }
            // "At least" and "before" look at the beginning of a day, "after" and "at most" at its end.
            let bound = isLower == isInclusive ? named.from : named.to
            return isLower ? SearchRange(from: bound, to: nil) : SearchRange(from: nil, to: bound)
        }
        guard let dots = text.range(of: "..") else {
            return span(text).map { SearchRange(from: $0.from, to: $0.to) }
        }
        guard let first = span(String(text[..<dots.lowerBound])), let last = span(String(text[dots.upperBound...])), first.from < last.to else {
            return nil
        }
        return SearchRange(from: first.from, to: last.to)
    }

    /// A whole day, or one millisecond.
    private static func span(_ text: String) -> (from: Date, to: Date)? {
        if text.utf8.count == 10 {
            return instant("\(text)T00:00:00Z").map { ($0, $0.addingTimeInterval(86_400)) }
        }
        return instant(text).map { ($0, $0.addingTimeInterval(0.001)) }
    }

    /// An instant from 1970 to 9999: what identifiers can carry.
    static func instant(_ text: String) -> Date? {
        guard text.utf8.count <= 40, let date = WireJSON.parse(text), (0..<253_402_214_400).contains(date.timeIntervalSince1970) else { return nil }
        return date
    }
}
