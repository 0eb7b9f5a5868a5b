import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Postgres

/// Who is in a campaign, why each was mailed or not, and taking one out.
struct EnrolmentRoutes {
    static let longestReason = 200

    let campaigns: Campaigns

    private struct StopRequest: Decodable {
        let reason: String?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/campaigns/{id}/enrolments") { request, context in try await list(request, context) }
        router.get("/api/v1/campaigns/{id}/enrolments/{enrolment}") { _, context in
            let campaign = try await find(context, atLeast: .viewer)
            let enrolment = try context.identifier("enrolment", as: EnrolmentID.self)
            guard let log = try await logs.read(.enrolment(enrolment), in: campaign, of: try context.requireIdentity().tenant) else {
                throw Problem.notFound("enrolment")
            }
            return try Response.json(log)
        }
        router.get("/api/v1/campaigns/{id}/leads/{lead}") { _, context in try await lead(context) }
        router.post("/api/v1/campaigns/{id}/enrolments/{enrolment}/stop") { request, context in try await stop(request, context) }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let campaign = try await find(context, atLeast: .viewer)
        let page = try PageRequest(request)
        var status: EnrolmentStatus?
        if let text = request.uri.queryParameters["status"] {
            status = EnrolmentStatus(rawValue: String(text))
            guard status != nil else {
                let known = EnrolmentStatus.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem.invalid("status must be one of \(known).", field: "status")
            }
        }
        let (asked, start) = (status, try page.after(EnrolmentPosition.self))
        guard start == nil || start?.status == asked?.rawValue else {
            throw Problem.invalid("The cursor is not one that this list gave.", field: "cursor")
        }
        let found = try await EnrolmentViewStore.list(
            of: campaign.id, tenant: try context.requireIdentity().tenant, status: asked, after: start?.after, limit: page.limit + 1,
            in: campaigns.database)
        return try Response.json(Page(found, limit: page.limit) { EnrolmentPosition($0, listedBy: asked) })
    }

    /// Of a lead that is not in the campaign too: then the log says why. Whoever may use only some workspaces finds only the leads of those.
    private func lead(_ context: AppContext) async throws -> Response {
        let campaign = try await find(context, atLeast: .viewer)
        let identity = try context.requireIdentity()
        let lead = try context.identifier("lead", as: LeadID.self)
        let log = try await logs.read(.lead(lead), in: campaign, of: identity.tenant)
        guard let log else { throw Problem.notFound("lead") }
        if log.enrolment == nil, let visible = identity.workspaces {
            let found = try await LeadStore.find(lead, of: identity.tenant, visibleIn: visible, in: campaigns.database)
            guard found != nil else { throw Problem.notFound("lead") }
        }
        return try Response.json(log)
    }

    private func stop(_ request: Request, _ context: AppContext) async throws -> Response {
        let campaign = try await find(context, atLeast: .member)
        let enrolment = try context.identifier("enrolment", as: EnrolmentID.self)
        // The reason is optional, and so is the body.
        let body = try await request.bytes(limit: 16 * 1_024)
        let reason = body.isEmpty ? nil : try request.decode(StopRequest.self, from: body).reason
        guard (reason ?? "").count <= Self.longestReason else {
            throw Problem.invalid("reason takes at most \(Self.longestReason) characters.", field: "reason")
        }
        let stopping = EnrolmentStopping(
            database: campaigns.database, delivery: campaigns.delivery, outbox: campaigns.outbox, clock: campaigns.clock, wakeup: campaigns.wakeup)
        let view = try await stopping.stop(
            enrolment, in: campaign, reason: reason.flatMap { $0.isEmpty ? nil : $0 }, by: try context.requireIdentity(),
            audit: { context.audit($0, targets: $1) })
        return try Response.json(view)
    }

    private var logs: EnrolmentLogs {
        EnrolmentLogs(database: campaigns.database, delivery: campaigns.delivery, clock: campaigns.clock)
    }

    private func find(_ context: AppContext, atLeast role: Role) async throws -> Campaign {
        try await CampaignFinder(database: campaigns.database).find(context, atLeast: role)
    }
}
