import Contracts
import Foundation
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Tracking tokens")
struct TrackingTokenTests {
    private let root = randomBytes(32)
    private let token = TrackingToken(
        kind: .click, tenant: TenantID(UUID()), send: SendID(UUID()), link: 513, links: 1_000, destination: "https://a.example/?who=ada@lead.example")

    private func tokens() throws -> TrackingTokens {
        TrackingTokens(keyring: try Keyring(current: "k1", keys: ["k1": root]))
    }

    @Test("what was put in comes out, in letters that every mail and browser takes")
    func roundTrip() throws {
        let tokens = try tokens()
        for kind in TrackingToken.Kind.allCases {
            let token = TrackingToken(kind: kind, tenant: token.tenant, send: token.send, link: 513, links: 1_000, destination: token.destination)
            let text = try tokens.text(of: token)
            #expect(tokens.open(text) == token)
            #expect(text.utf8.allSatisfy { ($0 > 0x20 && $0 < 0x7F) && !"\"'<>&=?#%/ ".utf8.contains($0) })
        }
        let pixel = try tokens.text(of: TrackingToken(kind: .open, tenant: token.tenant, send: token.send))
        #expect(pixel.utf8.count < 120)
    }

    @Test("every change of a byte makes it nobody's")
    func tampered() throws {
        let tokens = try tokens()
        let text = Array(try tokens.text(of: token).utf8)
        for index in text.indices {
            for flip in [UInt8(1), 2, 4] {
                var changed = text
                changed[index] ^= flip
                guard changed != text else { continue }
                let opened = tokens.open(String(decoding: changed, as: UTF8.self))
                // The last letter of a part may carry bits that mean nothing; what it says is then the same.
                #expect(opened == nil || opened == token)
            }
        }
        for cut in 0..<text.count { #expect(tokens.open(String(decoding: text[..<cut], as: UTF8.self)) == nil) }
        for text in ["", ".", "a.b", String(repeating: "A", count: 100_000)] { #expect(tokens.open(text) == nil) }
    }

    @Test("no part of one token fits another")
    func mixed() throws {
        let tokens = try tokens()
        var other = token
        other.destination = "https://evil.example"
        other.link = 1
        let (first, second) = (
            try tokens.text(of: token).split(separator: ".", maxSplits: 1), try tokens.text(of: other).split(separator: ".", maxSplits: 1)
        )
        #expect(tokens.open("\(first[0]).\(second[1])") == nil && tokens.open("\(second[0]).\(first[1])") == nil)
        let strange = TrackingTokens(keyring: try Keyring(current: "k1", keys: ["k1": randomBytes(32)]))
        #expect(strange.open(try tokens.text(of: token)) == nil)
    }

    @Test("it lives on when the keys change, as long as its key is known, and never ends by itself")
    func rotation() throws {
        let text = try tokens().text(of: token)
        let later = TrackingTokens(keyring: try Keyring(current: "k2", keys: ["k1": root, "k2": randomBytes(32)]))
        #expect(later.open(text) == token)
        #expect(try later.text(of: token).contains(".k2."))
        let forgotten = TrackingTokens(keyring: try Keyring(current: "k2", keys: ["k2": randomBytes(32)]))
        #expect(forgotten.open(text) == nil)
    }

    @Test("it shows neither an address nor a destination to whoever reads it on the way")
    func secrets() throws {
        let text = try tokens().text(of: token)
        let parts = text.split(separator: ".").map(String.init)
        let readable = parts.compactMap { Data(base64URL: $0) }.map { String(decoding: $0, as: UTF8.self) }.joined() + text
        for secret in ["ada", "lead.example", "a.example"] { #expect(!readable.contains(secret)) }
    }
}
