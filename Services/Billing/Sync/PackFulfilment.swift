import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Gives a tenant the mails that it paid for, once a payment.
struct PackFulfilment: Sendable {
    struct Payment: Sendable, Equatable {
        /// Stripe's id of it.
        let id: String
        let pack: String
        let amount: Int64
        let currency: String
        /// What was charged for it, and given back since: news of that may have come before the payment was booked.
        var charge: StripeCharge?
    }

    let announcer: AccessAnnouncer
    let outbox: Outbox
    let clock: WallClock

    /// In the caller's transaction; how often it is told makes no difference. Throws ``SubscriptionSync/UnknownTenant``.
    func book(_ payment: Payment, of tenant: TenantID, cause: SyncCause, in transaction: Transaction) async throws {
        let now = clock.now
        guard try await GrantStore.lockSubscription(of: tenant, in: transaction) else { throw SubscriptionSync.UnknownTenant() }
        let bought = try await PackStore.book(
            payment.pack, payment: payment.id, amount: payment.amount, currency: payment.currency.uppercased(), of: tenant, at: now,
            in: transaction)
        // Opens the period that runs now and gives it the mails; where none runs, they wait for the next.
        try await announcer.settle(tenant, cause: cause, in: transaction)
        guard let bought else { return }
        let event = try PendingEvent(
            BillingEvents.PackBought(pack: bought.pack, mails: bought.mails, payment: bought.payment), at: now, tenant: tenant,
            actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(
                action: "pack.buy", targets: [.init(type: "payment", id: bought.payment)],
                metadata: cause.metadata.merging(["pack": bought.pack, "mails": String(bought.mails)]) { $1 }))
        try await outbox.append([event], in: transaction)
        if let charge = payment.charge { try await refund(charge, of: tenant, cause: cause, in: transaction) }
    }

    /// Takes mails back with their money, in the caller's transaction.
    func refund(_ charge: StripeCharge, of tenant: TenantID, cause: SyncCause, in transaction: Transaction) async throws {
        guard let refunded = charge.amountRefunded, refunded > 0 else { return }
        let now = clock.now
        try await announcer.settle(tenant, cause: cause, in: transaction)
        let isPack =
            if let payment = charge.paymentIntent {
                try await PackStore.refund(payment: payment, refunded: refunded, of: tenant, at: now, in: transaction)
            } else {
                false
            }
        let event = try PendingEvent(
            BillingEvents.PaymentNoted(what: "refunded", object: charge.id), at: now, tenant: tenant, actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(
                action: "payment.refund", targets: [.init(type: "charge", id: charge.id)],
                metadata: cause.metadata.merging([
                    "amount": String(refunded), "currency": charge.currency.uppercased(), "pack": isPack ? "yes" : "no",
                ]) { $1 }))
        try await outbox.append([event], in: transaction)
    }
}
