import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives

/// Where the staff says what the public is told: incidents and announced work.
struct StatusAdminRoutes {
    let administration: StatusAdministration
    let idempotency: IdempotencyKeys

    private struct ResolveInput: Codable {
        let message: String
    }

    func add(to router: Router<AppContext>) {
        let status = router.group("/api/v1/platform/admin/status")
        addIncidents(to: status)
        addMaintenances(to: status)
    }

    private func addIncidents(to status: RouterGroup<AppContext>) {
        status.get("incidents") { request, context in
            _ = try context.require(staff: .ops, .support)
            let page = try PageRequest(request)
            let found = try await IncidentStore.page(
                before: try page.after(IncidentID.self), limit: page.limit + 1, in: administration.api)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        status.post("incidents") { request, context in
            let identity = try context.require(staff: .ops)
            let input = try await request.json(IncidentInput.self).checked()
            return try await idempotency.once(request, as: identity, body: input) {
                try Response.json(try await administration.open(input, as: act(context)), status: .created)
            }
        }
        status.get("incidents/{id}") { _, context in
            _ = try context.require(staff: .ops, .support)
            let id = try context.identifier("id", as: IncidentID.self)
            guard let incident = try await IncidentStore.incident(id, in: administration.api) else { throw Problem.notFound("incident") }
            return try Response.json(incident)
        }
        status.post("incidents/{id}/updates") { request, context in
            let identity = try context.require(staff: .ops)
            let input = try await request.json(IncidentUpdateInput.self).checked()
            return try await update(input, request, context, identity)
        }
        status.post("incidents/{id}/resolve") { request, context in
            let identity = try context.require(staff: .ops)
            let message = try await request.json(ResolveInput.self).message
            let input = try IncidentUpdateInput(state: .resolved, message: message, title: nil, impact: nil, components: nil).checked()
            return try await update(input, request, context, identity)
        }
    }

    private func update(
        _ input: IncidentUpdateInput, _ request: Request, _ context: AppContext, _ identity: Identity
    ) async throws -> Response {
        let id = try context.identifier("id", as: IncidentID.self)
        return try await idempotency.once(request, as: identity, body: input) {
            guard let incident = try await administration.update(id, input, as: act(context)) else { throw Problem.notFound("incident") }
            return try Response.json(incident)
        }
    }

    private func addMaintenances(to status: RouterGroup<AppContext>) {
        status.get("maintenances") { request, context in
            _ = try context.require(staff: .ops, .support)
            let page = try PageRequest(request)
            let found = try await IncidentStore.maintenances(
                before: try page.after(MaintenanceID.self), limit: page.limit + 1, in: administration.api)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        status.post("maintenances") { request, context in
            let identity = try context.require(staff: .ops)
            let input = try await request.json(MaintenanceInput.self).checked(now: administration.clock.now)
            return try await idempotency.once(request, as: identity, body: input) {
                try Response.json(try await administration.announce(input, as: act(context)), status: .created)
            }
        }
        status.post("maintenances/{id}/cancel") { _, context in
            _ = try context.require(staff: .ops)
            let id = try context.identifier("id", as: MaintenanceID.self, called: "maintenance that could still end")
            guard let maintenance = try await administration.cancel(id, as: act(context)) else {
                throw Problem.notFound("maintenance that could still end")
            }
            return try Response.json(maintenance)
        }
    }

    private func act(_ context: AppContext) -> StatusAdministration.Act {
        StatusAdministration.Act(actor: context.actor, trace: context.traceparent) { action, target, metadata in
            context.audit(action, targets: [target], metadata: metadata)
        }
    }
}
