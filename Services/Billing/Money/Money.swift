import Foundation

/// An amount in the smallest unit that Stripe counts a currency in; whole numbers only.
struct Money: Codable, Sendable, Hashable {
    let amount: Int64
    /// ISO 4217, upper case.
    let currency: String

    init(amount: Int64, currency: String) {
        self.amount = amount
        self.currency = currency.uppercased()
    }

    /// Reads what ``decimal`` writes; nil for anything else, such as more decimals than the currency has.
    init?(decimal text: String, currency: String) {
        guard let exponent = Currency.exponent(of: currency) else { return nil }
        let isNegative = text.hasPrefix("-")
        let parts = text.dropFirst(isNegative ? 1 : 0).split(separator: ".", omittingEmptySubsequences: false)
        let isDigits = parts.allSatisfy { part in part.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } }
        guard isDigits, parts.count == (exponent == 0 ? 1 : 2), !parts[0].isEmpty, exponent == 0 || parts[1].count == exponent,
            let amount = Int64((isNegative ? "-" : "") + parts.joined())
        else { return nil }
        self.init(amount: amount, currency: currency)
        guard decimal == text else { return nil }
    }

    /// Such as `149.00`, `149` for yen and `149.000` for Kuwaiti dinars; nil for a currency that is not known, since a guess could be wrong
    /// by a hundred.
    var decimal: String? {
        guard let exponent = Currency.exponent(of: currency) else { return nil }
        guard exponent > 0 else { return String(amount) }
        let digits = String(amount.magnitude)
        let padded = String(repeating: "0", count: max(0, exponent + 1 - digits.count)) + digits
        return "\(amount < 0 ? "-" : "")\(padded.dropLast(exponent)).\(padded.suffix(exponent))"
    }
}
