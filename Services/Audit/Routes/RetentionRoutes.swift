import Contracts
import Foundation
import HTTP
import Hummingbird
import Primitives

/// How long a company's trail is kept, and the holds that keep it longer.
struct RetentionRoutes {
    let holds: LegalHolds
    let idempotency: IdempotencyKeys

    private struct RetentionAnswer: Encodable {
        let retention: RetentionClass
        let days: Int
        let visibleFrom: Date
    }

    struct PlaceRequest: Codable {
        let reason: String
        let from: Date?
        let to: Date?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/retention") { _, context in
            let identity = try Self.company(context, atLeast: .admin)
            let window = try await RetentionWindow.read(of: identity.tenant, at: holds.clock.now, in: holds.api)
            return try Response.json(
                RetentionAnswer(retention: window.plan, days: window.plan.days, visibleFrom: window.visibleFrom))
        }
        router.get("/api/v1/audit/holds") { request, context in
            let identity = try Self.company(context, atLeast: .admin)
            let page = try PageRequest(request)
            let found = try await LegalHoldStore.list(
                of: identity.tenant, before: try page.after(LegalHoldID.self), limit: page.limit + 1, in: holds.api)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/audit/holds") { request, context in try await place(request, context) }
        router.delete("/api/v1/audit/holds/{id}") { _, context in
            let identity = try Self.company(context, atLeast: .owner)
            let id = try context.identifier("id", as: LegalHoldID.self, called: "active hold")
            try await holds.release(
                id, by: identity, audit: context.audit("legal_hold.release", targets: [.init(type: "legal_hold", id: id.description)]))
            return Response.noContent
        }
    }

    private func place(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try Self.company(context, atLeast: .owner)
        let input = try await request.json(PlaceRequest.self)
        let reason = input.reason.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (10...500).contains(reason.unicodeScalars.count) else {
            throw Problem.invalid("reason must have 10 to 500 characters.", field: "reason")
        }
        for (field, bound) in [("from", input.from), ("to", input.to)] {
            if let bound, !(0..<253_402_214_400).contains(bound.timeIntervalSince1970) {
                throw Problem.invalid("\(field) must be an instant from 1970 to 9999.", field: field)
            }
        }
        if let from = input.from, let to = input.to, from >= to { throw Problem.invalid("to must be after from.", field: "to") }
        return try await idempotency.once(request, as: identity, body: input) {
            let hold = try await holds.place(
                reason, from: input.from, to: input.to, by: identity,
                audit: context.audit("legal_hold.place", targets: [], metadata: ["reason": reason]))
            return try Response.json(hold, status: .created)
        }
    }

    /// Somebody of the company itself: support reads, and settles nothing.
    private static func company(_ context: AppContext, atLeast role: Role) throws(Problem) -> Identity {
        let identity = try context.require(atLeast: role)
        guard identity.support == nil else { throw Problem.forbidden("Support may only read the trail.") }
        return identity
    }
}
