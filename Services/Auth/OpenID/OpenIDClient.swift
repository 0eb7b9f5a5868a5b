import AsyncHTTPClient
import Crypto
import Foundation
import JWTKit
import NIOCore
import NIOHTTP1
import Primitives

/// Why a provider's answer is not believed; for the log, never for the browser.
struct OpenIDFailure: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }
}

/// How we talk to providers: a value with one effect, so that a test can give another.
struct OpenIDHTTP: Sendable {
    struct Answer: Sendable {
        let status: UInt
        let body: Data
    }

    let send: @Sendable (HTTPClientRequest) async throws -> Answer

    static let live = OpenIDHTTP { request in
        let response = try await OpenIDHTTP.client.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 65_536)
        return Answer(status: response.status.code, body: Data(body.readableBytesView))
    }

    /// Follows no redirect: our secret and a person's code are for the endpoint that the issuer named, nobody else.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()
}

/// Where a provider's endpoints are, by its own document.
struct OpenIDEndpoints: Decodable, Sendable {
    let issuer: String
    let authorizationEndpoint: String
    let tokenEndpoint: String
    let jwksUri: String
}

/// What an ID token says of a person, after every check.
struct OpenIDPerson: Sendable, Equatable {
    let issuer: String
    let subject: String
    let email: EmailAddress?
    /// The provider says that it proved the address; what it does not say it did not prove.
    let isEmailVerified: Bool
    let name: String?
}

/// Talks to one provider and believes its tokens only after every check (OpenID Connect Core 1.0, section 3.1.3.7).
actor OpenIDClient {
    /// How long the provider's document and keys are good.
    private static let lifetime: TimeInterval = 3_600
    /// The least time between two looks for a key that we do not know: whoever sends us tokens must not steer how often we ask.
    private static let keyPause: TimeInterval = 60
    /// How far the provider's clock may be ahead of ours.
    private static let leeway: TimeInterval = 60
    private static let algorithms: Set<String> = ["RS256", "ES256"]

    nonisolated let provider: OpenIDProvider
    private let http: OpenIDHTTP
    private let clock: WallClock
    private var discovered: (endpoints: OpenIDEndpoints, at: Date)?
    private var published: (collection: JWTKeyCollection, names: Set<String>, at: Date)?
    private var askedForKeysAt: Date?

    init(_ provider: OpenIDProvider, http: OpenIDHTTP = .live, clock: WallClock) {
        self.provider = provider
        self.http = http
        self.clock = clock
    }

    /// Where the browser goes to say who it is.
    func authorizeURL(state: String, nonce: String, verifier: String, redirect: String) async throws -> String {
        let endpoint = try await endpoints().authorizationEndpoint
        let challenge = Data(SHA256.hash(data: Data(verifier.utf8))).base64URL
        let query = Self.form([
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", redirect), ("scope", "openid email profile"),
            ("state", state), ("nonce", nonce), ("code_challenge", challenge), ("code_challenge_method", "S256"),
        ])
        return endpoint + (endpoint.contains("?") ? "&" : "?") + query
    }

    /// Gives the code back and says whom it stands for; throws ``OpenIDFailure`` or what HTTP throws.
    func person(code: String, verifier: String, redirect: String, nonceDigest: Data) async throws -> OpenIDPerson {
        struct Tokens: Decodable { let idToken: String }
        let form = Self.form([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("client_id", provider.clientID),
            ("client_secret", provider.clientSecret), ("code_verifier", verifier),
        ])
        var request = HTTPClientRequest(url: try await endpoints().tokenEndpoint)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        request.headers.add(name: "accept", value: "application/json")
        request.body = .bytes(ByteBuffer(string: form))
        let tokens = try await ask(request, for: Tokens.self)
        return try await verify(tokens.idToken, nonceDigest: nonceDigest)
    }

    /// Whom a token is about; throws ``OpenIDFailure`` unless the pinned issuer signed it for us, now, for this flow.
    func verify(_ token: String, nonceDigest: Data) async throws -> OpenIDPerson {
        let collection = try await keys(named: try Self.keyName(of: token))
        let claims: IDTokenClaims
        do {
            claims = try await collection.verify(token, as: IDTokenClaims.self)
        } catch {
            throw OpenIDFailure(reason: "the token's signature or form is wrong: \(error)")
        }
        let now = clock.now
        guard claims.iss == provider.issuer else { throw OpenIDFailure(reason: "the token's issuer is \(claims.iss)") }
        guard claims.aud.value.contains(provider.clientID) else { throw OpenIDFailure(reason: "the token is for somebody else") }
        if claims.aud.value.count > 1 || claims.azp != nil {
            guard claims.azp == provider.clientID else { throw OpenIDFailure(reason: "the token was made for another party") }
        }
        guard claims.exp > now else { throw OpenIDFailure(reason: "the token has expired") }
        guard claims.iat <= now.addingTimeInterval(Self.leeway) else { throw OpenIDFailure(reason: "the token is from the future") }
        let presented = Data(SHA256.hash(data: Data((claims.nonce ?? "").utf8)))
        guard claims.nonce != nil, presented.constantTimeEquals(nonceDigest) else {
            throw OpenIDFailure(reason: "the token belongs to another flow")
        }
        guard (1...255).contains(claims.sub.utf8.count) else { throw OpenIDFailure(reason: "the token has no subject") }
        return OpenIDPerson(
            issuer: claims.iss, subject: claims.sub, email: claims.email.flatMap(EmailAddress.init),
            isEmailVerified: claims.emailVerified?.value ?? (provider.name == .microsoft && claims.isDomainVerified?.value ?? false),
            name: claims.name)
    }

    // MARK: - What the provider publishes

    private func endpoints() async throws -> OpenIDEndpoints {
        if let discovered, clock.now.timeIntervalSince(discovered.at) < Self.lifetime { return discovered.endpoints }
        let found = try await ask(HTTPClientRequest(url: provider.discoveryURL), for: OpenIDEndpoints.self)
        guard found.issuer == provider.issuer else { throw OpenIDFailure(reason: "the document's issuer is \(found.issuer)") }
        for address in [found.authorizationEndpoint, found.tokenEndpoint, found.jwksUri] where !OpenIDProvider.isSafe(address) {
            throw OpenIDFailure(reason: "the endpoint \(address) is not under https")
        }
        discovered = (found, clock.now)
        return found
    }

    /// Keys among which there is the named one.
    private func keys(named name: String) async throws -> JWTKeyCollection {
        let now = clock.now
        let fresh = published.flatMap { now.timeIntervalSince($0.at) < Self.lifetime ? $0 : nil }
        if let fresh, fresh.names.contains(name) { return fresh.collection }
        if fresh != nil, let askedForKeysAt, now.timeIntervalSince(askedForKeysAt) < Self.keyPause {
            throw OpenIDFailure(reason: "nobody knows the key \(name), and we asked a moment ago")
        }
        askedForKeysAt = now
        let set = try await ask(HTTPClientRequest(url: try await endpoints().jwksUri), for: PublishedKeys.self)
        let collection = JWTKeyCollection()
        var names: Set<String> = []
        for key in set.keys.compactMap(\.usable) {
            // One that JWTKit cannot take must not keep us from the others.
            guard let identifier = key.keyIdentifier, (try? await collection.add(jwk: key)) != nil else { continue }
            names.insert(identifier.string)
        }
        published = (collection, names, now)
        guard names.contains(name) else { throw OpenIDFailure(reason: "nobody knows the key \(name)") }
        return collection
    }

    private func ask<Value: Decodable>(_ request: HTTPClientRequest, for type: Value.Type) async throws -> Value {
        let answer = try await http.send(request)
        // The body of a refusal may repeat what we sent: it stays out of the log.
        guard answer.status == 200 else { throw OpenIDFailure(reason: "\(provider.name.rawValue) said \(answer.status)") }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            return try decoder.decode(type, from: answer.body)
        } catch {
            throw OpenIDFailure(reason: "\(provider.name.rawValue) answered something else than was asked for")
        }
    }

    // MARK: - Forms

    /// The name of the key; refuses every algorithm but two before any key is looked at.
    private static func keyName(of token: String) throws -> String {
        struct Header: Decodable {
            let alg: String
            let kid: String?
        }
        guard let text = token.split(separator: ".", omittingEmptySubsequences: false).first, let data = Data(base64URL: String(text)),
            let header = try? JSONDecoder().decode(Header.self, from: data)
        else { throw OpenIDFailure(reason: "the token has no header") }
        guard algorithms.contains(header.alg) else { throw OpenIDFailure(reason: "the token's algorithm is \(header.alg.prefix(20))") }
        guard let kid = header.kid, kid.utf8.count <= 255 else { throw OpenIDFailure(reason: "the token names no key") }
        return kid
    }

    private static let unreserved = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private static func form(_ fields: [(String, String)]) -> String {
        fields.map { "\($0)=\($1.addingPercentEncoding(withAllowedCharacters: unreserved) ?? "")" }.joined(separator: "&")
    }
}

