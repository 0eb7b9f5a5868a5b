import Contracts
import HTTP
import Hummingbird

/// A tenant's mail whose fate is unknown, and what shall become of such mail.
struct SendRoutes {
    let ambiguous: AmbiguousSends

    private struct SettleRequest: Codable {
        let `as`: AmbiguousSends.Settlement
    }

    private struct SettleManyRequest: Codable {
        let campaign: CampaignID?
        let mailbox: MailboxID?
        let workspace: WorkspaceID?
        let `as`: AmbiguousSends.Settlement
    }

    private struct Settings: Codable {
        let ambiguous: AmbiguousSends.Policy
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/sends/ambiguous") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let filter = AmbiguousSends.Filter(
                workspaces: try context.workspaces(askedBy: request), campaign: try Self.identifier("campaign", of: request),
                mailbox: try Self.identifier("mailbox", of: request))
            let found = try await ambiguous.list(filter, of: identity, after: try page.after(SendID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        router.post("/api/v1/sends/ambiguous/settle") { request, context in try await settleMany(request, context) }
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

    private func settleMany(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let input = try await request.json(SettleManyRequest.self)
        let named: [(type: String, id: String)] =
            [("campaign", input.campaign?.description), ("mailbox", input.mailbox?.description), ("workspace", input.workspace?.description)]
            .compactMap { type, id in id.map { (type: type, id: $0) } }
        guard !named.isEmpty else { throw Problem.invalid("Name the campaign, the mailbox or the workspace whose mail it is.", field: "campaign") }
        if let workspace = input.workspace { _ = try context.require(atLeast: .member, in: workspace) }
        let filter = AmbiguousSends.Filter(
            workspaces: input.workspace.map { [$0] } ?? identity.workspaces, campaign: input.campaign, mailbox: input.mailbox)
        let settled = try await ambiguous.settle(filter, as: input.as, by: identity) { metadata in
            context.audit("send.settle_many", targets: named.map { .init(type: $0.type, id: $0.id) }, metadata: metadata)
        }
        return try Response.json(settled)
    }

    /// Nil when the parameter is not there.
    private static func identifier<Kind>(_ name: String, of request: Request) throws(Problem) -> EntityID<Kind>? {
        guard let text = request.uri.queryParameters[name[...]] else { return nil }
        guard let identifier = EntityID<Kind>(text) else { throw Problem.invalid("\(name) must be a UUID.", field: name) }
        return identifier
    }
}
