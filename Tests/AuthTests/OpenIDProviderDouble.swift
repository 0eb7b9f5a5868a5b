import Crypto
import CryptoExtras
import Foundation
import HTTPTypes
import Hummingbird
import JWTKit
import NIOCore
import Primitives
import Synchronization
import TestSupport

/// An OpenID provider with keys of its own: it gives what a real one gives, refuses what that refuses, and lies when it is told to.
final class OpenIDProviderDouble: Sendable {
    enum Algorithm: String, Sendable, CaseIterable {
        case es256, rs256
    }

    struct Person: Sendable {
        var subject = "subject-1"
        var email: String? = "ada@example.com"
        var isEmailVerified: Bool? = true
        var name: String? = "Ada Lovelace"
    }

    /// What is wrong with the tokens that it gives.
    enum Lie: String, Sendable, CaseIterable {
        case otherIssuer, otherAudience, severalAudiences, otherParty, otherNonce, noNonce, noSignature, unknownKey, foreignKey, expired
        case fromTheFuture
    }

    static let clientID = "penguin-client"
    static let clientSecret = "penguin secret&=+"

    private struct Grant {
        let person: Person
        let nonce: String
        let challenge: String
        let redirect: String
    }

    private struct Key: Sendable {
        let name: String
        let published: [String: String]
        let signer: JWTKeyCollection
    }

    private struct State {
        var issuer = ""
        var documentIssuer: String?
        var key: Key
        var lie: Lie?
        var grants: [String: Grant] = [:]
        var keyRequests = 0
    }

    private let algorithm: Algorithm
    private let clock: WallClock
    private let state: Mutex<State>

    init(_ algorithm: Algorithm = .es256, clock: WallClock) async throws {
        self.algorithm = algorithm
        self.clock = clock
        let key = try await Self.key(algorithm, name: "key-1")
        state = Mutex(State(key: key))
    }

    var keyRequests: Int { state.withLock { $0.keyRequests } }

    func lie(_ lie: Lie?) { state.withLock { $0.lie = lie } }

    /// Its document names another issuer from now on.
    func claimToBe(_ issuer: String) { state.withLock { $0.documentIssuer = issuer } }

    /// Signs with another key from now on, and publishes only that.
    func rotate() async throws {
        let key = try await Self.key(algorithm, name: "key-2")
        state.withLock { $0.key = key }
    }

    private static func key(_ algorithm: Algorithm, name: String) async throws -> Key {
        let signer = JWTKeyCollection()
        let identifier = JWKIdentifier(string: name)
        switch algorithm {
        case .es256:
            let key = P256.Signing.PrivateKey()
            await signer.add(ecdsa: try ES256PrivateKey(backing: key), kid: identifier)
            let point = key.publicKey.rawRepresentation
            let published = [
                "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": name, "x": Data(point.prefix(32)).base64URL,
                "y": Data(point.suffix(32)).base64URL,
            ]
            return Key(name: name, published: published, signer: signer)
        case .rs256:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            await signer.add(rsa: try JWTKit.Insecure.RSA.PrivateKey(backing: key), digestAlgorithm: .sha256, kid: identifier)
            let primitives = try key.publicKey.getKeyPrimitives()
            // Without alg, as Microsoft publishes them.
            let published = [
                "kty": "RSA", "use": "sig", "kid": name, "n": primitives.modulus.base64URL, "e": primitives.publicExponent.base64URL,
            ]
            return Key(name: name, published: published, signer: signer)
        }
    }

    /// Serves on a free port while `body` runs with the issuer.
    func serve<Value: Sendable>(_ body: @escaping @Sendable (String) async throws -> Value) async throws -> Value {
        let router = Router()
        router.get("/.well-known/openid-configuration") { _, _ in self.document() }
        router.get("/keys") { _, _ in self.keys() }
        router.post("/token") { request, _ in try await self.token(request) }
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
            fields["scope"]?.split(separator: " ").contains("openid") == true, let state = fields["state"], let nonce = fields["nonce"],
            let challenge = fields["code_challenge"], challenge.count == 43, let redirect = fields["redirect_uri"]
        else { return nil }
        let code = "4/" + randomBytes(24).base64URL
        self.state.withLock { $0.grants[code] = Grant(person: person, nonce: nonce, challenge: challenge, redirect: redirect) }
        return "code=\(code.replacingOccurrences(of: "/", with: "%2F"))&state=\(state)"
    }

    // MARK: - Endpoints

