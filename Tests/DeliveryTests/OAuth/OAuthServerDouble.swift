import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import JWTKit
import NIOCore
import Primitives
import Synchronization
import TestSupport

/// An OAuth server as strict as the real ones: codes are good once and with their verifier only, refresh tokens are replaced with each use, and one
/// that comes a second time ends everything that was ever given for it. Mail servers ask it about access tokens.
final class OAuthServerDouble: Sendable {
    static let clientID = "penguin-client"
    static let clientSecret = "penguin secret&=+"

    struct Person: Sendable {
        var subject = "subject-1"
        var email = "grace@sender.example"
        var isVerified = true
        /// What is allowed; nil is all that was asked for.
        var scopes: String?
        var givesRefreshToken = true
        /// What is wrong with the ID token.
        var lie: Lie?
    }

    enum Lie: String, Sendable, CaseIterable {
        case otherIssuer, otherAudience, otherParty, otherNonce, expired, fromTheFuture, noSignature, unknownKey, foreignKey, noSubject
    }

    /// How refresh requests are answered.
    enum Mood: Sendable, Equatable {
        case honest
        case status(Int)
        case error(String, status: Int)
    }

    /// What somebody has consented to, over all the tokens that were given for it.
    private struct Grant {
        let person: Person
        let scopes: String
        var isRevoked = false
    }

    private struct Code {
        let grant: Int
        let nonce: String
        let challenge: String
        let redirect: String
    }

    private struct State {
        var issuer = ""
        var mood = Mood.honest
        var lifetime = 3_600
        var rotates = true
        var grants: [Grant] = []
        var codes: [String: Code] = [:]
        var access: [String: Int] = [:]
        /// By token the grant, and whether it was used.
        var refresh: [String: (grant: Int, isUsed: Bool)] = [:]
        /// No token is active.
        var isBlind = false
        /// Access tokens that mail servers are not to take.
        var barred: Set<String> = []
        var refreshRequests = 0
        var revoked: [String] = []
        var isHeld = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let signer = JWTKeyCollection()
    private let point: Data
    private let clock: WallClock

    init(clock: WallClock) async throws {
        self.clock = clock
        let key = P256.Signing.PrivateKey()
        point = key.publicKey.rawRepresentation
        await signer.add(ecdsa: try ES256PrivateKey(backing: key), kid: "key-1")
    }

    // MARK: - What a test says and sees

    func set(_ mood: Mood) { state.withLock { $0.mood = mood } }
    func set(lifetime: Int) { state.withLock { $0.lifetime = lifetime } }
    /// Mail servers take none of its tokens any more.
    func goBlind() { state.withLock { $0.isBlind = true } }
    /// Mail servers do not take the access tokens of today any more.
    func barAccessTokens() { state.withLock { $0.barred.formUnion($0.access.keys) } }
    /// The person takes everything back.
    func revokeAll() { state.withLock { state in for index in state.grants.indices { state.grants[index].isRevoked = true } } }

    var refreshRequests: Int { state.withLock(\.refreshRequests) }
    var revoked: [String] { state.withLock(\.revoked) }

    /// Answers no refresh request until ``release()``.
    func hold() { state.withLock { $0.isHeld = true } }

    func release() {
        let held = state.withLock { state in
            state.isHeld = false
            defer { state.held = [] }
            return state.held
        }
        for one in held { one.resume() }
    }

    var heldCount: Int { state.withLock { $0.held.count } }

    /// Tokens as if somebody had consented: access and refresh.
    func grant(_ person: Person = Person()) -> (access: String, refresh: String) {
        state.withLock { state in
            state.grants.append(Grant(person: person, scopes: "https://mail.google.com/ openid email"))
            return Self.tokens(of: state.grants.count - 1, &state)
        }
    }

    /// Serves on a free port while `body` runs with the issuer.
    func serve<Value: Sendable>(_ body: @escaping @Sendable (String) async throws -> Value) async throws -> Value {
        let router = Router()
        router.post("/token") { request, _ in try await self.token(request) }
        router.post("/revoke") { request, _ in try await self.revoke(request) }
        router.get("/keys") { _, _ in self.keys() }
        router.get("/introspect") { request, _ in self.introspect(request) }
        return try await LoopbackServer.serve(router) { issuer in
            self.state.withLock { $0.issuer = issuer }
            return try await body(issuer)
        }
    }

