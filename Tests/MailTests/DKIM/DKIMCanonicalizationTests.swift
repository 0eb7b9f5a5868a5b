import Foundation
import TestSupport
import Testing

@testable import Mail

/// The relaxed form of RFC 6376, sections 3.4.2 and 3.4.4.
@Suite("DKIM: the form in which mail is hashed")
struct DKIMCanonicalizationTests {
    private func fields(_ text: String) throws -> String {
        try Array(text.utf8).withUnsafeBufferPointer { bytes in
            let header = try DKIMHeader(bytes)
            var output: [UInt8] = []
            for field in header.fields {
                DKIMHeader.appendRelaxed(field, of: bytes, to: &output)
                output += .lineEnd
            }
            return String(decoding: output, as: UTF8.self)
        }
    }

    /// In pieces that end at `cuts`.
    private func digest(_ body: [UInt8], cuts: [Int] = []) -> Data {
        var hash = DKIMBodyHash()
        var start = 0
        for end in cuts.sorted() + [body.count] {
            Array(body[start..<end]).withUnsafeBufferPointer { hash.update($0) }
            start = end
        }
        return Data(hash.finish())
    }

    /// What the digest has to be of: the rules, one after the other, on text.
    private func relaxed(_ body: String) -> [UInt8] {
        var lines = body.components(separatedBy: "\r\n").map { line in
            line.replacing(/[ \t]+$/, with: "").replacing(/[ \t]+/, with: " ")
        }
        while lines.last == "" { lines.removeLast() }
        return Array(lines.map { $0 + "\r\n" }.joined().utf8)
    }

    /// The digest of bytes that are in the form already, by a body that needs no change.
    private func plainDigest(_ bytes: [UInt8]) -> Data {
        SHA256Digest.of(bytes)
    }

    @Test("the example of RFC 6376, 3.4.5")
    func example() throws {
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n"
        #expect(try fields(message) == "a:X\r\nb:Y Z\r\n")
        let bytes = Array(message.utf8)
        let start = try bytes.withUnsafeBufferPointer { try DKIMHeader($0).bodyStart }
        #expect(String(decoding: bytes[start...], as: UTF8.self) == " C \r\nD \t E\r\n\r\n\r\n")
        #expect(digest(Array(bytes[start...])) == plainDigest(Array(" C\r\nD E\r\n".utf8)))
    }

    @Test("no body, empty lines and blanks are all the empty body", arguments: ["", "\r\n", "\r\n\r\n\r\n", " \t\r\n", "  ", "\t\r\n \r\n"])
    func emptyBody(body: String) {
        // As RFC 6376, 3.4.4 gives it.
        #expect(digest(Array(body.utf8)).base64EncodedString() == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
    }

    @Test("a body without a last line end has one; lone CR and LF end lines, as on the wire")
    func lineEnds() {
        let whole = plainDigest(Array("one\r\ntwo\r\n".utf8))
        for body in ["one\r\ntwo\r\n", "one\r\ntwo", "one\ntwo", "one\rtwo\r", "one \r\ntwo\t\r\n\r\n"] {
            #expect(digest(Array(body.utf8)) == whole, "\(body.debugDescription)")
        }
        #expect(digest(Array("one\r\r\ntwo".utf8)) == plainDigest(Array("one\r\n\r\ntwo\r\n".utf8)))
    }

    @Test("names in any case, blanks around the colon, folds and runs of blanks make no difference; values keep their case")
    func headerForms() throws {
        #expect(try fields("SuBJect \t:\t  Hi \r\n\t there  \t\r\n\r\n") == "subject:Hi there\r\n")
        #expect(try fields("X:\r\n") == "x:\r\n")
        #expect(try fields("X:   \r\n  \r\nY:1") == "x:\r\ny:1\r\n")
    }

    @Test("what is no header is refused", arguments: ["no colon\r\n\r\n", ": no name\r\n", " begins folded\r\n\r\n", "A: 1\r\nB\r\n\r\n"])
    func malformed(text: String) {
        #expect(throws: DKIMError.malformedHeader) { try fields(text) }
    }

    @Test("bodies of any form, in pieces cut anywhere, have the digest that the rules give", arguments: 0..<200)
    func anyBody(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let pieces = ["a", "b c", " ", "  ", "\t", "\r\n", "\r\n\r\n", "..", "ä", "=3D", String(repeating: "z", count: 900), "\u{1}"]
        let body = (0..<Int.random(in: 0...60, using: &random)).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
        let bytes = Array(body.utf8)
        let expected = plainDigest(relaxed(body))
        #expect(digest(bytes) == expected)
        let cuts = (0..<Int.random(in: 0...10, using: &random)).map { _ in Int.random(in: 0...bytes.count, using: &random) }
        #expect(digest(bytes, cuts: cuts) == expected, "\(cuts)")
    }
}
