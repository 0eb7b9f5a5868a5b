import Foundation
import TestSupport
import Testing

@testable import Billing

@Suite("Money")
struct MoneyTests {
    @Test(
        "amounts are written with as many decimals as the currency has, and signs and zeros where they belong",
        arguments: [
            (14_900, "USD", "149.00"), (14_900, "jpy", "14900"), (14_900, "KWD", "14.900"), (5, "EUR", "0.05"), (-5, "EUR", "-0.05"),
            (0, "USD", "0.00"), (0, "JPY", "0"), (-14_905, "BHD", "-14.905"), (500, "ISK", "5.00"), (500, "UGX", "5.00"), (500, "MGA", "500"),
            (1, "CLF", "0.0001"), (.max, "USD", "92233720368547758.07"), (.min, "USD", "-92233720368547758.08"),
        ] as [(Int64, String, String)])
    func decimal(amount: Int64, currency: String, expected: String) {
        #expect(Money(amount: amount, currency: currency).decimal == expected)
    }

    @Test("in every currency, what is written is read back as the same, and has the currency's decimals", arguments: Currency.all)
    func everyCurrency(code: String) throws {
        let exponent = try #require(Currency.exponent(of: code))
        var random = SeededRandom(seed: UInt64(code.utf8.reduce(7) { $0 * 31 + Int($1) }))
        var amounts: [Int64] = [0, 1, -1, 9, 10, 99, 100, 101, 999, 1_000, 1_001, -1_000, .max, .min, .max - 1, .min + 1]
        for _ in 0..<200 { amounts.append(Int64(bitPattern: random.next()) >> Int64(random.next() % 63)) }
        for amount in amounts {
            let money = Money(amount: amount, currency: code)
            let text = try #require(money.decimal)
            #expect(Money(decimal: text, currency: code.lowercased()) == money)
            let parts = text.split(separator: ".")
            #expect(parts.count == (exponent == 0 ? 1 : 2) && (exponent == 0 || parts[1].count == exponent))
            // Digits and sign are those of the amount itself: nothing was rounded.
            let digits = text.filter(\.isNumber).drop { $0 == "0" }
            #expect(String(digits) == (amount == 0 ? "" : String(amount.magnitude)) && text.hasPrefix("-") == (amount < 0))
        }
    }

    @Test(
        "what is not written so is not read",
        arguments: [
            ("149", "USD"), ("149.0", "USD"), ("149.000", "USD"), ("149.00", "JPY"), ("1,49.00", "USD"), (" 149.00", "USD"), ("+149.00", "USD"),
            ("0149.00", "USD"), ("-0.00", "USD"), ("1e2.00", "USD"), ("", "USD"), (".00", "USD"), ("149.", "USD"), ("١٤٩.٠٠", "USD"),
            ("92233720368547758.08", "USD"), ("1.00", "XAU"), ("1.00", "XXX"), ("1.00", "US"), ("--1.00", "USD"),
        ])
    func refused(text: String, currency: String) {
        #expect(Money(decimal: text, currency: currency) == nil)
    }

    @Test("a currency that is not known is not guessed at")
    func unknown() {
        #expect(Money(amount: 100, currency: "XXX").decimal == nil)
        #expect(Currency.exponent(of: "BTC") == nil)
        #expect(Currency.all.count > 150 && Currency.differentAtStripe.keys.allSatisfy { Currency.standard[$0] != nil })
    }
}
