import Foundation
import Primitives
import Testing

@Suite("For whom a token is")
struct TokenAudienceTests {
    @Test(
        "one name, several and none are read; one is written as a word",
        arguments: [(#""a""#, ["a"]), (#"["a"]"#, ["a"]), (#"["a","b"]"#, ["a", "b"]), ("[]", [])])
    func reading(text: String, expected: [String]) throws {
        #expect(try JSONDecoder().decode(TokenAudience.self, from: Data(text.utf8)).value == expected)
        #expect(String(decoding: try JSONEncoder().encode(TokenAudience("a")), as: UTF8.self) == #""a""#)
    }

    @Test("anything else is none", arguments: ["null", "7", "{}", "[1]", #"[["a"]]"#])
    func refusing(text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(TokenAudience.self, from: Data(text.utf8)) }
    }
}
