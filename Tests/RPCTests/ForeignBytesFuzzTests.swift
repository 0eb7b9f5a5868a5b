import Contracts
import Foundation
import Logging
import TestSupport
import Testing

@testable import RPC

private struct FuzzAdd: RPCMethod {
    static let name = "fuzz.add"
    static let isIdempotent = true
    typealias Result = FuzzSum
    var first: Int
    var second: Int
}

private struct FuzzSum: Codable, Sendable, Equatable {
    var total: Int
}

/// What comes to the inner listener, broken: always one answer, and never a mistake of ours; tokens: nothing but what was signed.
@Suite("Foreign bytes: questions and tokens")
struct ForeignBytesFuzzTests {
    @Test("whatever is asked has one answer of JSON-RPC, with a number that the asker can understand")
    func envelope() async throws {
        var router = RPCRouter(service: .billing)
        router.on(FuzzAdd.self) { request, _ in FuzzSum(total: request.first &+ request.second) }
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let tokens = [
            "{\"jsonrpc\":\"2.0\"", "\"id\":", "\"method\":\"fuzz.add\"", "\"params\":{\"first\":1,\"second\":2}", "[", "{", "}", "null", "1e400",
            "18446744073709551616",
            "\"\\ud800\"", "[[[[[[[[", ",", ":",
        ]
        for input in try FuzzRun("rpc", tokens: tokens) {
            let context = RPCContext(caller: .auth, traceparent: nil, deadline: .now + .seconds(60), logger: quiet)
            let started = ContinuousClock.now
            let answer = Data(await router.answer(input.bytes, context))
            // Of the clock: the answer comes from other threads. The bound only knows quadratic from linear.
            try #require(ContinuousClock.now - started < .seconds(30), "\(input.name)")
            let object = try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any], "\(input.name)")
            try #require(object["jsonrpc"] as? String == "2.0", "\(input.name)")
            try #require((object["result"] == nil) != (object["error"] == nil), "\(input.name)")
            if let error = object["error"] as? [String: Any] {
                try #require([-32_700, -32_600, -32_601, -32_602].contains(error["code"] as? Int), "\(input.name): \(error)")
            }
        }
    }

    @Test("a token that differs in anything but its spelling is none")
    func tokens() async throws {
        let services = try await TestTokens.make()
        let now = Date(timeIntervalSince1970: 1_795_000_000)
        let (auth, billing) = (try #require(services[.auth]), try #require(services[.billing]))
        let good = try await auth.token(for: .billing, now: now)
        #expect(try await billing.verify(good, now: now) == .auth)
        for input in try FuzzRun("tokens", tokens: [".", "..", "eyJ", "=", "-", "_", "A", "AAAA"], count: 600) {
            var mutator = input.mutator
            // Both what nobody signed, and what was signed and then changed.
            for bytes in [input.bytes, mutator.next(from: [Array(good.utf8)])] {
                let text = String(decoding: bytes, as: UTF8.self)
                // The last letter of a part holds bits that say nothing.
                guard Self.meaning(text) != Self.meaning(good) else { continue }
                await #expect(throws: (any Error).self, "\(input.name)") { try await billing.verify(text, now: now) }
                await #expect(throws: (any Error).self, "\(input.name)") { try await billing.verifyIdentity(text, now: now) }
            }
        }
    }

    @Test("the same seed breaks bytes in the same way, and another in another")
    func seeds() {
        let corpus = [Array("{\"a\":1}".utf8), Array("text 550\n".utf8)]
        var (first, second, other) = (ByteMutator(seed: 7, tokens: ["x"]), ByteMutator(seed: 7, tokens: ["x"]), ByteMutator(seed: 8, tokens: ["x"]))
        let made = (0..<20).map { _ in first.next(from: corpus) }
        #expect(made == (0..<20).map { _ in second.next(from: corpus) })
        #expect(made != (0..<20).map { _ in other.next(from: corpus) })
        #expect(made.allSatisfy { $0.count <= ByteMutator.largest })
        let cuts = first.cuts(of: 1_000)
        #expect(cuts.flatMap { Array($0) } == Array(0..<1_000) && first.cuts(of: 0).isEmpty)
    }

    private static func meaning(_ token: String) -> [Data?] {
        token.split(separator: ".", omittingEmptySubsequences: false).map { part in
            let padded = String(part).replacing("-", with: "+").replacing("_", with: "/")
            return Data(base64Encoded: padded + String(repeating: "=", count: (4 - padded.count % 4) % 4), options: .ignoreUnknownCharacters)
        }
    }
}
