import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Logging
import Primitives

/// Connecting mailboxes through Google and Microsoft: off to the provider, and back.
struct OAuthRoutes {
    let connecting: OAuthMailboxes

    /// Sent back on the way from the provider, which is a navigation from another site: Lax, not Strict. One a browser, so that two trips at once do
    /// not spoil each other.
    static let bindingCookie = "__Host-penguin.mailbox-oauth"

    struct BeginRequest: Codable {
        let provider: OAuthProvider.Name
        let workspace: WorkspaceID
        let displayName: String
        let limits: MailboxLimits?
    }

    private struct RenewRequest: Decodable {
        let provider: OAuthProvider.Name?
    }

    private struct BeginAnswer: Encodable {
        let authorizeUrl: String
        let expiresAt: Date
    }

    private struct ProvidersAnswer: Encodable {
        let providers: [OAuthProvider.Name]
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/mailboxes/oauth/providers") { _, context in
            _ = try context.requireIdentity()
            return try Response.json(ProvidersAnswer(providers: connecting.providers.names))
        }
        router.post("/api/v1/mailboxes/oauth") { request, context in
            let input = try await request.json(BeginRequest.self)
            let identity = try context.require(atLeast: .member, in: input.workspace)
            let name = try MailboxRoutes.checked(displayName: input.displayName)
            let limits = try MailboxRoutes.checked(input.limits ?? MailboxLimits())
            let binding = Self.binding(of: request)
            return try Self.answer(
                try await connecting.begin(
                    input.provider, in: input.workspace, displayName: name, limits: limits, binding: binding, by: identity), binding)
        }
        router.post("/api/v1/mailboxes/{id}/oauth") { request, context in
            let identity = try context.require(atLeast: .member)
            let body = try await request.bytes(limit: 4_096)
            let input = body.isEmpty ? RenewRequest(provider: nil) : try request.decode(RenewRequest.self, from: body)
            let binding = Self.binding(of: request)
            return try Self.answer(
                try await connecting.begin(
                    input.provider, for: try context.identifier("id", as: MailboxID.self), binding: binding, by: identity), binding)
        }
        router.get("\(OAuthMailboxes.callbackPath)") { request, context in await callback(request, context) }
    }

    /// A browser is on its way: whatever happens it gets a page.
    private func callback(_ request: Request, _ context: AppContext) async -> Response {
        let parameters = request.uri.queryParameters
        guard let state = parameters["state"].flatMap({ OAuthState(String($0)) }), let binding = Self.presentedBinding(of: request) else {
            return OAuthLanding.page(.flow)
        }
        let code = parameters["error"] == nil ? parameters["code"].map(String.init) : nil
        guard code.map({ (1...4_096).contains($0.utf8.count) }) ?? (parameters["error"] != nil) else { return OAuthLanding.page(.flow) }
        do {
            return OAuthLanding.page(
                try await connecting.finish(.init(state: state, binding: binding, code: code)) { action, target, metadata in
                    context.audit(action, targets: [target], metadata: metadata)
                })
        } catch let refusal as OAuthRefusal {
            return OAuthLanding.page(refusal)
        } catch {
            context.logger.error("coming back from a provider failed", metadata: ["error": "\(error)"])
            return OAuthLanding.page(.unavailable)
        }
    }

    // MARK: - Which browser it is

    private static func answer(_ begun: OAuthMailboxes.Begun, _ binding: String) throws -> Response {
        let cookie = "\(bindingCookie)=\(binding); Path=/; Max-Age=\(Int(OAuthFlow.lifetime)); HttpOnly; Secure; SameSite=Lax"
        return try Response.json(BeginAnswer(authorizeUrl: begun.url, expiresAt: begun.expiresAt), headers: [.setCookie: cookie])
    }

    /// The one that the browser has already, else a new one.
    private static func binding(of request: Request) -> String {
        presentedBinding(of: request) ?? randomBytes(32).base64URL
    }

    private static func presentedBinding(of request: Request) -> String? {
        for field in request.headers[values: .cookie] {
            for pair in field.split(separator: ";") {
                let sides = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard sides.count == 2, sides[0].drop(while: { $0 == " " }) == bindingCookie else { continue }
                let value = String(sides[1])
                if value.utf8.count == 43, Data(base64URL: value)?.count == 32 { return value }
            }
        }
        return nil
    }
}
