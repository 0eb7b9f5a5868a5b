import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// A tenant's own trail, for its owners and admins, its keys, and for support with a stated reason.
struct TrailRoutes {
    let searcher: TrailSearcher
    let views: TrailViews
    let tail: TrailTail
    let reads: ReadLog
    let idempotency: IdempotencyKeys

    private struct ViewRequest: Codable {
        let name: String
        let q: String
        let order: TrailSearch.Order?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/audit/events") { request, context in try await list(request, context) }
        router.get("/api/v1/audit/events/{id}") { _, context in
            let identity = try context.requireTrailReader()
            let id = try context.identifier("id", as: EventID.self)
            guard let event = try await searcher.event(id, of: identity.tenant) else { throw Problem.notFound("event") }
            // Of support the company sees which one it was; its own people find it in what they searched for.
            try await reads.read(identity.support == nil ? "event" : "event \(id)", TrailSearch(), by: identity, context)
            return try Response.json(event)
        }
        router.get("/api/v1/audit/facets") { request, context in
            let identity = try context.requireTrailReader()
            let search = try TrailSearch(request, without: [.order])
            let facets = try await searcher.facets(of: identity.tenant, search)
            try await reads.read("facets", search, by: identity, context)
            return try Response.json(facets)
        }
        router.get("/api/v1/audit/tail") { request, context in try await follow(request, context) }
        addViews(router.group("/api/v1/audit/views"))
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireTrailReader()
        let search = try TrailSearch(request)
        let limit = try PageRequest(request).limit
        let position = request.uri.queryParameters["cursor"].map(String.init)
        let page = try await searcher.page(of: identity.tenant, search, at: position, limit: limit)
        try await reads.read("events", search, by: identity, context)
        return try Response.json(page)
    }

    private func follow(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireTrailReader()
        // Nobody could say when its key is taken back.
        guard identity.apiKey == nil else {
            throw Problem.forbidden("A key reads GET /api/v1/audit/events with order=seq, and goes on where page.next leads.")
        }
        let search = try TrailSearch(request, without: [.span, .order])
        var start: Int64?
        if let text = request.headers[.lastSeenEvent] {
            guard let seq = Int64(text), seq >= 0 else {
                throw Problem.invalid("Last-Event-ID must be the id of an event that this stream sent.", field: "Last-Event-ID")
            }
            start = seq
        }
        let response = try await tail.stream(search, after: start, for: identity)
        try await reads.read("tail", search, by: identity, context)
        return response
    }

    private func addViews(_ routes: RouterGroup<AppContext>) {
        routes.get { _, context in
            let identity = try context.requireTrailReader()
            let all = try await views.list(of: identity.tenant)
            // Nothing of the trail itself, so the company's own people leave no entry.
            if identity.support != nil { try await reads.read("views", TrailSearch(), by: identity, context) }
            return try Response.json(Page(all, limit: max(1, all.count)) { $0.id })
        }
        routes.post { request, context in
            let identity = try context.require(atLeast: .admin)
            let input = try await request.json(ViewRequest.self)
            let name = input.name.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...100).contains(name.count), name.utf8.count <= 400 else {
                throw Problem.invalid("name must have 1 to 100 characters.", field: "name")
            }
            let query = try TrailSearch.query(input.q)
            return try await idempotency.once(request, as: identity, body: input) {
                let view = try await views.keep(
                    name, query, order: input.order ?? .occurred, by: identity,
                    audit: context.audit("audit_view.create", targets: []))
                return try Response.json(view, status: .created)
            }
        }
        routes.delete("{id}") { _, context in
            let identity = try context.require(atLeast: .admin)
            let id = try context.identifier("id", as: TrailViewID.self, called: "view")
            let audit = context.audit("audit_view.delete", targets: [.init(type: "audit_view", id: id.description)])
            guard try await views.delete(id, by: identity, audit: audit) else { throw Problem.notFound("view") }
            return Response.noContent
        }
    }
}

extension HTTPField.Name {
    /// The last event that a reader of a stream saw.
    static let lastSeenEvent = Self("Last-Event-ID")!
}
