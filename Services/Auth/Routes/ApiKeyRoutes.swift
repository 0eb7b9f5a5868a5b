import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// A company's API keys. Making one needs an admin who has just given the password; the secret is shown once.
struct ApiKeyRoutes {
    let keys: ApiKeys
    let guardian: SessionGuard
    let clock: WallClock

    private struct CreateRequest: Decodable {
        let name: String
        let scopes: [String]
        let expiresAt: Date?
        let requestsPerMinute: Int?
    }

    private struct CreatedAnswer: Encodable {
        let key: ApiKey
        /// Never shown again.
        let secret: String
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/api-keys") { request, context in
            let identity = try context.require(atLeast: .admin)
            let page = try PageRequest(request, standard: 200)
            let list = try await keys.list(of: identity.tenant, before: try page.after(EntityID<ApiKey>.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/api-keys") { request, context in try await create(request, context) }
        router.delete("/api/v1/api-keys/{id}") { _, context in
            let identity = try context.require(atLeast: .admin)
            guard let id = context.parameters.get("id").flatMap({ UUID(text: $0) }),
                try await keys.revoke(id, by: identity, audit: { context.audit($0, targets: $1, metadata: $2) })
            else { throw Problem.notFound("API key") }
            return Response(status: .noContent)
        }
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        guard identity.isVerified else { throw Problem.forbidden("Confirm your address first.") }
        _ = try await guardian.freshSession(of: request)
        let input = try await request.json(CreateRequest.self)
        let scopes = Array(Set(input.scopes)).sorted()
        guard !scopes.isEmpty, scopes.allSatisfy(ApiScope.all.contains) else {
            throw Problem.invalid("scopes must name at least one of \(ApiScope.all.sorted().joined(separator: ", ")).", field: "scopes")
        }
        let rate = input.requestsPerMinute ?? 60
        guard (1...1_000).contains(rate) else {
            throw Problem.invalid("requests_per_minute must be 1 to 1000.", field: "requests_per_minute")
        }
        guard input.expiresAt.map({ $0 > clock.now }) ?? true else { throw Problem.invalid("expires_at must lie ahead.", field: "expires_at") }
        let new = ApiKeys.New(
            name: try AccountRoutes.words(input.name, field: "name"), scopes: scopes, expiresAt: input.expiresAt, requestsPerMinute: rate)
        guard let created = try await keys.create(new, by: identity, audit: { context.audit($0, targets: $1, metadata: $2) }) else {
            throw Problem.unprocessable(
                kind: "too_many_keys", title: "A company has at most \(ApiKeys.limit) keys.", detail: "Take one back that nobody uses.")
        }
        return try .json(CreatedAnswer(key: created.key, secret: created.secret.text), status: .created, headers: [.cacheControl: "no-store"])
    }
}
