import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Making a company's own account at Stripe, and leading its people through Stripe's form.
///
/// The account is the merchant: it charges its own clients directly, pays Stripe's fees and answers for disputes, and its owner has Stripe's whole
/// dashboard; the platform takes an application fee. So `controller` says fees: account, losses: stripe, requirements: stripe, dashboard: full.
struct ConnectAccounts: Sendable {
    let stripe: StripeClient
    let refresher: ConnectRefresher
    let attempts: StripeAttempts
    /// Row-level security holds.
    let api: Database
    let worker: Database
    let outbox: Outbox
    let clock: WallClock
    /// The gateway's address as people see it, without a slash at its end.
    let home: String

    static let controller: StripeValue = [
        "fees": ["payer": "account"], "losses": ["payments": "stripe"], "requirement_collection": "stripe", "stripe_dashboard": ["type": "full"],
    ]

    func find(_ tenant: TenantID) async throws -> ConnectAccount? {
        try await ConnectStore.find(tenant, in: api)
    }

    /// The tenant's account: made once, however often and by however many it is asked for; the country is that of the first.
    func create(
        country: String, for tenant: TenantID, by actor: EventActor, record: @Sendable (AuditRecord.Target) -> AuditRecord
    ) async throws -> ConnectAccount {
        if let known = try await find(tenant), known.state.deauthorizedAt == nil { return known }
        try await attempts.once("connect-account", of: tenant) { key in
            // Whoever made it while we waited for our turn has written it down before.
            if let known = try await ConnectStore.find(tenant, in: worker), known.state.deauthorizedAt == nil { return }
            let made = try await stripe.write(
                StripeAccount.self, "/v1/accounts",
                [
                    "country": .text(country), "controller": Self.controller, "metadata": ["tenant": .text(tenant.description)],
                    "capabilities": ["card_payments": ["requested": true], "transfers": ["requested": true]],
                ], key: key, for: tenant)
            try await store(made, for: tenant, by: actor, record: record)
        }
        guard let account = try await find(tenant) else { throw Problem.unavailable() }
        return account
    }

    private func store(
        _ made: StripeAccount, for tenant: TenantID, by actor: EventActor, record: @Sendable (AuditRecord.Target) -> AuditRecord
    ) async throws {
        let now = clock.now
        try await worker.transaction { transaction in
            guard try await ConnectStore.insert(made.id, country: made.country, of: tenant, at: now, in: transaction) else { return }
            let state = ConnectAccount.State(made)
            // What Stripe told of it before its row was there goes on.
            try await transaction.query("update stripe_events set next_at = \(now) where account = \(made.id) and state = 'parked'")
            try await ConnectStore.write(state, of: made.id, at: now, in: transaction)
            let event = try PendingEvent(
                BillingEvents.ConnectAccountChanged(
                    account: made.id, chargesEnabled: state.chargesEnabled, payoutsEnabled: state.payoutsEnabled), at: now, tenant: tenant,
                actor: actor, audit: record(.init(type: "connect_account", id: made.id)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    /// An address of Stripe's form, good once and for minutes. Coming back from it proves nothing: the status does.
    func onboardingLink(
        for account: ConnectAccount, by identity: Identity, record: (AuditRecord.Target) -> AuditRecord
    ) async throws -> StripeAccountLink {
        let link = try await stripe.write(
            StripeAccountLink.self, "/v1/account_links",
            [
                "account": .text(account.account), "type": "account_onboarding",
                "return_url": .text("\(home)/dashboard/settings/billing?connect=return"),
                "refresh_url": .text("\(home)/dashboard/settings/billing?connect=refresh"),
            ],
            // Each link is used up by opening it, so there is nothing to repeat.
            key: "connect-link:\(UUID.v7(at: clock.now).text)", for: identity.tenant)
        let event = try PendingEvent(
            BillingEvents.ConnectOnboardingOpened(account: account.account), at: clock.now, tenant: identity.tenant, actor: identity.actor,
            audit: record(.init(type: "connect_account", id: account.account)))
        try await worker.transaction { try await outbox.append([event], in: $0) }
        outbox.wake()
        return link
    }

    /// What is known, at once; an account that was not read for a while is read again meanwhile, so that the next look knows more.
    func status(of tenant: TenantID) async throws -> ConnectAccount? {
        guard let known = try await find(tenant) else { return nil }
        if stripe.isConfigured { refresher.ask(for: known) }
        return known
    }
}
