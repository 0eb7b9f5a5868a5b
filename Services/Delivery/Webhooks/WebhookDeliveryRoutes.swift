import Contracts
import Foundation
import HTTP
import Hummingbird

/// How what was told to one webhook fared, and sending it again; for the tenant's admins.
struct WebhookDeliveryRoutes {
    let webhooks: Webhooks

    private struct ReplayRequest: Codable {
        let since: Date
        let until: Date?
        /// `failed`, the default, `delivered` or `all`.
        let state: String?
        let type: String?
        let after: WebhookMessageID?
    }

    func add(to group: RouterGroup<AppContext>) {
        group.get("{id}/deliveries") { request, context in try await list(request, context) }
        group.get("{id}/deliveries/{message}") { _, context in
            let identity = try context.requireWebhookReader()
            let message = try context.identifier("message", as: WebhookMessageID.self, called: "delivery")
            return try Response.json(
                try await webhooks.delivery(message, of: try context.identifier("id", as: WebhookID.self), for: identity))
        }
        group.post("{id}/deliveries/{message}/replay") { _, context in
            let identity = try context.require(atLeast: .admin)
            let message = try context.identifier("message", as: WebhookMessageID.self, called: "delivery")
            try await webhooks.replay(message, of: try context.identifier("id", as: WebhookID.self), by: identity, audit: audit(context))
            return Response(status: .accepted)
        }
        group.post("{id}/replay") { request, context in try await replay(request, context) }
    }

    private func list(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.requireWebhookReader()
        let page = try PageRequest(request)
        let parameters = request.uri.queryParameters
        let filter = WebhookDeliveryStore.Filter(
            states: try parameters["state"].map { [try state(String($0))] }, type: try parameters["type"].map { try type(String($0)) },
            since: try instant("since", parameters["since"].map(String.init)), until: try instant("until", parameters["until"].map(String.init)))
        let found = try await webhooks.deliveries(
            filter, of: try context.identifier("id", as: WebhookID.self), for: identity, before: try page.after(WebhookMessageID.self),
            limit: page.limit + 1)
        return try Response.json(Page(found, limit: page.limit) { $0.message })
    }

    private func replay(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(ReplayRequest.self)
        let states: [WebhookDelivery.State]
        switch input.state ?? "failed" {
        case "failed": states = [.failed]
        case "delivered": states = [.delivered]
        case "all": states = [.failed, .delivered]
        default: throw Problem.invalid("state must be failed, delivered or all.", field: "state")
        }
        let filter = WebhookDeliveryStore.Filter(
            states: states, type: try input.type.map { try type($0) }, since: input.since, until: input.until)
        let result = try await webhooks.replay(
            filter, after: input.after, of: try context.identifier("id", as: WebhookID.self), by: identity, audit: audit(context))
        return try Response.json(result, status: .accepted)
    }

    private func state(_ text: String) throws(Problem) -> WebhookDelivery.State {
        guard let state = WebhookDelivery.State(rawValue: text) else {
            let known = WebhookDelivery.State.allCases.map(\.rawValue).joined(separator: ", ")
            throw Problem.invalid("state must be one of \(known).", field: "state")
        }
        return state
    }

    private func type(_ text: String) throws(Problem) -> String {
        guard WebhookType(rawValue: text) != nil else { throw Problem.invalid("type must be the name of an event type.", field: "type") }
        return text
    }

    private func instant(_ field: String, _ text: String?) throws(Problem) -> Date? {
        guard let text else { return nil }
        guard let instant = WireJSON.parse(text) else { throw Problem.invalid("\(field) must be an ISO 8601 instant.", field: field) }
        return instant
    }

    private func audit(_ context: AppContext) -> Webhooks.Audit {
        { action, target, metadata in context.audit(action, targets: [target], metadata: metadata) }
    }
}
