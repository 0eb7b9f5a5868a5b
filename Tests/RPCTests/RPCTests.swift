import AsyncHTTPClient
import Contracts
import Crypto
import CryptoExtras
import Foundation
import HTTPTypes
import Hummingbird
import JWTKit
import Logging
import NIOCore
import Primitives
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import RPC
@testable import ServiceRuntime

private struct Add: RPCMethod {
    static let name = "test.add"
    static let isIdempotent = true
    static let deadline = Duration.seconds(5)
    typealias Result = Sum
    var first: Int
    var second: Int
}

private struct Sum: Codable, Sendable, Equatable {
    var total: Int
}

private struct Once: RPCMethod {
    static let name = "test.once"
    static let isIdempotent = false
    typealias Result = Empty
}

private struct Slow: RPCMethod {
    static let name = "test.slow"
    static let isIdempotent = true
    static let deadline = Duration.milliseconds(200)
    typealias Result = Empty
}

@Suite("Questions between services")
struct RPCTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func router() -> RPCRouter {
        var router = RPCRouter(service: .billing)
        router.on(Add.self) { request, _ in
            guard request.first >= 0 else { throw RPCError(kind: "negative", message: "no negative numbers") }
            struct Secret: Error { let password = "hunter2" }
            if request.first == 99 { throw Secret() }
            return Sum(total: request.first + request.second)
        }
        router.on(Slow.self) { _, _ in
            try await Task.sleep(for: .seconds(60))
            return Empty()
        }
        return router
    }

    private func answer(_ body: String) async throws -> [String: Any] {
        let context = RPCContext(caller: .auth, traceparent: nil, deadline: .now + .seconds(5), logger: quiet)
        let bytes = await router().answer(Array(body.utf8), context)
        return try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test(
        "what is wrong with a request is said by JSON-RPC's numbers, and names fields but no values",
        arguments: [
            ("{", -32_700, "not JSON"), ("[]", -32_600, "batches"), (#"{"jsonrpc":"2.0","method":"test.add"}"#, -32_600, "id"),
            (#"{"jsonrpc":"1.0","id":1,"method":"test.add"}"#, -32_600, "2.0"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.none"}"#, -32_601, "test.none"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.add"}"#, -32_602, "test.add: missing params"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.add","params":{"first":1}}"#, -32_602, "test.add: missing params.second"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.add","params":{"first":"secret","second":1}}"#, -32_602, "params.first has the wrong form"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.add","params":{"first":-1,"second":1}}"#, -32_000, "no negative"),
            (#"{"jsonrpc":"2.0","id":1,"method":"test.add","params":{"first":99,"second":1}}"#, -32_603, "internal error"),
        ])
    func errors(body: String, code: Int, message: String) async throws {
        let error = try #require(try await answer(body)["error"] as? [String: Any])
        #expect(error["code"] as? Int == code)
        let text = try #require(error["message"] as? String)
        #expect(text.contains(message))
        #expect(!text.contains("secret") && !text.contains("hunter2"))
    }

    @Test("fields that nobody knows are tolerated, and the id comes back as it was")
    func tolerance() async throws {
        let reply = try await answer(#"{"jsonrpc":"2.0","id":"x","method":"test.add","params":{"first":1,"second":2,"later":3},"more":1}"#)
        #expect(reply["id"] as? String == "x")
        #expect((reply["result"] as? [String: Any])?["total"] as? Int == 3)
    }

    @Test("kinds reach the caller, and time that is over says so")
    func localClient() async throws {
        let client = RPCClient.local(router(), caller: .auth)
        #expect(try await client.call(Add(first: 1, second: 2)) == Sum(total: 3))
        await #expect(throws: RPCError(kind: "negative", message: "no negative numbers")) { try await client.call(Add(first: -1, second: 2)) }
        let late = await #expect(throws: RPCError.self) { try await client.call(Slow()) }
        #expect(late?.kind == "deadline_exceeded")
    }

    @Test("over HTTP it is the same, with a token and only with one")
    func overHTTP() async throws {
        let tokens = try await TestTokens.make()
        try await serving { router in
            self.router().mount(on: router, tokens: tokens[.billing]!, clock: .system, logger: quiet)
        } _: { url in
            let client = RPCClient.http(
                url: url, caller: .campaigns, target: .billing, tokens: tokens[.campaigns]!, httpClient: .shared, logger: quiet)
            let sum = try await client.call(Add(first: 20, second: 22))
            #expect(sum == Sum(total: 42))
            let stranger = RPCClient.http(
                url: url, caller: .campaigns, target: .audit, tokens: tokens[.campaigns]!, httpClient: .shared, logger: quiet)
            let refused = await #expect(throws: RPCError.self) { try await stranger.call(Add(first: 1, second: 1)) }
            #expect(refused?.kind == "unauthorized")
        }
    }

    @Test("a lost answer is asked for again only when asking twice is asking once", arguments: [true, false])
    func retries(idempotent: Bool) async throws {
        let tokens = try await TestTokens.make()
        let asked = Mutex(0)
        try await serving { router in
            router.post("/rpc") { request, _ in
                let body = try await request.body.collect(upTo: 10_000)
                let number = asked.withLock { count in
                    count += 1
                    return count
                }
                guard number >= 3 else { return Response(status: .badGateway) }
                let context = RPCContext(caller: .auth, traceparent: nil, deadline: .now + .seconds(5), logger: quiet)
                return Response(
                    status: .ok, body: .init(byteBuffer: ByteBuffer(bytes: await self.router().answer(Array(body.readableBytesView), context))))
            }
        } _: { url in
            let client = RPCClient.http(url: url, caller: .auth, target: .billing, tokens: tokens[.auth]!, httpClient: .shared, logger: quiet)
            if idempotent {
                let sum = try await client.call(Add(first: 1, second: 1))
                #expect(sum == Sum(total: 2))
                #expect(asked.withLock { $0 } == 3)
            } else {
                let error = await #expect(throws: RPCError.self) { try await client.call(Once()) }
                #expect(error?.kind == "unavailable")
                #expect(asked.withLock { $0 } == 1)
            }
        }
    }

    @Test("a question goes on in the trace and under the request in which it is asked, and both sides count it")
    func observed() async throws {
        let tokens = try await TestTokens.make()
        let seen = Mutex<(context: TraceContext?, told: String?)>((nil, nil))
        var methods = RPCRouter(service: .billing)
        methods.on(Add.self) { request, context in
            seen.withLock { $0 = (TraceContext.current, context.traceparent) }
            guard request.first >= 0 else { throw RPCError(kind: "negative", message: "no negative numbers") }
            return Sum(total: request.first + request.second)
        }
        let spans = Mutex<[Span]>([])
        let tracer = Tracer(clock: .system) { span in spans.withLock { $0.append(span) } }
        let (registry, answering) = (MetricsRegistry(), methods)
        let metrics = RPCMetrics(factory: registry)
        try await serving { router in
            answering.mount(on: router, tokens: tokens[.billing]!, clock: .system, tracer: tracer, metrics: metrics, logger: quiet)
        } _: { url in
            let client = RPCClient.http(
                url: url, caller: .auth, target: .billing, tokens: tokens[.auth]!, httpClient: .shared, metrics: metrics, logger: quiet)
            let began = TraceParent.root()
            await tracer.span("request", .server, continuing: began, requestID: "r-1") { _ in
                _ = try? await client.call(Add(first: 1, second: 1))
                _ = try? await client.call(Add(first: -1, second: 1))
            }
            let (context, told) = seen.withLock { $0 }
            #expect(context?.position.traceIdentifier == began.traceIdentifier)
            #expect(context?.requestID == "r-1")
            #expect(TraceParent(parsing: told)?.traceIdentifier == began.traceIdentifier)

            let kept = spans.withLock { $0 }
            #expect(kept.map(\.name) == ["test.add", "test.add", "test.add", "test.add", "request"])
            #expect(kept.map(\.kind) == [.server, .client, .server, .client, .server])
            #expect(kept.allSatisfy { $0.position.traceIdentifier == began.traceIdentifier })
            // Each is the child of the one around it.
            #expect(kept[0].parent == kept[1].position.spanIdentifier && kept[1].parent == kept[4].position.spanIdentifier)
            #expect(kept[4].parent == began.spanIdentifier)
            #expect(kept.map(\.failure) == [nil, nil, "negative", "negative", nil])
        }
        let text = registry.exposition()
        #expect(text.contains(#"rpc_server_requests_total{method="test.add",caller="auth",outcome="ok"} 1"#))
        #expect(text.contains(#"rpc_server_requests_total{method="test.add",caller="auth",outcome="negative"} 1"#))
        #expect(text.contains(#"rpc_client_requests_total{peer="billing",method="test.add",outcome="negative"} 1"#))
        #expect(text.contains(#"rpc_server_request_duration_seconds_count{method="test.add"} 2"#))
    }

    @Test("a name that nobody answers is counted as unknown, whatever it is")
    func unknown() async throws {
        let context = RPCContext(caller: .auth, traceparent: nil, deadline: .now + .seconds(5), logger: quiet)
        let answer = await router().answered(Array(#"{"jsonrpc":"2.0","id":1,"method":"made.up","params":{}}"#.utf8), context)
        #expect(answer.method == "unknown" && answer.outcome == "method_not_found")
        #expect(await router().answered(Array("{".utf8), context).outcome == "parse_error")
    }

    private func serving(
        _ routes: (Router<BasicRequestContext>) -> Void, _ body: @escaping @Sendable (URL) async throws -> Void
    ) async throws {
        let router = Router()
        routes(router)
        let port = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in port.continuation.yield(channel.localAddress?.port ?? 0) }, logger: quiet)
        let group = ServiceGroup(configuration: .init(services: [application], logger: quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let number = await port.stream.first { _ in true } ?? 0
            let result: Result<Void, any Error>
            do { result = .success(try await body(URL(string: "http://127.0.0.1:\(number)")!)) } catch { result = .failure(error) }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            try result.get()
        }
    }
}

@Suite("Tokens")
struct TokenTests {
    private let now = Date()

    @Test("a token is believed by its audience, for a minute, from its issuer")
    func service() async throws {
        let tokens = try await TestTokens.make()
        let strangers = try await TestTokens.make()
        let token = try await tokens[.campaigns]!.token(for: .billing, now: now)
        #expect(try await tokens[.billing]!.verify(token, now: now) == .campaigns)
        await #expect(throws: TokenError.wrongAudience) { try await tokens[.audit]!.verify(token, now: now) }
        await #expect(throws: TokenError.expired) { try await tokens[.billing]!.verify(token, now: now.addingTimeInterval(66)) }
        await #expect(throws: (any Error).self) { try await strangers[.billing]!.verify(token, now: now) }
        #expect(try await tokens[.campaigns]!.token(for: .billing, now: now.addingTimeInterval(10)) == token)
        #expect(try await tokens[.campaigns]!.token(for: .billing, now: now.addingTimeInterval(31)) != token)
    }

    @Test("a key is changed with a token on its way: others know the new one first, then it signs, then the old one goes")
    func rotation() async throws {
        let (old, new, reader) = (Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey())
        func document(_ keys: [(String, Curve25519.Signing.PrivateKey)]) -> String {
            let entries = (keys + [("billing", reader)]).map { name, key in
                #"{"kty":"OKP","crv":"Ed25519","kid":"\#(name)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
            }
            return #"{"keys":[\#(entries.joined(separator: ","))]}"#
        }
        func tokens(_ service: ServiceName, _ key: Curve25519.Signing.PrivateKey, _ document: String) async throws -> ServiceTokens {
            try await ServiceTokens(service: service, privateKeyPEM: key.pemRepresentation, publicKeysJWKS: document)
        }
        let (before, both, after) = (document([("auth", old)]), document([("auth", old), ("auth.2", new)]), document([("auth.2", new)]))
        let first = try await tokens(.auth, old, before).token(for: .billing, now: now)
        let second = try await tokens(.auth, new, both).token(for: .billing, now: now)
        #expect(try await tokens(.auth, old, both).verify(tokens(.billing, reader, both).token(for: .auth, now: now), now: now) == .billing)
        #expect(try await tokens(.billing, reader, both).verify(first, now: now) == .auth)
        #expect(try await tokens(.billing, reader, both).verify(second, now: now) == .auth)
        #expect(try await tokens(.billing, reader, after).verify(second, now: now) == .auth)
        await #expect(throws: (any Error).self) { try await tokens(.billing, reader, before).verify(second, now: now) }
        await #expect(throws: (any Error).self) { try await tokens(.billing, reader, after).verify(first, now: now) }
    }

    @Test("a key that is named after no service, or otherwise than with a number, is nobody's")
    func owners() {
        #expect(ServiceTokens.owner(ofKey: "auth") == .auth && ServiceTokens.owner(ofKey: "audit.17") == .audit)
        for identifier in ["", ".", "mallory", "auth.", "auth.x", "auth.2.3", "auth.1234567", ".auth", "Auth", "auth.٣"] {
            #expect(ServiceTokens.owner(ofKey: identifier) == nil, "\(identifier)")
        }
    }

    @Test("a key of one service signs for no other, whatever its number")
    func strangersKey() async throws {
        let (mine, theirs) = (Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey())
        func entry(_ name: String, _ key: Curve25519.Signing.PrivateKey) -> String {
            #"{"kty":"OKP","crv":"Ed25519","kid":"\#(name)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        }
        let document = #"{"keys":[\#(entry("campaigns.3", mine)),\#(entry("billing", theirs))]}"#
        let campaigns = try await ServiceTokens(service: .campaigns, privateKeyPEM: mine.pemRepresentation, publicKeysJWKS: document)
        let billing = try await ServiceTokens(service: .billing, privateKeyPEM: theirs.pemRepresentation, publicKeysJWKS: document)
        #expect(try await billing.verify(campaigns.token(for: .billing, now: now), now: now) == .campaigns)
        let claims = IdentityClaims(
            tenant: TenantID(UUID()), user: UserID(UUID()), name: "Ada", role: "owner", verified: true, workspaces: nil, session: SessionID(UUID()))
        let forged = try await campaigns.sign(claims, for: .billing, now: now)
        await #expect(throws: TokenError.wrongUse) { try await billing.verifyIdentity(forged, now: now) }
    }

    @Test("a number that no key has is nobody's, also where the first key of all has signed")
    func unknownNumber() async throws {
        struct Claims: JWTPayload {
            var iss = "auth"
            var aud = "billing"
            var exp = ExpirationClaim(value: .distantFuture)
            var iat = IssuedAtClaim(value: Date())
            var use = "service"
            func verify(using algorithm: some JWTAlgorithm) throws {}
        }
        let (mine, theirs) = (Curve25519.Signing.PrivateKey(), Curve25519.Signing.PrivateKey())
        func entry(_ name: String, _ key: Curve25519.Signing.PrivateKey) -> String {
            #"{"kty":"OKP","crv":"Ed25519","kid":"\#(name)","x":"\#(key.publicKey.rawRepresentation.base64URL)"}"#
        }
        let document = #"{"keys":[\#(entry("campaigns", mine)),\#(entry("billing", theirs))]}"#
        let billing = try await ServiceTokens(service: .billing, privateKeyPEM: theirs.pemRepresentation, publicKeysJWKS: document)
        for name in ["auth.999999", "auth"] {
            let forger = JWTKeyCollection()
            await forger.add(eddsa: try EdDSA.PrivateKey(pem: mine.pemRepresentation), kid: JWKIdentifier(string: name))
            let forged = try await forger.sign(Claims(), kid: JWKIdentifier(string: name))
            await #expect(throws: TokenError.wrongKey) { try await billing.verify(forged, now: now) }
        }
    }

    @Test("identities come from Auth alone, and neither kind of token passes for the other")
    func identities() async throws {
        let tokens = try await TestTokens.make()
        let claims = IdentityClaims(
            tenant: TenantID(UUID()), user: UserID(UUID()), name: "Ada", role: "owner", verified: true, workspaces: nil, session: SessionID(UUID()))
        let identity = try await tokens[.auth]!.sign(claims, for: .billing, now: now)
        #expect(try await tokens[.billing]!.verifyIdentity(identity, now: now) == claims)
        await #expect(throws: (any Error).self) { try await tokens[.billing]!.verify(identity, now: now) }
        let service = try await tokens[.auth]!.token(for: .billing, now: now)
        await #expect(throws: (any Error).self) { try await tokens[.billing]!.verifyIdentity(service, now: now) }
        let forged = try await tokens[.campaigns]!.sign(claims, for: .billing, now: now)
        await #expect(throws: TokenError.wrongUse) { try await tokens[.billing]!.verifyIdentity(forged, now: now) }
    }

    @Test("unsigned and otherwise signed tokens are refused")
    func algorithms() async throws {
        let tokens = try await TestTokens.make()
        let good = try await tokens[.auth]!.token(for: .billing, now: now)
        let parts = good.split(separator: ".").map(String.init)
        let none = Data(#"{"alg":"none","typ":"JWT","kid":"auth"}"#.utf8).base64URL
        await #expect(throws: (any Error).self) { try await tokens[.billing]!.verify("\(none).\(parts[1]).", now: now) }
        let hmac = JWTKeyCollection()
        await hmac.add(hmac: "public key bytes, as many as a hash has: thirty-two or more", digestAlgorithm: .sha256, kid: "auth")
        struct Claims: JWTPayload {
            var iss = "auth"
            var aud = "billing"
            var exp = ExpirationClaim(value: .distantFuture)
            var iat = IssuedAtClaim(value: Date())
            var use = "service"
            func verify(using algorithm: some JWTAlgorithm) throws {}
        }
        let forged = try await hmac.sign(Claims(), kid: "auth")
        await #expect(throws: (any Error).self) { try await tokens[.billing]!.verify(forged, now: now) }
    }

    @Test("a trace goes on in a child, and nonsense begins a new one")
    func traces() throws {
        let parent = try #require(TraceParent(parsing: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"))
        #expect(parent.child().traceIdentifier == parent.traceIdentifier)
        #expect(parent.child().spanIdentifier != parent.spanIdentifier)
        #expect(TraceParent(parsing: TraceParent.root().text) != nil)
        for bad in [
            nil, "", "00-x-y-z", "00-\(String(repeating: "0", count: 32))-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            #expect(TraceParent(parsing: bad) == nil)
        }
    }
}
