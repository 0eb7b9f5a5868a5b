import Contracts
import Foundation
import HTTP
import Hummingbird

/// The operator's people at work on accounts. Support finds people and ends their sessions; suspending is for super_admin.
struct PlatformRoutes {
    let platform: PlatformAdministration

    private struct ReasonRequest: Decodable {
        let reason: String

        /// The reason, or a 400: one that says nothing is none.
        func checked() throws(Problem) -> String {
            let trimmed = reason.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (10...500).contains(trimmed.count) else { throw Problem.invalid("reason must have 10 to 500 characters.", field: "reason") }
            return trimmed
        }
    }

    private struct FeatureRequest: Decodable {
        let enabled: Bool
    }

    func add(to router: Router<AppContext>) {
        addUsers(router.group("/api/v1/platform/admin/users"))
        addTenants(router.group("/api/v1/platform/admin/tenants"))
        router.get("/api/v1/tenants/current/features") { _, context in
            try Response.json(["features": try await platform.features(of: try context.requireIdentity().tenant)])
        }
    }

    private func addUsers(_ users: RouterGroup<AppContext>) {
        users.get { request, context in
            _ = try context.require(staff: .support, .ops)
            let page = try PageRequest(request)
            let list = try await platform.users(startingWith: Self.prefix(request), after: try page.after(UserID.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        users.get("{id}") { _, context in
            _ = try context.require(staff: .support, .ops)
            guard let user = try await platform.user(try context.identifier("id", as: UserID.self)) else { throw Problem.notFound("user") }
            return try Response.json(user)
        }
        users.post("{id}/suspend") { request, context in
            let staff = try context.require(staff: .superAdmin)
            let reason = try await request.json(ReasonRequest.self).checked()
            return try await done(to: "user") {
                try await platform.suspend(try context.identifier("id", as: UserID.self), reason: reason, by: staff, audit: audit(context))
            }
        }
        users.post("{id}/resume") { _, context in
            let staff = try context.require(staff: .superAdmin)
            return try await done(to: "user") {
                try await platform.resume(try context.identifier("id", as: UserID.self), by: staff, audit: audit(context))
            }
        }
        users.post("{id}/revoke-sessions") { request, context in
            let staff = try context.require(staff: .support)
            let reason = try await request.json(ReasonRequest.self).checked()
            return try await done(to: "user") {
                try await platform.revokeSessions(of: try context.identifier("id", as: UserID.self), reason: reason, by: staff, audit: audit(context))
            }
        }
        users.post("{id}/force-reset") { request, context in
            let staff = try context.require(staff: .support)
            let reason = try await request.json(ReasonRequest.self).checked()
            return try await done(to: "user") {
                try await platform.forceReset(of: try context.identifier("id", as: UserID.self), reason: reason, by: staff, audit: audit(context))
            }
        }
    }

    private func addTenants(_ tenants: RouterGroup<AppContext>) {
        tenants.get { request, context in
            _ = try context.require(staff: .support, .ops, .finance)
            let page = try PageRequest(request)
            let list = try await platform.tenants(startingWith: Self.prefix(request), after: try page.after(TenantID.self), limit: page.limit + 1)
            return try Response.json(Page(list, limit: page.limit) { $0.id })
        }
        tenants.get("{id}") { _, context in
            _ = try context.require(staff: .support, .ops, .finance)
            guard let tenant = try await platform.tenant(try context.identifier("id", as: TenantID.self)) else { throw Problem.notFound("company") }
            return try Response.json(tenant)
        }
        tenants.get("{id}/members") { request, context in
            // People's addresses are nothing that finance needs.
            _ = try context.require(staff: .support, .ops)
            let page = try PageRequest(request)
            let tenant = try context.identifier("id", as: TenantID.self)
            let start = try page.after(Member.Place.self)
            guard let list = try await platform.members(of: tenant, after: start, limit: page.limit + 1) else { throw Problem.notFound("company") }
            return try Response.json(Page(list, limit: page.limit) { $0.place })
        }
        tenants.post("{id}/suspend") { request, context in
            let staff = try context.require(staff: .superAdmin)
            let reason = try await request.json(ReasonRequest.self).checked()
            return try await done(to: "company") {
                try await platform.suspend(try context.identifier("id", as: TenantID.self), reason: reason, by: staff, audit: audit(context))
            }
        }
        tenants.post("{id}/resume") { _, context in
            let staff = try context.require(staff: .superAdmin)
            return try await done(to: "company") {
                try await platform.resume(try context.identifier("id", as: TenantID.self), by: staff, audit: audit(context))
            }
        }
        tenants.get("{id}/features") { _, context in
            _ = try context.require(staff: .support, .ops)
            let tenant = try context.identifier("id", as: TenantID.self)
            guard try await platform.tenant(tenant) != nil else { throw Problem.notFound("company") }
            return try Response.json(["features": try await platform.features(of: tenant)])
        }
        tenants.put("{id}/features/{name}") { request, context in
            let staff = try context.require(staff: .ops)
            guard let name = context.parameters.get("name"), name.wholeMatch(of: /[a-z][a-z0-9_]{0,63}/) != nil else {
                throw Problem.invalid("A feature's name has 1 to 64 lower-case letters, digits and underscores.", field: "name")
            }
            let enabled = try await request.json(FeatureRequest.self).enabled
            return try await done(to: "company") {
                try await platform.setFeature(
                    name, isEnabled: enabled, of: try context.identifier("id", as: TenantID.self), by: staff, audit: audit(context))
            }
        }
    }

    private func done(to noun: String, _ work: () async throws -> Void) async throws -> Response {
        do {
            try await work()
        } catch PlatformAdministration.Refusal.notFound {
            throw Problem.notFound(noun)
        } catch PlatformAdministration.Refusal.isStaff {
            throw Problem.conflict(
                kind: "is_staff", title: "This person is one of the operator's people.", detail: "Take them off the staff first.")
        }
        return Response.noContent
    }

    /// What the address or the name begins with; everybody without it.
    private static func prefix(_ request: Request) -> String {
        String((request.uri.queryParameters["q"].map(String.init) ?? "").prefix(200))
    }

    private func audit(_ context: AppContext) -> PlatformAdministration.Audit {
        { context.audit($0, targets: $1, metadata: $2) }
    }
}
