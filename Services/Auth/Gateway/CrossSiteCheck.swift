import Foundation
import HTTP
import HTTPTypes
import Primitives

/// Tells requests that our own pages made from those another site made a browser send.
///
/// A signed token in a cookie must come back in a header (double submit), and where the browser says from where a request comes (Origin,
/// Sec-Fetch-Site), that must be here. The signature binds the token to the session's cookie, so that a token which somebody planted in a
/// browser before its owner signed in is worth nothing afterwards; ``CrossSiteRenewal`` sends a new one with every new session cookie.
struct CrossSiteCheck: Sendable {
    /// What is wrong with a request; the raw value is the problem's kind.
    enum Failure: String, Sendable {
        case origin = "csrf_origin"
        case token = "csrf_token"
    }

    static let cookieName = "__Secure-nile.csrf-token"
    private static let purpose = "csrf"

    let keyring: Keyring
    /// `https://host[:port]`.
    let origin: String

    /// A fresh token for this session, or for nobody's, and the cookie that proves later that it is ours: `<64 hex>|<tag>`.
    func issue(for session: SessionToken?) throws -> (token: String, cookie: String) {
        let token = randomBytes(32).hexadecimal
        let tag = try keyring.authenticate(Self.message(token, session), purpose: Self.purpose)
        return (token, "\(Self.cookieName)=\(token)%7C\(tag); Path=/; HttpOnly; Secure; SameSite=Lax")
    }

    /// The token of a cookie that is ours and of this session, so that asking again does not change it.
    func token(in cookies: RequestCookies) -> String? {
        guard let value = cookies[Self.cookieName] else { return nil }
        let parts = value.replacingOccurrences(of: "%7C", with: "|").split(separator: "|").map(String.init)
        guard parts.count == 2, keyring.isAuthentic(parts[1], message: Self.message(parts[0], cookies.session), purpose: Self.purpose) else {
            return nil
        }
        return parts[0]
    }

    /// What speaks against an unsafe request's coming from our own pages; nil when nothing does.
    func failure(_ headers: HTTPFields) -> Failure? {
        guard comesFromHere(headers) else { return .origin }
        guard let presented = headers[.csrfToken], let expected = token(in: RequestCookies(headers)),
            Data(presented.utf8).constantTimeEquals(Data(expected.utf8))
        else { return .token }
        return nil
    }

    /// Whether no word of the browser's says that another site is behind it; `none` is a person who typed the address.
    func comesFromHere(_ headers: HTTPFields) -> Bool {
        (headers[.origin].map { $0 == origin } ?? true) && (headers[.fetchSite].map { $0 == "same-origin" || $0 == "none" } ?? true)
    }

    /// Throws the problem that tells a browser client what to do.
    func require(_ headers: HTTPFields) throws(Problem) {
        switch failure(headers) {
        case nil: return
        case .origin:
            throw Problem(
                .forbidden, kind: Failure.origin.rawValue, title: "The request comes from another site.", detail: "It must come from \(origin).")
        case .token:
            throw Problem(
                .forbidden, kind: Failure.token.rawValue, title: "The request lacks a valid CSRF token.",
                detail: "GET /api/v1/auth/csrf and send the token as X-CSRF-Token; there is a new one after every change of the session.")
        }
    }

    /// The cookie's own text is not signed anywhere else, so its digest stands for it.
    private static func message(_ token: String, _ session: SessionToken?) -> Data {
        Data("\(token)|\(session?.digest.hexadecimal ?? "")".utf8)
    }
}

extension HTTPField.Name {
    static let csrfToken = Self("X-CSRF-Token")!
    static let fetchSite = Self("Sec-Fetch-Site")!
}

extension URL {
    /// Scheme, host and port, as browsers name an origin.
    var origin: String {
        "\(scheme ?? "https")://\(host() ?? "")" + (port.map { ":\($0)" } ?? "")
    }
}
