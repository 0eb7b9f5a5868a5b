public import Contracts
public import Foundation
import JWTKit
import Primitives
import Synchronization

/// Makes and checks the tokens by which services know each other and the people the gateway vouches for.
///
/// EdDSA only; every token is for one audience and 60 seconds. A service signs with one key; others may know several of it, by its name and by its name
/// with a number (`auth`, `auth.2`), so that it can change to another without a token that nobody believes.
public actor ServiceTokens {
    public static let lifetime: TimeInterval = 60
    private static let leeway: TimeInterval = 5

    private let service: ServiceName
    private let keys: JWTKeyCollection
    /// The names of those keys.
    private let known: Set<String>
    /// By which name others know the key that we sign with.
    private let signing: JWKIdentifier
    private var minted: [ServiceName: (token: String, renewAt: Date)] = [:]

    /// `privateKeyPEM`: PKCS 8, Ed25519; `publicKeysJWKS`: OKP keys of all five services with their names as `kid`, further ones with numbers.
    public init(service: ServiceName, privateKeyPEM: String, publicKeysJWKS: String) async throws {
        self.service = service
        let set = try JSONDecoder().decode(JWKS.self, from: Data(publicKeysJWKS.utf8))
        keys = JWTKeyCollection()
        let privateKey = try EdDSA.PrivateKey(pem: privateKeyPEM)
        var own = service.rawValue
        var known: Set<String> = []
        for key in set.keys {
            guard let name = key.keyIdentifier?.string, let owner = Self.owner(ofKey: name), let x = key.x else { continue }
            let publicKey = try EdDSA.PublicKey(x: x, curve: .ed25519)
            if owner == service, publicKey == privateKey.publicKey { own = name }
            known.insert(name)
            await keys.add(eddsa: publicKey, kid: JWKIdentifier(string: name))
        }
        known.insert(own)
        self.known = known
        signing = JWKIdentifier(string: own)
        await keys.add(eddsa: privateKey, kid: signing)
    }

    /// The service that a key's identifier names: `auth` and `auth.2` are Auth's, anything else is nobody's.
    static func owner(ofKey identifier: String) -> ServiceName? {
        let parts = identifier.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let service = parts.first.flatMap({ ServiceName(rawValue: String($0)) }) else { return nil }
        guard parts.count == 2 else { return service }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return (1...6).contains(parts[1].utf8.count) && parts[1].utf8.allSatisfy(digits.contains) ? service : nil
    }

    /// A token that proves to `audience` that we ask; the same one for half of its life.
    public func token(for audience: ServiceName, now: Date) async throws -> String {
        if let known = minted[audience], now < known.renewAt { return known.token }
        let claims = ServiceClaims(
            iss: .init(value: service.rawValue), aud: TokenAudience(audience.rawValue), iat: .init(value: now),
            exp: .init(value: now.addingTimeInterval(Self.lifetime)), use: "service")
        let token = try await keys.sign(claims, kid: signing)
        minted[audience] = (token, now.addingTimeInterval(Self.lifetime / 2))
        return token
    }

    /// Who asks us; throws when signature, audience, time or kind of the token is wrong.
    public func verify(_ token: String, now: Date) async throws -> ServiceName {
        let claims = try await keys.verify(token, as: ServiceClaims.self)
        guard claims.use == "service", let caller = ServiceName(rawValue: claims.iss.value) else { throw TokenError.wrongUse }
        try check(token, issuer: claims.iss.value, audience: claims.aud, expiry: claims.exp.value, now: now)
        return caller
    }

    /// The identity of a person for one service; only Auth's signature is believed.
    public func sign(_ identity: IdentityClaims, for audience: ServiceName, now: Date) async throws -> String {
        let claims = SignedIdentity(
            iss: .init(value: service.rawValue), aud: TokenAudience(audience.rawValue), iat: .init(value: now),
            exp: .init(value: now.addingTimeInterval(Self.lifetime)), use: "identity", identity: identity)
        return try await keys.sign(claims, kid: signing)
    }

    /// Whom the gateway forwards.
    public func verifyIdentity(_ token: String, now: Date) async throws -> IdentityClaims {
        let claims = try await keys.verify(token, as: SignedIdentity.self)
        guard claims.use == "identity", claims.iss.value == ServiceName.auth.rawValue else { throw TokenError.wrongUse }
        try check(token, issuer: claims.iss.value, audience: claims.aud, expiry: claims.exp.value, now: now)
        return claims.identity
    }

    private func check(_ token: String, issuer: String, audience: TokenAudience, expiry: Date, now: Date) throws {
        // The key was chosen by the header's kid: it must be the issuer's own. For one that it does not know the collection takes the first it has.
        let header = token.split(separator: ".").first.flatMap { Data(base64URL: String($0)) } ?? Data()
        let fields = try JSONDecoder().decode(TokenHeader.self, from: header)
        guard fields.alg == "EdDSA", known.contains(fields.kid), let owner = Self.owner(ofKey: fields.kid), owner.rawValue == issuer else {
            throw TokenError.wrongKey
        }
        guard audience.value == [service.rawValue] else { throw TokenError.wrongAudience }
        guard expiry.addingTimeInterval(Self.leeway) > now else { throw TokenError.expired }
    }

    private struct TokenHeader: Decodable {
        let alg: String
        let kid: String
    }
}

/// Why a token is not believed.
public enum TokenError: Error, Sendable, Equatable {
    case wrongUse
    case wrongKey
    case wrongAudience
    case expired
}

private struct ServiceClaims: JWTPayload {
    let iss: IssuerClaim
    let aud: TokenAudience
    let iat: IssuedAtClaim
    let exp: ExpirationClaim
    let use: String

    // Time is checked against the injected clock, not here.
    func verify(using algorithm: some JWTAlgorithm) throws {}
}

private struct SignedIdentity: JWTPayload {
    let iss: IssuerClaim
    let aud: TokenAudience
    let iat: IssuedAtClaim
    let exp: ExpirationClaim
    let use: String
    let identity: IdentityClaims

    func verify(using algorithm: some JWTAlgorithm) throws {}
}
