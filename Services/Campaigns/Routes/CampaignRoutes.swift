import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Postgres

/// Campaigns from draft to done.
struct CampaignRoutes {
    let campaigns: Campaigns
    let idempotency: IdempotencyKeys

    private struct CreateRequest: Codable {
        let workspace: WorkspaceID
    }

    /// What a repeated request must be the same in.
    private struct CreateBody: Encodable {
        let workspace: WorkspaceID
        let draft: CampaignDraft
    }

    private struct ReasonRequest: Decodable {
        let reason: String?
    }

    private struct ChecksAnswer: Encodable {
        let mayLaunch: Bool
        let reasons: [LaunchReason]
        let warnings: [LaunchReason]
    }

    private static let limit = 256 * 1_024

    func add(to router: Router<AppContext>) {
        addReading(to: router)
        router.post("/api/v1/campaigns") { request, context in
            // Read once for both: the workspace does not change later and is no part of a change.
            let body = try await request.bytes(limit: Self.limit)
            let workspace = try request.decode(CreateRequest.self, from: body).workspace
            let draft = try request.decode(CampaignDraft.self, from: body)
            let identity = try context.require(atLeast: .member, in: workspace)
            return try await idempotency.once(request, as: identity, body: CreateBody(workspace: workspace, draft: draft)) {
                let campaign = try await campaigns.create(draft, in: workspace, by: identity, audit: { context.audit($0, targets: [$1]) })
                return try answer(campaign, status: .created)
            }
        }
        router.patch("/api/v1/campaigns/{id}") { request, context in
            _ = try context.require(atLeast: .member)
            let expected = try Revision.required(by: request)
            let draft = try await request.json(CampaignDraft.self, limit: Self.limit)
            let campaign = try await find(context, atLeast: .member)
            try Revision(campaign.revision).check(expected)
            return try answer(
                try await campaigns.edit(
                    campaign, draft, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) }))
        }
        router.delete("/api/v1/campaigns/{id}") { request, context in
            _ = try context.require(atLeast: .member)
            let expected = try Revision.required(by: request)
            let campaign = try await find(context, atLeast: .member)
            try Revision(campaign.revision).check(expected)
            try await campaigns.delete(campaign, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) })
            return Response(status: .noContent)
        }
        router.post("/api/v1/campaigns/{id}/launch") { _, context in
            let campaign = try await find(context, atLeast: .member)
            let launched = try await campaigns.launch(
                campaign, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) })
            return try answer(launched, status: .accepted)
        }
        addStatus("pause", to: .paused, on: router)
        addStatus("resume", to: .active, on: router)
        addStatus("stop", to: .completed, on: router)
        addStatus("archive", to: .archived, on: router)
        addStatus("unschedule", to: .draft, on: router)
    }

    private func addReading(to router: Router<AppContext>) {
        router.get("/api/v1/campaigns") { request, context in
            let identity = try context.requireIdentity()
            let page = try PageRequest(request)
            let status = try request.uri.queryParameters["status"].map { text in
                guard let status = CampaignStatus(rawValue: String(text)) else { throw Problem.invalid("There is no such status.", field: "status") }
                return status
            }
            let list = try await CampaignStore.list(
                of: identity.tenant, workspaces: try context.workspaces(askedBy: request), status: status,
                before: try page.after(CampaignID.self), limit: page.limit + 1, in: campaigns.database)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        router.get("/api/v1/campaigns/{id}") { _, context in try answer(try await find(context, atLeast: .viewer)) }
        router.get("/api/v1/campaigns/{id}/progress") { _, context in
            let campaign = try await find(context, atLeast: .viewer)
            guard let progress = try await CampaignProgress.read(campaign.id, of: try context.requireIdentity().tenant, in: campaigns.database)
            else { throw Problem.notFound("campaign") }
            return try Response.json(progress)
        }
        router.get("/api/v1/campaigns/{id}/checks") { _, context in
            let campaign = try await find(context, atLeast: .viewer)
            let facts = try await campaigns.checks.facts(of: campaign, by: try context.requireIdentity())
            return try Response.json(
                ChecksAnswer(mayLaunch: facts.refusals.isEmpty && campaign.status == .draft, reasons: facts.refusals, warnings: facts.warnings))
        }
    }

    private func addStatus(_ verb: String, to status: CampaignStatus, on router: Router<AppContext>) {
        router.post("/api/v1/campaigns/{id}/\(verb)") { request, context in
            let campaign = try await find(context, atLeast: .member)
            // The reason is optional, and so is the body.
            let body = try await request.bytes(limit: Self.limit)
            let reason = body.isEmpty ? nil : try request.decode(ReasonRequest.self, from: body).reason
            guard (reason ?? "").count <= EnrolmentRoutes.longestReason else {
                throw Problem.invalid("reason takes at most \(EnrolmentRoutes.longestReason) characters.", field: "reason")
            }
            return try answer(
                try await campaigns.set(
                    status, campaign, reason: reason, by: try context.requireIdentity(), audit: { context.audit($0, targets: [$1]) }))
        }
    }

    private func answer(_ campaign: Campaign, status: HTTPResponse.Status = .ok) throws -> Response {
        try Response.json(campaign, status: status, headers: Revision(campaign.revision).header)
    }

    private func find(_ context: AppContext, atLeast role: Role) async throws -> Campaign {
        try await CampaignFinder(database: campaigns.database).find(context, atLeast: role)
    }
}

/// The campaign that a request's path names, if the caller may see it.
struct CampaignFinder: Sendable {
    let database: Database

    /// A 404 problem for what is not there or not the caller's.
    func find(_ context: AppContext, atLeast role: Role) async throws -> Campaign {
        let identity = try context.require(atLeast: role)
        let campaign = try await CampaignStore.find(try context.identifier("id", as: CampaignID.self), of: identity.tenant, in: database)
        guard let campaign, identity.mayUse(campaign.workspace) else { throw Problem.notFound("campaign") }
        return campaign
    }
}
