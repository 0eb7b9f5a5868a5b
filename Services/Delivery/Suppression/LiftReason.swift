import Foundation
import HTTP
import Hummingbird

/// Why an entry is lifted: in the body, or as a parameter, since some proxies take a DELETE's body away.
enum LiftReason {
    private struct Body: Decodable {
        var reason: String?
    }

    /// Nil when none was given; the body's counts before the parameter.
    static func read(_ request: Request) async throws -> String? {
        let body = try await request.optionalJSON(Body.self, limit: 8 * 1024)?.reason
        let given = body ?? request.uri.queryParameters["reason"].map(String.init)
        guard let reason = given?.trimmingCharacters(in: .whitespacesAndNewlines), !reason.isEmpty else { return nil }
        guard reason.count <= 500, !reason.contains("\0") else {
            throw Problem.invalid("reason must have at most 500 characters, and no NUL.", field: "reason")
        }
        return reason
    }
}
