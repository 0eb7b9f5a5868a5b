import Contracts
import Foundation
import HTTP
import HTTPTypes
import Logging
import Postgres
import Primitives
import Streams

/// What a person's request to Stripe goes through: the client, what is known of the tenant, and what is told of it afterwards.
struct TenantStripe: Sendable {
    typealias Audit =
        @Sendable (
            _ action: String, _ outcome: AuditRecord.Outcome, _ targets: [AuditRecord.Target], _ changes: [AuditRecord.Change],
            _ metadata: [String: String]
        ) -> AuditRecord

    let stripe: StripeClient
    let sync: SubscriptionSync
    /// Row-level security holds.
    let api: Database
    let worker: Database
    let outbox: Outbox
    let clock: WallClock
    let logger: Logger
    /// The gateway's address as people see it, without a slash at its end.
    let home: String

    var attempts: StripeAttempts { StripeAttempts(database: worker, clock: clock) }

    /// The problem 503 `stripe_not_configured` where there is no key.
    func requireConfigured() throws(Problem) {
        guard stripe.isConfigured else { throw Problem.stripeNotConfigured }
    }

    /// What the database says of the tenant's subscription; a 503 until its creation has been heard of.
    func current(_ tenant: TenantID) async throws -> CurrentSubscription {
        guard let current = try await CurrentSubscriptionStore.find(tenant, now: clock.now, in: api) else { throw Problem.unavailable() }
        return current
    }

    /// Reads again what was just changed, so that the next look is true; what was done stays done when that fails, and webhooks make up for it.
    func refresh(_ tenant: TenantID, by person: EventActor? = nil) async {
        do {
            try await sync.sync(tenant, cause: SyncCause(source: .request, person: person))
        } catch {
            logger.warning("the subscription could not be read again", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
        }
    }

    /// As ``refresh(_:by:)``, but throws where it could not be read: before what must not be done on old knowledge.
    func reread(_ tenant: TenantID) async throws {
        do {
            try await sync.sync(tenant, cause: SyncCause(source: .request))
        } catch is SubscriptionSync.Contended {
            throw StripeError(.unavailable, code: "contended", message: "Others read the subscription at the same time, every time.")
        }
    }

    /// Tells everyone what a person did.
    func tell(_ event: some Event, by identity: Identity, _ record: AuditRecord) async throws {
        let pending = try PendingEvent(event, at: clock.now, tenant: identity.tenant, actor: identity.actor, audit: record)
        try await worker.transaction { try await outbox.append([pending], in: $0) }
        outbox.wake()
    }
}

extension AppContext {
    /// Entries for the audit trail that say where the request came from.
    var billingAudit: TenantStripe.Audit {
        { audit($0, outcome: $1, targets: $2, changes: $3, metadata: $4) }
    }

    /// Who may see what the company pays: its owners and admins, and its keys with the scope `billing:read`.
    func requireBilling() throws(Problem) -> Identity {
        let identity = try requireIdentity()
        // Auth lets no key come here but for that scope, and then to read only, so a key's role says nothing.
        if identity.apiKey != nil { return identity }
        return try require(atLeast: .admin)
    }

    /// Who may open Stripe for the company: a confirmed address besides the role, since what follows costs money.
    func requirePaying() throws(Problem) -> Identity {
        let identity = try require(atLeast: .admin)
        guard identity.isVerified else {
            throw Problem(
                .forbidden, kind: "unverified", title: "Confirm your address first.", detail: "Whoever pays for a company has a confirmed address.")
        }
        return identity
    }
}
