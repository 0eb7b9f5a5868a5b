import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// Leads: one by one, and many at once.
struct LeadRoutes {
    let leads: Leads
    let bulk: LeadBulkRunner
    let idempotency: IdempotencyKeys
    let workspaces: WorkspaceCheck

    struct CreateRequest: Codable {
        let workspace: WorkspaceID
        let email: String
        let firstName: String?
        let lastName: String?
        let company: String?
        let custom: [String: CustomValue]?
        let timeZone: String?
        let tags: [String]?
        let list: ListID?
    }

    struct BulkRequest: Codable {
        let workspace: WorkspaceID
        /// Either these or a filter.
        let leads: [LeadID]?
        let filter: LeadFilter?
        let action: LeadBulk.Action
        let value: LeadBulk.Value?
    }

    /// A lead and where it is, as far as the caller may know.
    private struct Answer: Encodable {
        let lead: Lead
        let workspaces: [WorkspaceID]
        let lists: [ListID]

        private enum CodingKeys: String, CodingKey {
            case workspaces
            case lists
        }

        func encode(to encoder: any Encoder) throws {
            try lead.encode(to: encoder)
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(workspaces, forKey: .workspaces)
            try container.encode(lists, forKey: .lists)
        }
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/leads") { request, context in try await list(request, context) }
        router.post("/api/v1/leads") { request, context in try await create(request, context) }
        router.post("/api/v1/leads/bulk") { request, context in try await changeMany(request, context) }
        router.get("/api/v1/leads/{id}") { _, context in
            let lead = try await find(context)
            return try await answer(lead, context)
        }
        router.patch("/api/v1/leads/{id}") { request, context in try await change(request, context) }
        router.delete("/api/v1/leads/{id}") { request, context in try await delete(request, context) }
        router.get("/api/v1/leads/{id}/activity") { request, context in try await activity(request, context) }
    }

    /// Those that are in no workspace: only by their own identifiers could anybody else come to them.
    private func listUnattached(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .viewer)
        guard identity.workspaces == nil else { throw Problem.forbidden("Leads without a workspace need access to all workspaces.") }
        for name in ["q", "tag", "status", "list", "sort", "count"] where request.uri.queryParameters[name[...]] != nil {
            throw Problem.invalid("Leads without a workspace are listed whole, the newest first: leave out \(name).", field: name)
        }
        let page = try PageRequest(request)
        let found = try await LeadStore.listUnattached(
            of: identity.tenant, after: try page.after(LeadID.self), limit: page.limit + 1, in: leads.database)
        return try Response.json(Page(found, limit: page.limit) { $0.id })
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        if request.uri.queryParameters["workspace"] == "none" { return try await listUnattached(request, context) }
        let query = try LeadQuery(request)
        let identity = try context.require(atLeast: .viewer, in: query.workspace)
        guard let order = LeadOrder(rawValue: request.uri.queryParameters["sort"].map { String($0) } ?? "created") else {
            throw Problem.invalid("sort must be created or email.", field: "sort")
        }
        let page = try PageRequest(request)
        let position = try page.after(LeadPosition.self)
        guard position?.belongs(to: order) ?? true else { throw Problem.invalid("The cursor is one of another order.", field: "cursor") }
        let asksCount = request.uri.queryParameters["count"]
        guard asksCount == nil || asksCount == "true" || asksCount == "false" else {
            throw Problem.invalid("count must be true or false.", field: "count")
        }
        let found = try await LeadStore.list(
            query.filter, of: identity.tenant, workspace: query.workspace, order: order, after: position, limit: page.limit + 1, in: leads.database)
        var counted: Int?
        if asksCount == "true" {
            counted = try await LeadStore.count(
                query.filter, of: identity.tenant, workspace: query.workspace, upTo: LeadListing.mostCounted + 1, in: leads.database)
        }
        return try Response.json(LeadListing(Page(found, limit: page.limit) { LeadPosition($0, in: order) }, found: counted))
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(CreateRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let draft = try LeadDraft(
            email: input.email, firstName: input.firstName, lastName: input.lastName, company: input.company, custom: input.custom ?? [:],
            timeZone: input.timeZone, tags: input.tags ?? [])
        return try await idempotency.once(request, as: identity, body: input) {
            try await workspaces.require(input.workspace, of: identity.tenant)
            let arrival = try await leads.create(draft, in: input.workspace, list: input.list, by: LeadActor(identity, context))
            return try await answer(arrival.lead, context, status: arrival.isNew ? .created : .ok)
        }
    }

