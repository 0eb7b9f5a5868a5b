import Contracts
import HTTP
import HTTPTypes
import Hummingbird

/// Forgetting a lead everywhere, and how far that has come.
struct ErasureRoutes {
    let erasures: Erasures
    let idempotency: IdempotencyKeys

    struct EraseRequest: Codable {
        let reason: String?
        let ticket: String?
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/leads/{id}/erase") { request, context in try await erase(request, context) }
        router.get("/api/v1/leads/erasures") { request, context in
            let identity = try administrator(context)
            let page = try PageRequest(request)
            let found = try await ErasureStore.list(
                of: identity.tenant, before: try page.after(ErasureID.self), limit: page.limit + 1, in: erasures.api)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/leads/erasures/{id}") { _, context in
            let identity = try administrator(context)
            let id = try context.identifier("id", as: ErasureID.self)
            guard let erasure = try await ErasureStore.find(id, of: identity.tenant, in: erasures.api) else { throw Problem.notFound("erasure") }
            return try Response.json(erasure)
        }
    }

    private func erase(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try administrator(context)
        let lead = try context.identifier("id", as: LeadID.self)
        let input = try await request.json(EraseRequest.self)
        guard (input.reason ?? "").count <= 500 else { throw Problem.invalid("reason takes at most 500 characters.", field: "reason") }
        guard input.ticket.map(Self.isTicket) ?? true else {
            throw Problem.invalid("ticket takes 1 to 64 letters, digits and the characters - _ . # / and nothing else.", field: "ticket")
        }
        return try await idempotency.once(request, as: identity, body: input) {
            let erasure = try await erasures.request(lead, reason: input.reason, ticket: input.ticket, by: identity) {
                context.audit($0, targets: $1)
            }
            guard let erasure else { throw Problem.notFound("lead") }
            return try Response.json(erasure, status: .accepted)
        }
    }

    /// A lead is the company's, and is forgotten in all of its workspaces.
    private func administrator(_ context: AppContext) throws(Problem) -> Identity {
        let identity = try context.require(atLeast: .admin)
        guard identity.workspaces == nil else { throw Problem.forbidden("This needs access to all workspaces.") }
        return identity
    }

    /// The ticket is kept when the person is forgotten, so it cannot be a sentence or an address.
    static func isTicket(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                default: "-_.#/".utf8.contains(byte)
                }
            }
    }
}
