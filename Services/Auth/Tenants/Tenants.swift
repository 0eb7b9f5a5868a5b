import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Founding further companies, and renaming one.
struct Tenants: Sendable {
    /// How many companies one person may own: each begins a trial.
    static let maximumOwned = 10

    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target], [AuditRecord.Change]) -> AuditRecord

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions

    init(house: House, sessions: Sessions) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        self.sessions = sessions
    }

    /// Makes a company with the session's person as owner; nil when they own as many as anybody may.
    func found(_ name: String, by session: Session, audit: Audit) async throws -> TenantID? {
        let now = clock.now
        let tenant = TenantID(.v7(at: now))
        let event = try PendingEvent(
            AuthEvents.TenantCreated(tenant: tenant, name: name), at: now, tenant: tenant,
            aggregate: Aggregate(kind: "tenant", id: tenant.description, version: 1), actor: .user(session.user, name: session.name),
            audit: audit("tenant.create", [.init(type: "tenant", id: tenant.description, name: name)], []))
        let isMade = try await database.transaction { transaction in
            guard try await TenantStore.owned(by: session.user, in: transaction) < Self.maximumOwned else { return false }
            try await TenantStore.insert(tenant, name: name, at: now, in: transaction)
            try await MemberStore.add(
                session.user, email: session.email, to: tenant, as: .owner, workspaces: nil, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return isMade ? tenant : nil
    }

    func rename(to name: String, by identity: Identity, audit: Audit) async throws {
        let now = clock.now
        let changed = try await database.transaction { transaction in
            guard let before = try await TenantStore.rename(identity.tenant, to: name, at: now, in: transaction), before != name else { return false }
            let event = try PendingEvent(
                AuthEvents.TenantRenamed(tenant: identity.tenant, company: name), at: now, tenant: identity.tenant, actor: identity.actor,
                audit: audit(
                    "tenant.rename", [.init(type: "tenant", id: identity.tenant.description, name: name)],
                    [.init(path: "name", before: before, after: name)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        // Sessions carry the company's name.
        if changed { await sessions.announceRevocation() }
    }
}
