import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres

/// The trail as the operator's people see it: super_admin any company's, support the one that a support session names. Each request is an entry
/// of the trail that it reads.
struct PlatformTrailRoutes {
    static let prefix = "/api/v1/platform/admin/audit-events"
    private static let furthest = 10_000

    let searcher: TrailSearcher
    let users: UserTrails
    let reads: ReadLog

    /// The documented form of a user's trail.
    private struct UserTrail: Encodable {
        struct Pagination: Encodable {
            let total: Int
            let limit: Int
            let offset: Int
        }

        var success = true
        let data: [TrailEvent]
        let pagination: Pagination
    }

    func add(to router: Router<AppContext>) {
        router.get(RouterPath(Self.prefix)) { request, context in try await list(request, context) }
        router.get("/api/v1/platform/admin/users/{id}/audit-trail") { request, context in try await userTrail(request, context) }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try Self.staff(context)
        guard let tenant = try Self.tenant(request, identity) else {
            throw Problem.invalid("tenant takes the id of a company, or platform for what belongs to none.", field: "tenant")
        }
        let search = try TrailSearch(request)
        let limit = try PageRequest(request).limit
        let position = request.uri.queryParameters["cursor"].map(String.init)
        let page = try await searcher.page(of: tenant, search, at: position, limit: limit)
        try await reads.staff("events", search: search.description, of: tenant, by: identity, context)
        return try Response.json(page)
    }

    private func userTrail(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try Self.staff(context)
        let user = try context.identifier("id", as: UserID.self)
        let limit = try Self.number("limit", in: 1...100, request) ?? 50
        let offset = try Self.number("offset", in: 0...Self.furthest, request) ?? 0
        let search = try Self.search(for: user, request)
        var tenant = try Self.tenant(request, identity)
        if tenant == nil { tenant = try await users.tenant(of: user) }
        guard let tenant else {
            // Nobody has written anything of this user, so there is no trail to read; that somebody asked, the platform's own trail keeps.
            try await reads.staff("user_trail", search: search.description, of: Trail.platform, by: identity, context)
            return try Self.answer([], total: 0, limit: limit, offset: offset)
        }
        let found = try await searcher.list(of: tenant, search, offset: offset, limit: limit)
        try await reads.staff("user_trail", search: search.description, of: tenant, by: identity, context)
        return try Self.answer(found.events, total: found.total.value, limit: limit, offset: offset)
    }

    private static func answer(_ events: [TrailEvent], total: Int, limit: Int, offset: Int) throws -> Response {
        try Response.json(UserTrail(data: events, pagination: .init(total: total, limit: limit, offset: offset)))
    }

    // MARK: - Who may read what

    private static func staff(_ context: AppContext) throws(Problem) -> Identity {
        let identity = try context.requireIdentity()
        if identity.support != nil, identity.staff != nil { return identity }
        if identity.staff == .support {
            throw Problem.forbidden("Begin a support session for this company and send its id as X-Support-Session.")
        }
        return try context.require(staff: .superAdmin)
    }

    /// The company that is read: the support session's, or the one that is named.
    private static func tenant(_ request: Request, _ identity: Identity) throws(Problem) -> TenantID? {
        let text = request.uri.queryParameters["tenant"].map(String.init)
        var named: TenantID?
        if let text {
            named = text == "platform" ? Trail.platform : TenantID(text)
            if named == nil { throw Problem.invalid("tenant takes the id of a company, or platform for what belongs to none.", field: "tenant") }
        }
        guard identity.support != nil else { return named }
        guard named == nil || named == identity.tenant else { throw Problem.forbidden("The support session is about another company.") }
        return identity.tenant
    }

    // MARK: - The older form

    private static func search(for user: UserID, _ request: Request) throws(Problem) -> TrailSearch {
        var parameters = [TrailSearch.Parameter(field: .actor, value: user.description)]
        if let action = request.uri.queryParameters["action_type"].map(String.init) {
            guard TrailRules.isAction(action) else {
                throw Problem.invalid("action_type must be an action such as user.sign_in.", field: "action_type")
            }
            parameters.append(TrailSearch.Parameter(field: .action, value: action))
        }
        let span = SearchRange(from: try instant("start_time", request), to: try instant("end_time", request))
        return TrailSearch(parameters: parameters, span: span)
    }

    private static func instant(_ name: String, _ request: Request) throws(Problem) -> Date? {
        guard let text = request.uri.queryParameters[Substring(name)].map(String.init) else { return nil }
        guard let date = SearchValues.instant(text) else {
            throw Problem.invalid("\(name) must be an instant such as 2026-11-23T18:00:00Z.", field: name)
        }
        return date
    }

    private static func number(_ name: String, in range: ClosedRange<Int>, _ request: Request) throws(Problem) -> Int? {
        guard let text = request.uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem.invalid("\(name) must be a number from \(range.lowerBound) to \(range.upperBound).", field: name)
        }
        return number
    }
}

/// In which company's trail a user stands.
struct UserTrails: Sendable {
    /// Of the `_worker` role, which sees every company.
    let database: Database

    /// Nil when there is none; a 400 when there are several, since each company's trail is read for itself.
    func tenant(of user: UserID) async throws -> TenantID? {
        let tooSlow = Problem.invalid("Looking for the user in every trail takes too long: name the company as tenant.", field: "tenant")
        let rows = try await database.inTime(orElse: tooSlow) { transaction in
            try await transaction.query(
                """
                select h.tenant_id from trail_heads h where h.tenant_id <> \(Trail.platform) and exists (
                    select from trail_events e where e.tenant_id = h.tenant_id and e.actor_id = \(user.description))
                limit 2
                """)
        }
        guard rows.count <= 1 else {
            throw Problem.invalid("The user stands in the trails of several companies: name one as tenant.", field: "tenant")
        }
        return try rows.first?.decode("tenant_id")
    }
}
