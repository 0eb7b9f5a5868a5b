public import Hummingbird
import Logging
import Postgres

/// Turns every error into problem details; what has no place of its own becomes "internal" outside and a full log line inside.
public struct ProblemMiddleware: RouterMiddleware {
    public typealias Context = AppContext

    /// Errors of other modules that have an answer of their own.
    private let translate: @Sendable (any Error) -> Problem?

    public init(translate: @escaping @Sendable (any Error) -> Problem? = { _ in nil }) {
        self.translate = translate
    }

    public func handle(
        _ request: Request, context: AppContext, next: (Request, AppContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let problem as Problem {
            return try problem.response(from: request, context: context)
        } catch {
            return try problem(for: error, request, context).response(from: request, context: context)
        }
    }

    private func problem(for error: any Error, _ request: Request, _ context: AppContext) -> Problem {
        if let problem = translate(error) { return problem }
        if let error = error as? PostgresError {
            if error.isTransient {
                context.logger.warning("database not available", metadata: ["error": "\(error)"])
                return .unavailable()
            }
            if error.code == .invalidInput { return .invalid("A value holds characters or a form that cannot be stored.") }
        }
        if let error = error as? HTTPError {
            switch error.status {
            case .notFound: return .notFound("page")
            case .contentTooLarge: return Problem(.contentTooLarge, kind: "too_large", title: "The request is too large.")
            default:
                if error.status.code < 500 {
                    return Problem(error.status, kind: "invalid_request", title: "The request is not valid.", detail: error.body)
                }
            }
        }
        context.logger.error(
            "unexpected error", metadata: ["error": "\(error)", "method": "\(request.method)", "path": "\(request.uri.path)"])
        return .internalError
    }
}
