import Contracts
import Foundation
import HTTP
import HTTPTypes
import OutgoingHTTP
import Postgres
import Primitives
import RPC
import Streams

/// Setting where a tenant is told what happens, trying it out, and sending again.
struct Webhooks: Sendable {
    typealias Audit = (_ action: String, AuditRecord.Target, _ metadata: [String: String]) -> AuditRecord

    struct New: Sendable {
        let workspace: WorkspaceID?
        let url: OutgoingAddress
        let description: String
        let types: [String]
    }

    /// What is nil stays as it is.
    struct Change: Sendable {
        let url: OutgoingAddress?
        let description: String?
        let types: [String]?
        let state: WebhookEndpoint.State?
    }

    /// Between two tries of one endpoint: they must not be a way of sending somebody many requests.
    private static let testPause: TimeInterval = 10

    let database: Database
    let auth: RPCClient
    let keyring: Keyring
    let sender: WebhookSender
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup

    // MARK: - Looking

    /// Those that the caller may see: whoever is limited to workspaces sees what is told of these alone.
    func list(for identity: Identity) async throws -> [WebhookEndpoint] {
        try await WebhookEndpointStore.list(of: identity.tenant, in: database).filter { Self.maySee($0.workspace, identity) }
    }

    func find(_ id: WebhookID, for identity: Identity) async throws -> WebhookEndpoint {
        let found = try await WebhookEndpointStore.find(id, of: identity.tenant, in: database)
        guard let found, Self.maySee(found.workspace, identity) else { throw Problem.notFound("webhook") }
        return found
    }

    /// The newest secret, for whoever has just had it made.
    func secret(of id: WebhookID, for identity: Identity) async throws -> String {
        guard let sealed = try await WebhookEndpointStore.secrets(of: id, identity.tenant, in: database),
            let secret = try sealed.open(id, of: identity.tenant, with: keyring, at: clock.now).first
        else { throw Problem.notFound("webhook") }
        return secret
    }

    func deliveries(
        _ filter: WebhookDeliveryStore.Filter, of id: WebhookID, for identity: Identity, before end: WebhookMessageID?, limit: Int
    ) async throws -> [WebhookDelivery] {
        _ = try await find(id, for: identity)
        return try await WebhookDeliveryStore.list(filter, of: id, identity.tenant, before: end, limit: limit, in: database)
    }

    func delivery(_ message: WebhookMessageID, of id: WebhookID, for identity: Identity) async throws -> WebhookDeliveryDetail {
        _ = try await find(id, for: identity)
        guard let detail = try await WebhookDeliveryStore.detail(message, of: id, identity.tenant, in: database) else {
            throw Problem.notFound("delivery")
        }
        return detail
    }

    // MARK: - Changing

