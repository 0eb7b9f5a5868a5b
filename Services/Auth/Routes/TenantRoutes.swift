import Contracts
import HTTP
import HTTPTypes
import Hummingbird

/// The company one works in, and further ones.
struct TenantRoutes {
    let tenants: Tenants
    let guardian: SessionGuard

    private struct NameRequest: Decodable {
        let name: String
    }

    private struct TenantAnswer: Encodable {
        let id: TenantID
        let name: String
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/tenants") { request, context in try await found(request, context) }
        router.get("/api/v1/tenants/current") { request, context in
            _ = try context.requireIdentity()
            let session = try await guardian.session(of: request)
            return try Response.json(TenantAnswer(id: session.tenant, name: session.tenantName))
        }
        router.patch("/api/v1/tenants/current") { request, context in
            let identity = try context.require(atLeast: .admin)
            let name = try AccountRoutes.words(try await request.json(NameRequest.self).name, field: "name")
            try await tenants.rename(to: name, by: identity) { context.audit($0, targets: $1, changes: $2) }
            return try Response.json(TenantAnswer(id: identity.tenant, name: name))
        }
    }

    /// Another company of the same person; the session stays where it is until it switches.
    private func found(_ request: Request, _ context: AppContext) async throws -> Response {
        _ = try context.requireIdentity()
        let session = try await guardian.session(of: request)
        guard session.isVerified else { throw Problem.forbidden("Confirm your address first.") }
        let name = try AccountRoutes.words(try await request.json(NameRequest.self).name, field: "name")
        guard let tenant = try await tenants.found(name, by: session, audit: { context.audit($0, targets: $1, changes: $2) }) else {
            throw Problem.unprocessable(
                kind: "too_many_companies", title: "One person may own \(Tenants.maximumOwned) companies.",
                detail: "Give one of them another owner first.")
        }
        return try .json(TenantAnswer(id: tenant, name: name), status: .created)
    }
}