    private func changeMany(_ request: Request, _ context: AppContext) async throws -> Response {
        let input = try await request.json(BulkRequest.self)
        let identity = try context.require(atLeast: .member, in: input.workspace)
        let selection: LeadBulkRunner.Selection
        switch (input.leads, input.filter) {
        case (.some(let named), nil):
            guard (1...LeadBulkRunner.mostNamed).contains(named.count) else {
                throw Problem.invalid("leads must have 1 to \(LeadBulkRunner.mostNamed) identifiers.", field: "leads")
            }
            selection = .leads(named)
        case (nil, .some(let filter)):
            try LeadQuery.check(filter)
            selection = .filter(filter)
        default: throw Problem.invalid("Give either leads or filter.", field: "leads")
        }
        let fields = try await CustomFieldStore.list(of: identity.tenant, in: leads.database)
        let change = try LeadBulk(input.action, input.value, fields: fields)
        return try await idempotency.once(request, as: identity, body: input) {
            try Response.json(
                try await bulk.run(input.action, change, on: selection, in: input.workspace, by: LeadActor(identity, context)))
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let id = try context.identifier("id", as: LeadID.self)
        let expected = try Revision.required(by: request)
        let patch = try await request.json(LeadPatch.self)
        try patch.checkWorkspaces()
        for workspace in patch.addWorkspaces + patch.removeWorkspaces {
            guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
        }
        for workspace in patch.addWorkspaces { try await workspaces.require(workspace, of: identity.tenant) }
        return try await answer(try await leads.change(id, patch, expecting: expected, by: LeadActor(identity, context)), context)
    }

    private func delete(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .member)
        let id = try context.identifier("id", as: LeadID.self)
        let expected = try Revision.required(by: request)
        let actor = LeadActor(identity, context)
        guard let text = request.uri.queryParameters["workspace"] else {
            try await leads.delete(id, expecting: expected, by: actor)
            return .noContent
        }
        guard let workspace = WorkspaceID(text) else { throw Problem.invalid("workspace must name a workspace.", field: "workspace") }
        guard identity.mayUse(workspace) else { throw Problem.notFound("workspace") }
        try await leads.remove(id, from: workspace, expecting: expected, by: actor)
        return .noContent
    }

    private func activity(_ request: Request, _ context: AppContext) async throws -> Response {
        let lead = try await find(context)
        let identity = try context.requireIdentity()
        let page = try PageRequest(request)
        let entries = try await LeadTimeline.read(
            .init(lead: lead.id, tenant: identity.tenant, workspaces: identity.workspaces), before: try page.after(LeadTimeline.Position.self),
            limit: page.limit + 1, in: leads.database)
        return try Response.json(Page(entries, limit: page.limit) { LeadTimeline.Position(at: $0.at, id: $0.id) })
    }

    private func find(_ context: AppContext) async throws -> Lead {
        let identity = try context.requireIdentity()
        let id = try context.identifier("id", as: LeadID.self)
        let lead = try await LeadStore.find(id, of: identity.tenant, visibleIn: identity.workspaces, in: leads.database)
        guard let lead else { throw Problem.notFound("lead") }
        return lead
    }

    private func answer(_ lead: Lead, _ context: AppContext, status: HTTPResponse.Status = .ok) async throws -> Response {
        let identity = try context.requireIdentity()
        let places = try await LeadMembershipStore.workspaces(of: lead.id, tenant: identity.tenant, in: leads.database).filter(identity.mayUse)
        let lists = try await LeadMembershipStore.lists(of: lead.id, in: places, tenant: identity.tenant, in: leads.database)
        return try Response.json(
            Answer(lead: lead, workspaces: places, lists: lists), status: status, headers: Revision(lead.revision).header)
    }
}
