import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams

/// Adding, checking and removing domains.
struct Domains: Sendable {
    typealias Audit = @Sendable (AuditRecord.Target) -> AuditRecord

    /// Between two checks that somebody asks for.
    static let politePause: TimeInterval = 10

    let store: DomainStore
    let database: Database
    let checks: DomainChecks
    let auth: RPCClient
    let plan: PlanPlaces
    let outbox: Outbox
    let clock: WallClock
    let idempotency: IdempotencyKeys

    struct New: Sendable {
        let workspace: WorkspaceID
        let name: String
        let selectors: [String]
    }

    /// Stores the domain under a place of the plan, and checks it for the first time; others may have it too, until somebody proves it.
    func add(_ new: New, by identity: Identity, audit: Audit) async throws -> SendingDomain {
        try await requireWorkspace(new.workspace, of: identity.tenant)
        let now = clock.now
        let domain = SendingDomain(
            id: DomainID(.v7(at: now)), workspace: new.workspace, name: new.name, token: randomBytes(20).base64URL, selectors: new.selectors,
            standing: DomainStanding(), report: DomainReport(), version: 1, createdAt: now, nextCheckAt: now.addingTimeInterval(60))
        let event = try event(domain, state: "pending", version: 1, by: identity, audit, at: now)
        try await plan.holding(.domains, key: domain.id.description, of: identity.tenant) {
            try await database.transaction(as: identity.tenant) { transaction in
                guard try await DomainStore.insert(domain, of: identity.tenant, in: transaction) else {
                    throw Problem.conflict(kind: "domain_exists", title: "The domain was added before.")
                }
                try await outbox.append([event], in: transaction)
            }
        }
        outbox.wake()
        return try await checks.check(domain, of: identity.tenant, actor: identity.actor) ?? domain
    }

    func find(_ id: DomainID, for identity: Identity) async throws -> SendingDomain {
        guard let domain = try await store.find(id, of: identity.tenant), identity.mayUse(domain.workspace) else { throw Problem.notFound("domain") }
        return domain
    }

    /// Looks at once, unless somebody has just done so.
    func check(_ id: DomainID, by identity: Identity) async throws -> SendingDomain {
        let domain = try await find(id, for: identity)
        let now = clock.now
        guard try await store.ask(id, of: identity.tenant, since: now.addingTimeInterval(-Self.politePause), at: now) else {
            let seconds = String(Int(Self.politePause))
            throw Problem(
                .tooManyRequests, kind: "too_many_checks", title: "The domain has just been checked.",
                detail: "DNS does not change that fast; try again in \(seconds) seconds.", headers: [.retryAfter: seconds])
        }
        guard let checked = try await checks.check(domain, of: identity.tenant, actor: identity.actor) else { throw Problem.notFound("domain") }
        return checked
    }

    /// Under which names the mail provider keeps its keys; looked at soon.
    func set(selectors: [String], of id: DomainID, by identity: Identity, audit: Audit) async throws -> SendingDomain {
        let domain = try await find(id, for: identity)
        let now = clock.now
        try await database.transaction(as: identity.tenant) { transaction in
            guard try await DomainStore.set(selectors: selectors, of: id, identity.tenant, in: transaction) else { throw Problem.notFound("domain") }
            try await DomainStore.checkSoon(domain.name, of: identity.tenant, at: now, in: transaction)
            guard let changed = try await DomainStore.lock(id, of: identity.tenant, in: transaction) else { throw Problem.notFound("domain") }
            try await outbox.append(
                [try event(changed, state: changed.standing.state.rawValue, version: changed.version, by: identity, audit, at: now)], in: transaction)
        }
        outbox.wake()
        return try await find(id, for: identity)
    }

    /// Its place under the plan's limit, and the domain itself, are free for others.
    func remove(_ id: DomainID, by identity: Identity, audit: Audit) async throws {
        let domain = try await find(id, for: identity)
        let now = clock.now
        try await database.transaction(as: identity.tenant) { transaction in
            guard let known = try await DomainStore.lock(id, of: identity.tenant, in: transaction),
                try await DomainStore.delete(id, of: identity.tenant, in: transaction)
            else { throw Problem.notFound("domain") }
            var gone = known
            gone.standing = DomainStanding()
            try await outbox.append(
                [try event(gone, state: "removed", version: known.version + 1, by: identity, audit, at: now)], in: transaction)
        }
        outbox.wake()
        // Keys that outlive a death here are found by whoever removes the domain again; they sign only what is the company's own.
        try await checks.keys.withdraw(identity.tenant, domain.name)
        await plan.release(.domains, key: domain.id.description, of: identity.tenant)
    }

    private func event(
        _ domain: SendingDomain, state: String, version: Int64, by identity: Identity, _ audit: Audit, at now: Date
    ) throws -> PendingEvent {
        try PendingEvent(
            DeliveryEvents.DomainChanged(
                domain: domain.id, name: domain.name, state: state, isAuthenticated: domain.standing.isAuthenticated, reasons: []),
            at: now, tenant: identity.tenant, workspace: domain.workspace,
            aggregate: Aggregate(kind: "domain", id: domain.id.description, version: version), actor: identity.actor,
            audit: audit(.init(type: "domain", id: domain.id.description, name: domain.name)))
    }

    private func requireWorkspace(_ workspace: WorkspaceID, of tenant: TenantID) async throws {
        do throws(RPCError) {
            _ = try await auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: workspace))
        } catch {
            guard error.kind == "workspace_not_found" else { throw error }
            throw Problem.unprocessable(kind: "workspace_not_found", title: "There is no such workspace.")
        }
    }
}
