import Contracts
import Foundation
import HTTP
import Hummingbird

/// Campaigns from draft to done.
struct CampaignRoutes {
    let campaigns: Campaigns
    let idempotency: IdempotencyKeys

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let name: String
        let template: TemplateID
        let mailbox: MailboxID
    }

    private struct PauseRequest: Decodable {
        let reason: String?
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/campaigns") { request, context in
            let input = try await request.json(CreateRequest.self)
            let identity = try context.require(atLeast: .member, in: input.workspace)
            guard (1...200).contains(input.name.count) else { throw Problem.invalid("name must have 1 to 200 characters.", field: "name") }
            return try await idempotency.once(request, as: identity, body: input) {
                let campaign = try await campaigns.create(
                    name: input.name, workspace: input.workspace, template: input.template, mailbox: input.mailbox, by: identity,
                    audit: { context.audit($0, targets: [$1]) })
                return try Response.json(campaign, status: .created)
            }
        }
        router.get("/api/v1/campaigns") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let list = try await CampaignStore.list(
                of: identity.tenant, after: try page.after(CampaignID.self), limit: page.limit + 1, in: campaigns.database)
            return try Response.json(Page(list.filter { identity.mayUse($0.workspace) }, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/campaigns/{id}") { _, context in try Response.json(try await find(context, atLeast: .viewer)) }
        router.get("/api/v1/campaigns/{id}/progress") { _, context in
            let campaign = try await find(context, atLeast: .viewer)
            guard let progress = try await CampaignProgress.read(campaign.id, of: try context.requireIdentity().tenant, in: campaigns.database)
            else { throw Problem.notFound("campaign") }
            return try Response.json(progress)
        }
        router.post("/api/v1/campaigns/{id}/launch") { _, context in
            let campaign = try await find(context, atLeast: .member)
            let launched = try await campaigns.launch(
                campaign, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) })
            return try Response.json(launched, status: .accepted)
        }
        router.post("/api/v1/campaigns/{id}/pause") { request, context in
            let campaign = try await find(context, atLeast: .member)
            let reason = try await request.json(PauseRequest.self).reason.map { String($0.prefix(200)) }
            return try Response.json(
                try await campaigns.set(
                    .paused, campaign, reason: reason, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) }))
        }
        router.post("/api/v1/campaigns/{id}/resume") { _, context in
            let campaign = try await find(context, atLeast: .member)
            return try Response.json(
                try await campaigns.set(
                    .active, campaign, reason: nil, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) }))
        }
    }

    private func find(_ context: AppContext, atLeast role: Role) async throws -> Campaign {
        let identity = try context.require(atLeast: role)
        let campaign = try await CampaignStore.find(
            try context.identifier("id", as: CampaignID.self), of: identity.tenant, in: campaigns.database)
        guard let campaign, identity.mayUse(campaign.workspace) else { throw Problem.notFound("campaign") }
        return campaign
    }
}