    private func document() -> Response {
        let (issuer, documentIssuer) = state.withLock { ($0.issuer, $0.documentIssuer) }
        return Self.json(
            .ok,
            [
                "issuer": documentIssuer ?? issuer, "authorization_endpoint": "\(issuer)/authorize", "token_endpoint": "\(issuer)/token",
                "jwks_uri": "\(issuer)/keys", "response_types_supported": ["code"], "subject_types_supported": ["public"],
            ])
    }

    private func keys() -> Response {
        let published = state.withLock { state in
            state.keyRequests += 1
            return state.key.published
        }
        // Beside a key of a kind that nobody here knows.
        return Self.json(.ok, ["keys": [["kty": "XYZ", "kid": "strange", "use": "sig"], published]])
    }

    private func token(_ request: Request) async throws -> Response {
        let bytes = try await request.body.collect(upTo: 1 << 16)
        let fields = Self.fields(String(buffer: bytes))
        guard request.headers[.contentType] == "application/x-www-form-urlencoded", fields["grant_type"] == "authorization_code" else {
            return Self.json(.badRequest, ["error": "unsupported_grant_type"])
        }
        guard fields["client_id"] == Self.clientID, fields["client_secret"] == Self.clientSecret else {
            return Self.json(.unauthorized, ["error": "invalid_client"])
        }
        // A code is good once, whatever comes of it.
        let grant = state.withLock { $0.grants.removeValue(forKey: fields["code"] ?? "") }
        let challenge = Data(SHA256.hash(data: Data((fields["code_verifier"] ?? "").utf8))).base64URL
        guard let grant, grant.redirect == fields["redirect_uri"], grant.challenge == challenge else {
            return Self.json(.badRequest, ["error": "invalid_grant"])
        }
        let token = try await idToken(for: grant)
        return Self.json(.ok, ["access_token": "unused", "token_type": "Bearer", "expires_in": 3_600, "id_token": token])
    }

    private struct Claims: JWTPayload {
        var iss: String
        var sub: String
        var aud: [String]
        var azp: String?
        var exp: Date
        var iat: Date
        var nonce: String?
        var email: String?
        var emailVerified: Bool?
        var name: String?

        private enum CodingKeys: String, CodingKey {
            case iss, sub, aud, azp, exp, iat, nonce, email, name
            case emailVerified = "email_verified"
        }

        func verify(using algorithm: some JWTAlgorithm) throws {}
    }

    private func idToken(for grant: Grant) async throws -> String {
        let (issuer, lie) = state.withLock { ($0.issuer, $0.lie) }
        var key = state.withLock { $0.key }
        let now = clock.now
        var claims = Claims(
            iss: issuer, sub: grant.person.subject, aud: [Self.clientID], azp: nil, exp: now.addingTimeInterval(3_600), iat: now, nonce: grant.nonce,
            email: grant.person.email, emailVerified: grant.person.isEmailVerified, name: grant.person.name)
        switch lie {
        case nil: break
        case .otherIssuer: claims.iss = "https://accounts.example.com"
        case .otherAudience: claims.aud = ["another-client"]
        case .severalAudiences: claims.aud.append("another-client")
        case .otherParty: claims.azp = "another-client"
        case .otherNonce: claims.nonce = "another-nonce"
        case .noNonce: claims.nonce = nil
        case .noSignature: return try Self.unsigned(claims, key: key.name)
        case .unknownKey: key = try await Self.key(algorithm, name: "key-unknown")
        case .foreignKey: key = try await Self.key(algorithm, name: key.name)
        case .expired: claims.exp = now.addingTimeInterval(-1)
        case .fromTheFuture: claims.iat = now.addingTimeInterval(120)
        }
        return try await key.signer.sign(claims, kid: JWKIdentifier(string: key.name))
    }

    private static func unsigned(_ claims: Claims, key: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.dateEncodingStrategy = .secondsSince1970
        let header = Data(#"{"alg":"none","typ":"JWT","kid":"\#(key)"}"#.utf8)
        return "\(header.base64URL).\(try encoder.encode(claims).base64URL)."
    }

    // MARK: - Forms

    private static func fields(_ form: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in form.split(separator: "&") {
            let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard sides.count == 2, let value = sides[1].replacingOccurrences(of: "+", with: " ").removingPercentEncoding else { continue }
            fields[sides[0]] = value
        }
        return fields
    }

    private static func json(_ status: HTTPResponse.Status, _ body: [String: Any]) -> Response {
        let data = (try? JSONSerialization.data(withJSONObject: body)) ?? Data()
        return Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}
