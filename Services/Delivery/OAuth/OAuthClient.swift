import AsyncHTTPClient
import Crypto
import Foundation
import NIOCore
import NIOHTTP1
import Primitives

/// Why a provider gave no tokens.
enum OAuthFailure: Error, Equatable, CustomStringConvertible {
    /// What was consented to is over: withdrawn, expired, or a code that is no longer good. `code` is the provider's own word.
    case consentOver(code: String)
    /// The provider does not know us, or does not want what we ask for: the operator's business, never the mailbox' owner's.
    case misconfigured(code: String)
    /// No answer, or one that says nothing: the same may succeed later. A general one says so of all mailboxes.
    case unavailable(String, isGeneral: Bool)
    /// What the provider says cannot be believed.
    case incredible(String)

    var description: String {
        switch self {
        case .consentOver(let code): "the consent is over (\(code))"
        case .misconfigured(let code): "the provider refuses this installation (\(code))"
        case .unavailable(let words, _): words
        case .incredible(let words): words
        }
    }
}

/// What a token endpoint gave.
struct OAuthTokens: Sendable, Equatable {
    let access: String
    /// In seconds from when it was asked for.
    let lifetime: TimeInterval
    /// Nil: the one that there is stays good.
    let refresh: String?
    /// Nil: all that was asked for.
    let scopes: [String]?
    let idToken: String?
}

/// Talks to one provider's endpoints (RFC 6749, with PKCE of RFC 7636).
struct OAuthClient: Sendable {
    let provider: OAuthProvider
    var http = OAuthHTTP.live

    /// Where the browser goes to consent. `hint` is the address to choose there, where it is known.
    func authorizeURL(state: String, nonce: String, verifier: String, redirect: String, hint: String?) -> String {
        let challenge = Data(SHA256.hash(data: Data(verifier.utf8))).base64URL
        var fields = [
            ("response_type", "code"), ("client_id", provider.clientID), ("redirect_uri", redirect),
            ("scope", provider.scopes.joined(separator: " ")), ("state", state), ("nonce", nonce), ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        fields += provider.authorizeParameters
        if let hint { fields.append(("login_hint", hint)) }
        return provider.authorizeURL + (provider.authorizeURL.contains("?") ? "&" : "?") + OAuthHTTP.form(fields)
    }

    /// Gives the code back for tokens.
    func exchange(code: String, verifier: String, redirect: String) async throws(OAuthFailure) -> OAuthTokens {
        try await tokens([
            ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect), ("code_verifier", verifier),
        ])
    }

    func refresh(_ token: String) async throws(OAuthFailure) -> OAuthTokens {
        try await tokens([("grant_type", "refresh_token"), ("refresh_token", token)])
    }

    /// Withdraws a token (RFC 7009); at Google this ends all that the person consented to here.
    func revoke(_ token: String) async throws(OAuthFailure) {
        guard !provider.revokeURL.isEmpty else { return }
        let answer = try await post(provider.revokeURL, [("token", token)])
        // A token that the provider does not know is gone as well.
        guard answer.status == 200 || answer.status == 400 else {
            throw .unavailable("\(provider.name.title) said \(answer.status)", isGeneral: false)
        }
    }

    // MARK: - Requests

    private func tokens(_ fields: [(String, String)]) async throws(OAuthFailure) -> OAuthTokens {
        let answer = try await post(
            provider.tokenURL, fields + [("client_id", provider.clientID), ("client_secret", provider.clientSecret)])
        return try OAuthAnswer.tokens(status: answer.status, body: answer.body, of: provider.name)
    }

    private func post(_ url: String, _ fields: [(String, String)]) async throws(OAuthFailure) -> OAuthHTTP.Answer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/x-www-form-urlencoded")
        request.headers.add(name: "accept", value: "application/json")
        request.body = .bytes(ByteBuffer(string: OAuthHTTP.form(fields)))
        do {
            return try await http.send(request)
        } catch {
            throw .unavailable("\(provider.name.title) does not answer: \(error)", isGeneral: true)
        }
    }
}

/// What a token endpoint's answer means: a function of status and body.
enum OAuthAnswer {
    /// Longer ones do not fit into what IMAP takes in a line.
    static let longestToken = 8_000

    private struct Tokens: Decodable {
        let accessToken: String
        let tokenType: String?
        let expiresIn: Lifetime?
        let refreshToken: String?
        let scope: String?
        let idToken: String?
    }

    /// Comes as a number, or as a number in quotes.
    private struct Lifetime: Decodable {
        let seconds: Double

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(Double.self) {
                seconds = number
                return
            }
            guard let number = Double(try container.decode(String.self)) else {
                throw DecodingError.dataCorruptedError(in: container, debugDescription: "no number")
            }
            seconds = number
        }
    }

    private struct Refusal: Decodable {
        let error: String
        let errorDescription: String?
    }

    /// The error codes of RFC 6749 and OpenID Connect by which a provider says that the person has to consent again.
    private static let over: Set<String> = ["invalid_grant", "interaction_required", "consent_required", "login_required"]
    private static let ours: Set<String> = [
        "invalid_client", "unauthorized_client", "invalid_request", "invalid_scope", "unsupported_grant_type", "redirect_uri_mismatch",
        "deleted_client", "disabled_client", "org_internal", "invalid_resource",
    ]

    static func tokens(status: UInt, body: Data, of name: OAuthProvider.Name) throws(OAuthFailure) -> OAuthTokens {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard status == 200 else {
            guard (400..<500).contains(status), status != 408, status != 429, let refusal = try? decoder.decode(Refusal.self, from: body) else {
                throw .unavailable("\(name.title) said \(status)", isGeneral: true)
            }
            let code = self.code(refusal)
            if over.contains(refusal.error) { throw .consentOver(code: code) }
            if ours.contains(refusal.error) { throw .misconfigured(code: code) }
            throw .unavailable("\(name.title) said \(status) (\(code))", isGeneral: false)
        }
        guard let tokens = try? decoder.decode(Tokens.self, from: body) else {
            throw .unavailable("\(name.title) answered something else than tokens", isGeneral: false)
        }
        guard tokens.tokenType.map({ $0.lowercased() == "bearer" }) ?? true else { throw .incredible("\(name.title) gave a token of another kind") }
        guard isToken(tokens.accessToken), tokens.refreshToken.map(isToken) ?? true else {
            throw .incredible("\(name.title) gave a token that no server takes")
        }
        return OAuthTokens(
            access: tokens.accessToken, lifetime: min(max(tokens.expiresIn?.seconds ?? 3_600, 0), 86_400), refresh: tokens.refreshToken,
            scopes: tokens.scope?.split(separator: " ").map(String.init), idToken: tokens.idToken)
    }

    /// Words that may be shown and logged: the rest of a refusal may repeat what we sent.
    private static func code(_ refusal: Refusal) -> String {
        let word = String(refusal.error.prefix(60).filter { $0.isASCII && ($0.isLetter || $0.isNumber || "_-.".contains($0)) })
        // Microsoft's own number says more: a password that was changed, a factor that is missing, a consent withdrawn by an administrator.
        let number = refusal.errorDescription?.prefix(2_000).firstMatch(of: /AADSTS[0-9]{4,9}/).map { String($0.0) }
        return [word, number].compactMap(\.self).joined(separator: ", ")
    }

    private static func isToken(_ text: String) -> Bool {
        (1...longestToken).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
