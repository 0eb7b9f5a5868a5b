import Contracts
import HTTP
import Hummingbird

/// A tenant's mail whose fate is unknown, and what shall become of such mail.
struct SendRoutes {
    let ambiguous: AmbiguousSends

    private struct SettleRequest: Codable {
        let `as`: AmbiguousSends.Settlement
    }

    private struct Settings: Codable {
        let ambiguous: AmbiguousSends.Policy
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/sends/ambiguous") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let filter = AmbiguousSends.Filter(mailbox: try Self.wanted("mailbox", in: request), campaign: try Self.wanted("campaign", in: request))
            let found = try await ambiguous.list(of: identity, filter, after: try page.after(SendID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/sends/{id}/settle") { request, context in
            let identity = try context.require(atLeast: .member)
            let send = try context.identifier("id", as: SendID.self)
            let settlement = try await request.json(SettleRequest.self).as
            let record = context.audit(
                "send.settle", targets: [.init(type: "send", id: send.description)], metadata: ["as": settlement.rawValue])
            guard try await ambiguous.settle(send, as: settlement, by: identity, audit: record) else { throw Problem.notFound("send") }
            return Response.noContent
        }
        router.get("/api/v1/sends/settings") { _, context in
            let identity = try context.requireIdentity()
            return try Response.json(Settings(ambiguous: try await ambiguous.policy(of: identity.tenant)))
        }
        router.put("/api/v1/sends/settings") { request, context in
            let identity = try context.require(atLeast: .admin)
            let settings = try await request.json(Settings.self)
            let record = context.audit(
                "delivery_settings.change", targets: [.init(type: "tenant", id: identity.tenant.description)],
                changes: [.init(path: "ambiguous", before: nil, after: settings.ambiguous.rawValue)])
            try await ambiguous.set(settings.ambiguous, by: identity, audit: record)
            return try Response.json(settings)
        }
    }

    private static func wanted<Kind>(_ name: String, in request: Request) throws(Problem) -> EntityID<Kind>? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let id = EntityID<Kind>(String(text)) else { throw Problem.invalid("\(name) must be an id.", field: name) }
        return id
    }
}
