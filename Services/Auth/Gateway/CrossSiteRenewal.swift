import HTTP
import HTTPTypes
import Hummingbird

/// Sends a new CSRF token with every answer that changes the session cookie: the old one was bound to the old session.
struct CrossSiteRenewal: RouterMiddleware {
    typealias Context = AppContext

    let crossSite: CrossSiteCheck

    func handle(_ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response) async throws -> Response {
        var response = try await next(request, context)
        let prefix = "\(SessionToken.cookieName)="
        if let line = response.headers[values: .setCookie].first(where: { $0.hasPrefix(prefix) }) {
            let value = line.dropFirst(prefix.count).prefix { $0 != ";" }
            let session = value.isEmpty ? nil : SessionToken(text: String(value))
            response.headers.append(HTTPField(name: .setCookie, value: try crossSite.issue(for: session).cookie))
        }
        return response
    }
}
