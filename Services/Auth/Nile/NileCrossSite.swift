import Foundation
import HTTP
import HTTPTypes
import Primitives

/// Tells requests of our own pages from foreign ones, in the two ways that Nile's SDK leaves room for.
struct NileCrossSite: Sendable {
    let check: CrossSiteCheck

    /// For whatever carries the token: body or header must repeat the signed cookie, and an Origin must be ours.
    func passes(_ headers: HTTPFields, _ body: NileBody? = nil) -> Bool {
        guard check.comesFromHere(headers), let presented = body?["csrfToken"] ?? headers[.csrfToken],
            let expected = check.token(in: RequestCookies(headers))
        else { return false }
        return Data(presented.utf8).constantTimeEquals(Data(expected.utf8))
    }

    func require(_ headers: HTTPFields, _ body: NileBody? = nil) throws(Problem) {
        guard passes(headers, body) else {
            throw Problem(
                .forbidden, kind: "csrf", title: "Request blocked", detail: "Request blocked: send csrfToken, or the header X-CSRF-Token.")
        }
    }

    /// For signing up, the second factor and resetting, where the SDK repeats no token: the signed cookie, a proof of where the request comes
    /// from, and JSON, which no form of another site can send.
    func requireOrigin(_ headers: HTTPFields, _ body: NileBody) throws(Problem) {
        guard body.isJSON, check.token(in: RequestCookies(headers)) != nil, check.comesFromHere(headers), isOurs(headers) else {
            throw Problem(.badRequest, kind: "csrf", title: "Request blocked")
        }
    }

    /// A page of another site cannot set any of these: the first two are the browser's, the third needs a preflight that we never answer.
    private func isOurs(_ headers: HTTPFields) -> Bool {
        headers[.origin] == check.origin || headers[.fetchSite] == "same-origin" || headers[.nileOrigin] == check.origin
    }
}

extension HTTPField.Name {
    /// Where Nile's server SDK says its pages are. Believed only when it says what we know.
    static let nileOrigin = Self("Nile-Origin")!
}
