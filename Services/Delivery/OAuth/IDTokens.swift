import AsyncHTTPClient
import Crypto
import Foundation
import JWTKit
import NIOHTTP1
import Primitives

/// Whose mailbox it is, after every check of the ID token.
struct OAuthPerson: Sendable, Equatable {
    /// As the token names it: at Microsoft that of the person's own company.
    let issuer: String
    let subject: String
    /// The first is the mailbox' own; at Microsoft a second may be what the person signs in with.
    let addresses: [String]
}

/// Believes one provider's ID tokens only after every check (OpenID Connect Core 1.0, section 3.1.3.7).
///
/// The address in it is where mail will be sent from; at Microsoft, where anybody may claim one, it counts only together with the sign-in to the mail
/// servers under that address, which is tried before a mailbox is made.
actor IDTokens {
    /// How long the provider's keys are good.
    private static let lifetime: TimeInterval = 3_600
    /// The least time between two looks for a key that we do not know: whoever sends us tokens must not steer how often we ask.
    private static let keyPause: TimeInterval = 60
    /// How far the provider's clock may be ahead of ours.
    private static let leeway: TimeInterval = 60
    private static let algorithms: Set<String> = ["RS256", "ES256"]

    private let provider: OAuthProvider
    private let http: OAuthHTTP
    private let clock: WallClock
    private var published: (collection: JWTKeyCollection, names: Set<String>, at: Date)?
    private var askedForKeysAt: Date?

    init(of provider: OAuthProvider, http: OAuthHTTP, clock: WallClock) {
        self.provider = provider
        self.http = http
        self.clock = clock
    }

    /// Whom a token is about; throws ``OAuthFailure`` unless the provider signed it for us, now, for this trip.
    func person(of token: String, nonceDigest: Data) async throws -> OAuthPerson {
        guard token.utf8.count <= 32_768 else { throw OAuthFailure.incredible("the ID token is too long") }
        let collection = try await keys(named: try Self.keyName(of: token))
        let claims: IDTokenClaims
        do {
            claims = try await collection.verify(token, as: IDTokenClaims.self)
        } catch {
            throw OAuthFailure.incredible("the ID token's signature or form is wrong: \(error)")
        }
        let now = clock.now
        guard provider.isIssuer(claims.iss, company: claims.tid) else { throw OAuthFailure.incredible("the ID token's issuer is \(claims.iss)") }
        guard claims.aud.value.contains(provider.clientID) else { throw OAuthFailure.incredible("the ID token is for somebody else") }
        if claims.aud.value.count > 1 || claims.azp != nil {
            guard claims.azp == provider.clientID else { throw OAuthFailure.incredible("the ID token was made for another party") }
        }
        guard claims.exp > now else { throw OAuthFailure.incredible("the ID token has expired") }
        guard claims.iat <= now.addingTimeInterval(Self.leeway) else { throw OAuthFailure.incredible("the ID token is from the future") }
        let presented = Data(SHA256.hash(data: Data((claims.nonce ?? "").utf8)))
        guard claims.nonce != nil, presented == nonceDigest else { throw OAuthFailure.incredible("the ID token belongs to another trip") }
        guard (1...255).contains(claims.sub.utf8.count) else { throw OAuthFailure.incredible("the ID token has no subject") }
        return OAuthPerson(issuer: claims.iss, subject: claims.sub, addresses: try addresses(claims))
    }

    private func addresses(_ claims: IDTokenClaims) throws -> [String] {
        switch provider.name {
        case .google:
            guard let email = claims.email, claims.emailVerified?.value == true else {
                throw OAuthFailure.incredible("Google vouches for no address")
            }
            return [email]
        case .microsoft:
            let names = [claims.email, claims.preferredUsername].compactMap(\.self).filter { $0.contains("@") }
            guard !names.isEmpty else { throw OAuthFailure.incredible("Microsoft names no address") }
            return names
        }
    }

    // MARK: - What the provider publishes

    /// Keys among which there is the named one.
    private func keys(named name: String) async throws -> JWTKeyCollection {
        let now = clock.now
        let fresh = published.flatMap { now.timeIntervalSince($0.at) < Self.lifetime ? $0 : nil }
        if let fresh, fresh.names.contains(name) { return fresh.collection }
        if fresh != nil, let askedForKeysAt, now.timeIntervalSince(askedForKeysAt) < Self.keyPause {
            throw OAuthFailure.incredible("nobody knows the key \(name), and we asked a moment ago")
        }
        askedForKeysAt = now
        let set = try await publishedKeys()
        let collection = JWTKeyCollection()
        var names: Set<String> = []
        for key in set.keys.compactMap(\.usable) {
            // One that JWTKit cannot take must not keep us from the others.
            guard let identifier = key.keyIdentifier, (try? await collection.add(jwk: key)) != nil else { continue }
            names.insert(identifier.string)
        }
        published = (collection, names, now)
        guard names.contains(name) else { throw OAuthFailure.incredible("nobody knows the key \(name)") }
        return collection
    }

    private func publishedKeys() async throws -> PublishedKeys {
        let answer: OAuthHTTP.Answer
        do {
            answer = try await http.send(HTTPClientRequest(url: provider.keysURL))
        } catch {
            throw OAuthFailure.unavailable("\(provider.name.title) does not answer: \(error)", isGeneral: true)
        }
        guard answer.status == 200, let set = try? JSONDecoder().decode(PublishedKeys.self, from: answer.body) else {
            throw OAuthFailure.unavailable("\(provider.name.title) publishes no keys", isGeneral: true)
        }
        return set
    }

    /// The name of the key; refuses every algorithm but two before any key is looked at.
    private static func keyName(of token: String) throws -> String {
        struct Header: Decodable {
            let alg: String
            let kid: String?
        }
        guard let text = token.split(separator: ".", omittingEmptySubsequences: false).first, let data = Data(base64URL: String(text)),
            let header = try? JSONDecoder().decode(Header.self, from: data)
        else { throw OAuthFailure.incredible("the ID token has no header") }
        guard algorithms.contains(header.alg) else { throw OAuthFailure.incredible("the ID token's algorithm is \(header.alg.prefix(20))") }
        guard let kid = header.kid, kid.utf8.count <= 255 else { throw OAuthFailure.incredible("the ID token names no key") }
        return kid
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
private struct IDTokenClaims: JWTPayload {
    let iss: String
    let sub: String
    let aud: TokenAudience
    let azp: String?
    /// Microsoft's name for the person's company.
    let tid: String?
    let exp: Date
    let iat: Date
    let nonce: String?
    let email: String?
    let emailVerified: BoolClaim?
    let preferredUsername: String?

    private enum CodingKeys: String, CodingKey {
        case iss, sub, aud, azp, tid, exp, iat, nonce, email
        case emailVerified = "email_verified"
        case preferredUsername = "preferred_username"
    }

    // Everything is checked against the injected clock and the pinned issuer, not here.
    func verify(using algorithm: some JWTAlgorithm) throws {}
}
