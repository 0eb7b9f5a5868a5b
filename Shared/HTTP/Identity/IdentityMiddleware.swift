public import Hummingbird
import Logging

/// Reads the identity token that the gateway forwards; a request without one stays anonymous, one with a bad one is refused.
public struct IdentityMiddleware: RouterMiddleware {
    public typealias Context = AppContext

    private let verify: @Sendable (String) async throws -> Identity

    /// `verify` checks signature, audience and time, and throws when any is wrong.
    public init(verify: @escaping @Sendable (String) async throws -> Identity) {
        self.verify = verify
    }

    public func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.readFacts(of: request)
        if let token = request.headers[.identityToken] {
            do {
                context.identity = try await verify(token)
            } catch {
                context.logger.warning("identity token refused", metadata: ["error": "\(error)"])
                throw Problem.unauthenticated
            }
        }
        return try await next(request, context)
    }
}