    /// What the authorize endpoint does once the person has said yes: the query of the way back; nil for a request that it refuses.
    func approve(_ authorizeURL: String, as person: Person) -> String? {
        guard let parts = URLComponents(string: authorizeURL), let query = parts.percentEncodedQuery, parts.path == "/authorize" else { return nil }
        let fields = Self.fields(query)
        guard fields["response_type"] == "code", fields["client_id"] == Self.clientID, fields["code_challenge_method"] == "S256",
            fields["access_type"] == "offline", fields["prompt"] == "consent", let scopes = fields["scope"], let state = fields["state"],
            let nonce = fields["nonce"], let challenge = fields["code_challenge"], challenge.count == 43, let redirect = fields["redirect_uri"]
        else { return nil }
        let code = "4/" + randomBytes(24).base64URL
        self.state.withLock { double in
            double.grants.append(Grant(person: person, scopes: person.scopes ?? scopes))
            double.codes[code] = Code(grant: double.grants.count - 1, nonce: nonce, challenge: challenge, redirect: redirect)
        }
        return "code=\(code.replacingOccurrences(of: "/", with: "%2F"))&state=\(state)"
    }

    // MARK: - Endpoints

    private static func tokens(of grant: Int, _ state: inout State) -> (access: String, refresh: String) {
        let (access, refresh) = ("ya29." + randomBytes(24).base64URL, "1//" + randomBytes(24).base64URL)
        state.access[access] = grant
        state.refresh[refresh] = (grant, false)
        return (access, refresh)
    }

    private func token(_ request: Request) async throws -> Response {
        let fields = Self.fields(String(buffer: try await request.body.collect(upTo: 1 << 16)))
        guard request.headers[.contentType] == "application/x-www-form-urlencoded" else { return Self.refuse("invalid_request") }
        guard fields["client_id"] == Self.clientID, fields["client_secret"] == Self.clientSecret else {
            return Self.refuse("invalid_client", .unauthorized)
        }
        switch fields["grant_type"] {
        case "authorization_code": return try await exchange(fields)
        case "refresh_token": return await refresh(fields)
        default: return Self.refuse("unsupported_grant_type")
        }
    }

    private func exchange(_ fields: [String: String]) async throws -> Response {
        // A code is good once, whatever comes of it.
        let code = state.withLock { $0.codes.removeValue(forKey: fields["code"] ?? "") }
        let challenge = Data(SHA256.hash(data: Data((fields["code_verifier"] ?? "").utf8))).base64URL
        guard let code, code.redirect == fields["redirect_uri"], code.challenge == challenge else { return Self.refuse("invalid_grant") }
        let (person, scopes, lifetime) = state.withLock { ($0.grants[code.grant].person, $0.grants[code.grant].scopes, $0.lifetime) }
        let tokens = state.withLock { Self.tokens(of: code.grant, &$0) }
        var answer: [String: Any] = [
            "access_token": tokens.access, "token_type": "Bearer", "expires_in": lifetime, "scope": scopes,
            "id_token": try await idToken(for: person, nonce: code.nonce),
        ]
        if person.givesRefreshToken { answer["refresh_token"] = tokens.refresh }
        return Self.json(.ok, answer)
    }

