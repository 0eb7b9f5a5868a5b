import Foundation
import Testing

@testable import Audit

@Suite("What Postgres writes of JSON is read as it was")
struct CanonicalJSONReaderTests {
    @Test("whatever is written is read again", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let value = Self.random(&random, depth: 0)
        #expect(try CanonicalJSONReader.read(value.text).text == value.text)
        // With spaces and every escape that there is.
        let object = try JSONSerialization.jsonObject(with: Data("[\(value.text)]".utf8), options: [.fragmentsAllowed])
        let pretty = try JSONSerialization.data(withJSONObject: object, options: [.prettyPrinted])
        #expect(try CanonicalJSONReader.read(String(decoding: pretty, as: UTF8.self)).text == CanonicalJSON.array([value]).text)
    }

    @Test(
        "escapes and characters of any length",
        arguments: [
            (#""\u0041\u00e4\u20ac\ud83d\ude00\/\b\f\n\r\t\"\\""#, "Aä€😀/\u{8}\u{c}\n\r\t\"\\"), (#""😀 ä""#, "😀 ä"), (#""""#, ""),
        ])
    func escapes(text: String, expected: String) throws {
        #expect(try CanonicalJSONReader.read(text) == .string(expected))
    }

    @Test(
        "what is not JSON, or no integer, is refused",
        arguments: [
            "", " ", "[", "[1", "[1,]", "{", #"{"a"}"#, #"{"a":}"#, #"{a:1}"#, "nul", "tru", #"""#, #""\"#, #""\x""#, #""\ud83d""#, #""\ud83dx""#,
            #""\u12""#, #""\u+123""#, "1.5", "1e3", "-", "99999999999999999999", "[] []", String(repeating: "[", count: 10_000),
        ])
    func refusals(text: String) {
        #expect(throws: CanonicalJSONReader.Malformed.self) { try CanonicalJSONReader.read(text) }
    }

    private static func random(_ random: inout SplitMix, depth: Int) -> CanonicalJSON {
        let pieces = ["a", "ä", "\"", "\\", "\n", "\u{1}", "😀", "/", " ", "\u{2028}"]
        func text(_ random: inout SplitMix) -> String {
            (0..<Int.random(in: 0...6, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        }
        switch Int.random(in: 0..<(depth < 4 ? 7 : 4), using: &random) {
        case 0: return .null
        case 1: return .boolean(.random(using: &random))
        case 2: return .integer(.random(in: -(1 << 53) + 1..<1 << 53, using: &random))
        case 3, 4: return .string(text(&random))
        case 5: return .array((0..<Int.random(in: 0...4, using: &random)).map { _ in Self.random(&random, depth: depth + 1) })
        default:
            let names = Set((0..<Int.random(in: 0...4, using: &random)).map { "\($0)\(text(&random))" })
            return .object(names.map { .init($0, Self.random(&random, depth: depth + 1)) })
        }
    }
}

/// The same numbers for the same seed.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