    func create(_ new: New, by identity: Identity, audit: Audit) async throws -> WebhookID {
        guard Self.maySee(new.workspace, identity) else {
            throw new.workspace == nil
                ? Problem.invalid("You are limited to some workspaces: name one of them.", field: "workspace") : Problem.notFound("workspace")
        }
        if let workspace = new.workspace { try await requireWorkspace(workspace, of: identity.tenant) }
        let now = clock.now
        let endpoint = WebhookEndpoint(
            id: WebhookID(.v7(at: now)), workspace: new.workspace, url: new.url.text, description: new.description, types: new.types,
            state: .active, stateReason: nil, stateSince: now, failures: 0, previousSecretUntil: nil, createdAt: now, updatedAt: now)
        let sealed = try seal(WebhookSignature.makeSecret(), endpoint.id, identity.tenant)
        let event = try event("create", endpoint, by: identity, at: now, ["types": new.types.joined(separator: " ")], audit)
        try await database.transaction(as: identity.tenant) { transaction in
            guard try await WebhookEndpointStore.count(of: identity.tenant, in: transaction) < WebhookEndpoint.most else {
                throw Problem.unprocessable(
                    kind: "too_many_webhooks", title: "There are \(WebhookEndpoint.most) webhooks already.", detail: "Delete one of them first.")
            }
            try await WebhookEndpointStore.insert(endpoint, secretSealed: sealed, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return endpoint.id
    }

    func update(_ id: WebhookID, _ change: Change, by identity: Identity, audit: Audit) async throws -> WebhookEndpoint {
        let tenant = identity.tenant
        try await locked(id, for: identity) { transaction, known, now in
            var events: [PendingEvent] = []
            let (url, types) = (change.url?.text ?? known.url, change.types ?? known.types)
            let description = change.description ?? known.description
            if url != known.url || types != known.types || description != known.description {
                try await WebhookEndpointStore.update(id, url: url, description: description, types: types, of: tenant, at: now, in: transaction)
                let changed = [("url", url != known.url), ("types", types != known.types), ("description", description != known.description)]
                let fields = changed.filter(\.1).map(\.0).joined(separator: " ")
                events.append(try event("change", known, host: change.url?.host, by: identity, at: now, ["fields": fields], audit))
            }
            if let state = change.state, state != known.state {
                try await WebhookEndpointStore.set(state, of: id, tenant, at: now, in: transaction)
                events.append(try event(state == .active ? "resume" : "pause", known, by: identity, at: now, [:], audit))
            }
            return events
        }
        return try await find(id, for: identity)
    }

    /// What waited for it is sent to nobody; what is being sent at this moment still arrives.
    func delete(_ id: WebhookID, by identity: Identity, audit: Audit) async throws {
        try await locked(id, for: identity) { transaction, known, now in
            try await WebhookEndpointStore.delete(id, of: identity.tenant, at: now, in: transaction)
            return [try event("delete", known, by: identity, at: now, [:], audit)]
        }
    }

    func rotate(_ id: WebhookID, by identity: Identity, audit: Audit) async throws {
        let sealed = try seal(WebhookSignature.makeSecret(), id, identity.tenant)
        try await locked(id, for: identity) { transaction, known, now in
            try await WebhookEndpointStore.rotate(
                id, secretSealed: sealed, overlap: now.addingTimeInterval(WebhookSchedule.rotationOverlap), of: identity.tenant, at: now,
                in: transaction)
            return [try event("rotate", known, by: identity, at: now, [:], audit)]
        }
    }

    // MARK: - Sending

    /// Sends a message that says nothing, now; it is kept nowhere and counts for nothing.
    func test(_ id: WebhookID, by identity: Identity) async throws -> WebhookAttempt {
        let endpoint = try await find(id, for: identity)
        let (tenant, now) = (identity.tenant, clock.now)
        let since = now.addingTimeInterval(-Self.testPause)
        guard try await WebhookEndpointStore.claimTest(of: id, tenant, notSince: since, at: now, in: database) else {
            throw Problem(
                .tooManyRequests, kind: "too_many_tests", title: "It was tried less than \(Int(Self.testPause)) seconds ago.",
                headers: [.retryAfter: String(Int(Self.testPause))])
        }
        guard let secrets = try await WebhookEndpointStore.secrets(of: id, tenant, in: database) else { throw Problem.notFound("webhook") }
        let payload = WebhookPayload(testOf: endpoint, tenant: tenant, at: now)
        return try await sender.send(try payload.encoded(), of: payload.id, to: id, of: tenant, url: endpoint.url, secrets: secrets)
    }

    func replay(_ message: WebhookMessageID, of id: WebhookID, by identity: Identity, audit: Audit) async throws {
        _ = try await delivery(message, of: id, for: identity)
        try await locked(id, for: identity) { transaction, known, now in
            guard try await WebhookDeliveryStore.replay(message, of: id, identity.tenant, at: now, in: transaction) else {
                throw Problem.conflict(kind: "delivery_running", title: "It is being sent at this moment.")
            }
            return [try event("replay", known, by: identity, at: now, ["message": message.description], audit)]
        }
    }

    func replay(
        _ filter: WebhookDeliveryStore.Filter, after start: WebhookMessageID?, of id: WebhookID, by identity: Identity, audit: Audit
    ) async throws -> WebhookDeliveryStore.Replayed {
        var result = WebhookDeliveryStore.Replayed(replayed: 0, next: nil)
        try await locked(id, for: identity) { transaction, known, now in
            result = try await WebhookDeliveryStore.replay(filter, after: start, of: id, identity.tenant, at: now, in: transaction)
            guard result.replayed > 0 else { return [] }
            return [try event("replay", known, by: identity, at: now, ["count": "\(result.replayed)"], audit)]
        }
        return result
    }

    // MARK: - Parts

    static func target(_ id: WebhookID, host: String) -> AuditRecord.Target {
        // The host only: the rest of an address may hold a secret.
        .init(type: "webhook", id: id.description, name: host)
    }

    private static func maySee(_ workspace: WorkspaceID?, _ identity: Identity) -> Bool {
        identity.workspaces == nil || workspace.map { identity.mayUse($0) } ?? false
    }

    /// One change of an endpoint that the caller may see, under its lock, with what it tells.
    private func locked(
        _ id: WebhookID, for identity: Identity, _ work: (Transaction, WebhookEndpoint, Date) async throws -> [PendingEvent]
    ) async throws {
        let now = clock.now
        try await database.transaction(as: identity.tenant) { transaction in
            let known = try await WebhookEndpointStore.lock(id, of: identity.tenant, in: transaction)
            guard let known, Self.maySee(known.workspace, identity) else { throw Problem.notFound("webhook") }
            try await outbox.append(try await work(transaction, known, now), in: transaction)
        }
        outbox.wake()
        wakeup.signal()
    }

    private func event(
        _ change: String, _ endpoint: WebhookEndpoint, host: String? = nil, by identity: Identity, at now: Date, _ metadata: [String: String],
        _ audit: Audit
    ) throws -> PendingEvent {
        let target = Self.target(endpoint.id, host: host ?? URL(string: endpoint.url)?.host() ?? "")
        return try PendingEvent(
            DeliveryEvents.WebhookChanged(webhook: endpoint.id, change: change), at: now, tenant: identity.tenant, workspace: endpoint.workspace,
            actor: identity.actor, audit: audit("webhook.\(change)", target, metadata))
    }

    private func requireWorkspace(_ workspace: WorkspaceID, of tenant: TenantID) async throws {
        do throws(RPCError) {
            _ = try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }

    private func seal(_ secret: String, _ id: WebhookID, _ tenant: TenantID) throws -> String {
        try keyring.seal(Data(secret.utf8), for: WebhookEndpoint.place(id, of: tenant))
    }
}
