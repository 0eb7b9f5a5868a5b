import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Reading and setting a company's policy.
struct TenantPolicies: Sendable {
    private let api: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions

    init(house: House, sessions: Sessions) {
        api = house.api
        outbox = house.outbox
        clock = house.clock
        self.sessions = sessions
    }

    func read(of tenant: TenantID) async throws -> TenantPolicy {
        try await TenantPolicyStore.find(tenant, in: api) ?? .standard
    }

    /// Counts at once: sessions that are too old for it have ended.
    func set(_ new: TenantPolicy, by identity: Identity, audit: @Sendable ([AuditRecord.Change]) -> AuditRecord) async throws {
        let now = clock.now
        try await api.transaction(as: identity.tenant) { transaction in
            let old = try await TenantPolicyStore.set(new, of: identity.tenant, at: now, in: transaction) ?? .standard
            guard new != old else { return }
            let event = try PendingEvent(
                AuthEvents.PolicyChanged(tenant: identity.tenant), at: now, tenant: identity.tenant, actor: identity.actor,
                audit: audit(new.changes(from: old)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        await sessions.announceRevocation()
    }
}