/// A provider's key set; one of a kind that we do not know does not spoil the others.
private struct PublishedKeys: Decodable {
    struct Key: Decodable {
        /// Nil unless it is for signatures and of a kind that we take.
        let usable: JWK?

        private enum CodingKeys: String, CodingKey { case use }

        init(from decoder: any Decoder) throws {
            let use = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .use)
            guard use == nil || use == "sig", let key = try? JWK(from: decoder), key.keyType == .rsa || key.keyType == .ecdsa else {
                usable = nil
                return
            }
            usable = key
        }
    }

    let keys: [Key]
}

/// The claims of an ID token that we look at.
/// A claim that comes as true, 1 or "1"; anything else is no.
private struct Truth: Codable, Sendable {
    let value: Bool

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = (try? container.decode(String.self)) ?? (try? container.decode(Int.self)).map(String.init)
        value = (try? container.decode(Bool.self)) ?? (text == "1" || text == "true")
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(value)
    }
}

private struct IDTokenClaims: JWTPayload {
    let iss: String
    let sub: String
    let aud: TokenAudience
    let azp: String?
    let exp: Date
    let iat: Date
    let nonce: String?
    let email: String?
    let emailVerified: BoolClaim?
    /// Microsoft's own claim (optional, to be asked for in the app's registration): the tenant owns the address's domain.
    let isDomainVerified: Truth?
    let name: String?

    private enum CodingKeys: String, CodingKey {
        case iss, sub, aud, azp, exp, iat, nonce, email, name
        case emailVerified = "email_verified"
        case isDomainVerified = "xms_edov"
    }

    // Everything is checked against the injected clock and the pinned issuer, not here.
    func verify(using algorithm: some JWTAlgorithm) throws {}
}
