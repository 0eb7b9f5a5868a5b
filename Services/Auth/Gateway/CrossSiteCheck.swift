import Foundation
import HTTP
import HTTPTypes
import Primitives

/// Tells requests that our own pages made from those another site made a browser send.
///
/// A signed token in a cookie must come back in a header (double submit), and an Origin, where the browser names one, must be ours.
struct CrossSiteCheck: Sendable {
    static let cookieName = "__Secure-nile.csrf-token"
    private static let purpose = "csrf"

    let keyring: Keyring
    /// `https://host[:port]`.
    let origin: String

    /// A fresh token, and the cookie that proves later that it is ours: `<64 hex>|<tag>`.
    func issue() throws -> (token: String, cookie: String) {
        let token = randomBytes(32).hexadecimal
        let tag = try keyring.authenticate(Data(token.utf8), purpose: Self.purpose)
        return (token, "\(Self.cookieName)=\(token)%7C\(tag); Path=/; HttpOnly; Secure; SameSite=Lax")
    }

    /// The token of a cookie that is ours, so that asking again does not change it.
    func token(in cookies: RequestCookies) -> String? {
        guard let value = cookies[Self.cookieName] else { return nil }
        let parts = value.replacingOccurrences(of: "%7C", with: "|").split(separator: "|").map(String.init)
        guard parts.count == 2, keyring.isAuthentic(parts[1], message: Data(parts[0].utf8), purpose: Self.purpose) else { return nil }
        return parts[0]
    }

    /// Whether an unsafe request comes from our own pages.
    func passes(_ headers: HTTPFields) -> Bool {
        if let named = headers[.origin], named != origin { return false }
        guard let presented = headers[.csrfToken], let expected = token(in: RequestCookies(headers)) else { return false }
        return Data(presented.utf8).constantTimeEquals(Data(expected.utf8))
    }

    /// Throws the problem that tells a browser client what to do.
    func require(_ headers: HTTPFields) throws(Problem) {
        guard passes(headers) else {
            throw Problem(
                .forbidden, kind: "csrf", title: "The request lacks a valid CSRF token.",
                detail: "GET /api/v1/auth/csrf and send the token as X-CSRF-Token.")
        }
    }
}

extension HTTPField.Name {
    static let csrfToken = Self("X-CSRF-Token")!
}

extension URL {
    /// Scheme, host and port, as browsers name an origin.
    var origin: String {
        "\(scheme ?? "https")://\(host() ?? "")" + (port.map { ":\($0)" } ?? "")
    }
}
