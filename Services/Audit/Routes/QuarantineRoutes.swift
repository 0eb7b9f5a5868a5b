import Contracts
import Foundation
import HTTP
import Hummingbird

/// What could not be taken into the trail: a company sees how much of it is its own and why, the operator's people try it again.
struct QuarantineRoutes {
    private static let mostRedriven = 1_000

    let quarantine: Quarantine
    let reads: ReadLog

    private struct CompanyAnswer: Encodable {
        let count: Int
        let data: [QuarantinedEvent]
        let page: Page<QuarantinedEvent>.Links
    }

    private struct RedriveRequest: Decodable {
        let source: ServiceName?
        let type: String?
        let tenant: TenantID?
        /// `next` of the answer before.
        let after: EventID?
        let limit: Int?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/quarantine") { request, context in
            let identity = try context.requireTrailReader()
            let page = try PageRequest(request)
            let found = try await quarantine.list(of: identity.tenant, before: try page.after(EventID.self), limit: page.limit + 1)
            try await reads.read("quarantine", TrailSearch(), by: identity, context)
            let events = Page(found.events, limit: page.limit) { $0.id }
            return try Response.json(CompanyAnswer(count: found.count, data: events.data, page: events.page))
        }
        let platform = router.group(RouterPath("\(PlatformTrailRoutes.prefix)/quarantine"))
        platform.get { request, context in
            _ = try context.require(staff: .ops)
            let page = try PageRequest(request)
            let found = try await quarantine.list(before: try page.after(EventID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        platform.post("redrive") { request, context in try await redriveMany(request, context) }
        platform.post("{id}/redrive") { _, context in
            let identity = try context.require(staff: .ops)
            guard let id = context.parameters.get("id").flatMap({ EventID($0) }) else { throw Problem.notFound("event in quarantine") }
            let audit = context.audit("quarantined_event.redrive", targets: [.init(type: "event", id: id.description)])
            try await quarantine.redrive(id, by: identity, audit: audit)
            return Response.noContent
        }
    }

    private func redriveMany(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(staff: .ops)
        let input = try await request.json(RedriveRequest.self)
        let limit = input.limit ?? Self.mostRedriven
        guard (1...Self.mostRedriven).contains(limit) else {
            throw Problem.invalid("limit must be a number from 1 to \(Self.mostRedriven).", field: "limit")
        }
        if let type = input.type {
            guard (1...200).contains(type.utf8.count) else { throw Problem.invalid("type takes 1 to 200 characters.", field: "type") }
        }
        let redriven = try await quarantine.redrive(
            Quarantine.Choice(source: input.source, type: input.type, tenant: input.tenant, after: input.after, limit: limit), by: identity,
            audit: context.audit("quarantine.redrive", targets: [.init(type: "quarantine", id: "audit")]))
        return try Response.json(redriven)
    }
}
