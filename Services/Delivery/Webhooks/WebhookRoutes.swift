import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import OutgoingHTTP

/// A tenant's webhooks; for its admins.
struct WebhookRoutes {
    private static let prefix = "/api/v1/webhooks"

    let webhooks: Webhooks
    let reach: OutgoingReach
    let idempotency: IdempotencyKeys

    private struct CreateRequest: Codable {
        let url: String
        let description: String?
        let types: [String]
        let workspace: WorkspaceID?
    }

    private struct ChangeRequest: Codable {
        let url: String?
        let description: String?
        let types: [String]?
        let state: String?
    }

    /// With its secret, for whoever had it made.
    private struct Created: Encodable {
        let webhook: WebhookEndpoint
        let secret: String
    }

    /// What is kept under an Idempotency-Key: whoever repeats a request is shown the secret again, but it lies nowhere in clear.
    private struct Reference: Codable {
        let id: WebhookID
    }

    private struct TypeAnswer: Encodable {
        let name: String
        let summary: String
    }

    func add(to router: Router<AppContext>) {
        let group = router.group(RouterPath(Self.prefix))
        group.post { request, context in try await create(request, context) }
        group.get { _, context in
            let all = try await webhooks.list(for: try context.requireWebhookReader())
            return try Response.json(Page(all, limit: max(1, all.count)) { $0.id })
        }
        group.get("event-types") { _, context in
            _ = try context.requireWebhookReader()
            let all = WebhookType.allCases.map { TypeAnswer(name: $0.rawValue, summary: $0.summary) }
            return try Response.json(Page(all, limit: all.count) { $0.name })
        }
        group.get("{id}") { _, context in
            let identity = try context.requireWebhookReader()
            return try Response.json(try await webhooks.find(try context.identifier("id", as: WebhookID.self), for: identity))
        }
        group.patch("{id}") { request, context in try await change(request, context) }
        group.delete("{id}") { _, context in
            let identity = try context.require(atLeast: .admin)
            try await webhooks.delete(try context.identifier("id", as: WebhookID.self), by: identity, audit: audit(context))
            return Response.noContent
        }
        group.post("{id}/rotate-secret") { request, context in
            let identity = try context.require(atLeast: .admin)
            let id = try context.identifier("id", as: WebhookID.self)
            return try await withSecret(request, identity, body: Reference(id: id), status: .ok) {
                try await webhooks.rotate(id, by: identity, audit: audit(context))
                return id
            }
        }
        group.post("{id}/test") { _, context in
            let identity = try context.require(atLeast: .admin)
            return try Response.json(try await webhooks.test(try context.identifier("id", as: WebhookID.self), by: identity))
        }
        WebhookDeliveryRoutes(webhooks: webhooks).add(to: group)
    }

    private func create(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(CreateRequest.self)
        let new = Webhooks.New(
            workspace: input.workspace, url: try checked(url: input.url), description: try checked(description: input.description ?? ""),
            types: try checked(types: input.types))
        return try await withSecret(request, identity, body: input, status: .created) {
            try await webhooks.create(new, by: identity, audit: audit(context))
        }
    }

    private func change(_ request: Request, _ context: AppContext) async throws -> Response {
        let identity = try context.require(atLeast: .admin)
        let input = try await request.json(ChangeRequest.self)
        let state = try input.state.map { text throws(Problem) in
            guard let state = WebhookEndpoint.State(rawValue: text), state != .disabled else {
                throw Problem.invalid("state must be active or paused.", field: "state")
            }
            return state
        }
        let change = Webhooks.Change(
            url: try input.url.map(checked(url:)), description: try input.description.map(checked(description:)),
            types: try input.types.map(checked(types:)), state: state)
        return try Response.json(
            try await webhooks.update(try context.identifier("id", as: WebhookID.self), change, by: identity, audit: audit(context)))
    }

    /// Answers with the endpoint and its newest secret; the work is done once an Idempotency-Key.
    private func withSecret(
        _ request: Request, _ identity: Identity, body: some Encodable, status: HTTPResponse.Status, _ work: () async throws -> WebhookID
    ) async throws -> Response {
        let stored = try await idempotency.once(request, as: identity, body: body) {
            try Response.json(Reference(id: try await work()), status: status)
        }
        guard stored.status == status else { return stored }
        let id = try WireJSON.decoder().decode(Reference.self, from: try await Self.bytes(of: stored)).id
        let answer = Created(webhook: try await webhooks.find(id, for: identity), secret: try await webhooks.secret(of: id, for: identity))
        return try Response.json(answer, status: status)
    }

    private static func bytes(of response: Response) async throws -> Data {
        struct Writer: ResponseBodyWriter {
            let yield: @Sendable (ByteBuffer) -> Void

            mutating func write(_ buffer: ByteBuffer) async throws { yield(buffer) }
            consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
        }
        let (parts, collected) = AsyncStream.makeStream(of: ByteBuffer.self)
        try await response.body.write(Writer { collected.yield($0) })
        collected.finish()
        return await parts.reduce(into: Data()) { $0.append(contentsOf: $1.readableBytesView) }
    }

    private func audit(_ context: AppContext) -> Webhooks.Audit {
        { action, target, metadata in context.audit(action, targets: [target], metadata: metadata) }
    }

    // MARK: - Checks

    private func checked(url: String) throws(Problem) -> OutgoingAddress {
        do throws(OutgoingError) {
            return try OutgoingAddress(url, reach: reach)
        } catch {
            throw Problem.invalid("url: \(error.message)", field: "url")
        }
    }

    private func checked(description: String) throws(Problem) -> String {
        let text = description.trimmingCharacters(in: .whitespacesAndNewlines)
        guard text.count <= 200, !text.contains(where: \.isNewline) else {
            throw Problem.invalid("description must have at most 200 characters in one line.", field: "description")
        }
        return text
    }

    /// In a fixed order and each once; or `*` by itself.
    private func checked(types: [String]) throws(Problem) -> [String] {
        if types == [WebhookType.everything] { return types }
        let known = WebhookType.allCases.map(\.rawValue)
        let wanted = Set(types)
        guard !wanted.isEmpty, wanted.isSubset(of: known) else {
            let unknown = wanted.subtracting(known).sorted().first.map { "\($0.prefix(64)) is not a type. " } ?? ""
            throw Problem(
                .badRequest, kind: "invalid_request", title: "The request is not valid.",
                detail: "\(unknown)types must name some of the known types, or only \"*\" for all.",
                extensions: ["field": .text("types"), "known": .list(known.map(ProblemValue.text))])
        }
        return known.filter(wanted.contains)
    }
}

extension AppContext {
    /// Who may see which addresses hear of the company's mail: its owners and admins, and its keys with a scope for Delivery, without which Auth lets
    /// none come here. Only people change them.
    func requireWebhookReader() throws(Problem) -> Identity {
        let identity = try requireIdentity()
        return identity.apiKey == nil ? try require(atLeast: .admin) : identity
    }
}