    private func refresh(_ fields: [String: String]) async -> Response {
        let isHeld = state.withLock { state in
            state.refreshRequests += 1
            return state.isHeld
        }
        if isHeld {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    if state.isHeld { state.held.append(continuation) }
                    return !state.isHeld
                }
                if goesOn { continuation.resume() }
            }
        }
        return state.withLock { state in
            switch state.mood {
            case .honest: break
            case .status(let code): return Self.json(.init(code: code), [:])
            case .error(let word, let code): return Self.refuse(word, .init(code: code))
            }
            let presented = fields["refresh_token"] ?? ""
            guard let known = state.refresh[presented], !state.grants[known.grant].isRevoked else { return Self.refuse("invalid_grant") }
            guard !known.isUsed else {
                // Somebody else has it, too.
                state.grants[known.grant].isRevoked = true
                return Self.refuse("invalid_grant")
            }
            state.refresh[presented]?.isUsed = true
            let tokens = Self.tokens(of: known.grant, &state)
            return Self.json(
                .ok,
                ["access_token": tokens.access, "token_type": "Bearer", "expires_in": state.lifetime, "refresh_token": tokens.refresh])
        }
    }

    private func revoke(_ request: Request) async throws -> Response {
        let token = Self.fields(String(buffer: try await request.body.collect(upTo: 1 << 16)))["token"] ?? ""
        return state.withLock { state in
            state.revoked.append(token)
            guard let known = state.refresh[token] else { return Self.refuse("invalid_token") }
            state.grants[known.grant].isRevoked = true
            return Self.json(.ok, [:])
        }
    }

    private func introspect(_ request: Request) -> Response {
        let token = String((request.headers[.authorization] ?? "").dropFirst("Bearer ".count))
        return state.withLock { state in
            guard let number = state.access[token], !state.isBlind, !state.barred.contains(token), !state.grants[number].isRevoked else {
                return Self.json(.ok, ["active": false])
            }
            return Self.json(.ok, ["active": true, "email": state.grants[number].person.email])
        }
    }

    private func keys() -> Response {
        let key = [
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "key-1", "x": point.prefix(32).base64URL,
            "y": point.suffix(32).base64URL,
        ]
        return Self.json(.ok, ["keys": [["kty": "XYZ", "kid": "strange", "use": "sig"], key]])
    }

    private struct Claims: JWTPayload {
        var iss: String
        var sub: String
        var aud: [String]
        var azp: String?
        var exp: Date
        var iat: Date
        var nonce: String
        var email: String
        var emailVerified: Bool

        private enum CodingKeys: String, CodingKey {
            case iss, sub, aud, azp, exp, iat, nonce, email
            case emailVerified = "email_verified"
        }

        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    private func idToken(for person: Person, nonce: String) async throws -> String {
        let now = clock.now
        var claims = Claims(
            iss: state.withLock { $0.issuer }, sub: person.subject, aud: [Self.clientID], azp: nil, exp: now.addingTimeInterval(3_600), iat: now,
            nonce: nonce, email: person.email, emailVerified: person.isVerified)
        var key: JWKIdentifier = "key-1"
        var keys = signer
        switch person.lie {
        case nil: break
        case .otherIssuer: claims.iss = "https://accounts.example.com"
        case .otherAudience: claims.aud = ["another-client"]
        case .otherParty: claims.azp = "another-client"
        case .otherNonce: claims.nonce = "another-nonce"
        case .expired: claims.exp = now.addingTimeInterval(-1)
        case .fromTheFuture: claims.iat = now.addingTimeInterval(120)
        case .noSubject: claims.sub = ""
        case .noSignature: return "\(Data(#"{"alg":"none","kid":"key-1"}"#.utf8).base64URL).\(try JSONEncoder().encode(claims).base64URL)."
        case .unknownKey, .foreignKey:
            if person.lie == .unknownKey { key = "key-unknown" }
            keys = JWTKeyCollection()
            await keys.add(ecdsa: try ES256PrivateKey(backing: P256.Signing.PrivateKey()), kid: key)
        }
        return try await keys.sign(claims, kid: key)
    }

    // MARK: - Forms

    static func fields(_ form: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2, let value = sides[1].replacingOccurrences(of: "+", with: " ").removingPercentEncoding else { continue }
            fields[sides[0]] = value
        }
        return fields
    }

    private static func refuse(_ error: String, _ status: HTTPResponse.Status = .badRequest) -> Response {
        json(status, ["error": error, "error_description": "refused, with the secret \(clientSecret) in it"])
    }

    private static func json(_ status: HTTPResponse.Status, _ body: [String: Any]) -> Response {
        let data = (try? JSONSerialization.data(withJSONObject: body)) ?? Data()
        return Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}
