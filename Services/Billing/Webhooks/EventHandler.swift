import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Gives one event its effect: reads the object again, and writes what follows in one commit with the event's end.
struct EventHandler: Sendable {
    let stripe: StripeClient
    let tenants: EventTenant
    let sync: SubscriptionSync
    let packs: PackFulfilment
    let connect: ConnectSync
    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Throws ``EventTenant/Nobody``, ``EventInbox/AlreadyHandled``, what Stripe answers, and what the database does.
    func handle(_ event: InboxEvent) async throws {
        let cause = SyncCause(source: .event, event: event.id)
        switch EventWork.of(event) {
        case .nothing: try await EventInbox.ignore(event, at: clock.now, in: database)
        case .subscriptions(let customer):
            let tenant = try await tenants.find(customer: customer, event: event)
            let isGone = try await event.type == "customer.deleted" ? tenants.isDeleted(customer) : false
            try await synchronise(tenant, event, cause) { transaction in
                if isGone { try await unlink(customer, tenant, cause, in: transaction) }
            }
        case .checkout(let session): try await checkout(session, event, cause)
        case .payment(let intent): try await payment(intent, event, cause)
        case .setup(let intent): try await setup(intent, event, cause)
        case .charge(let id):
            let charge = try await stripe.read(StripeCharge.self, "/v1/charges/\(id)")
            guard let tenant = try await owner(of: charge, event) else { return try await EventInbox.ignore(event, at: clock.now, in: database) }
            try await commit(event, tenant) { try await packs.refund(charge, of: tenant, cause: cause, in: $0) }
        case .dispute(let id): try await dispute(id, event, cause)
        case .account(let account):
            guard let tenant = try await connect.refresh(account: account, cause: event.type) else { throw EventTenant.Nobody.notLinked }
            try await commit(event, tenant) { transaction in
                guard event.type == "payout.failed", let payout = event.objectID else { return }
                try await note(
                    "payout_failed", "connect.payout_fail", .failure, .init(type: "payout", id: payout), tenant, cause, ["account": account],
                    in: transaction)
            }
        }
    }

    /// The subscription as it is now; a payment that failed is written down beside it.
    private func synchronise(
        _ tenant: TenantID, _ event: InboxEvent, _ cause: SyncCause, also: @escaping @Sendable (Transaction) async throws -> Void = { _ in }
    ) async throws {
        try await sync.sync(tenant, cause: cause) { transaction in
            if event.type == "invoice.payment_failed", let invoice = event.objectID {
                try await note("failed", "payment.fail", .failure, .init(type: "invoice", id: invoice), tenant, cause, in: transaction)
            }
            try await also(transaction)
            try await EventInbox.finish(event, of: tenant, at: clock.now, in: transaction)
        }
    }

    // MARK: - Payments

    private func checkout(_ id: String, _ event: InboxEvent, _ cause: SyncCause) async throws {
        let session = try await stripe.read(StripeCheckoutSession.self, "/v1/checkout/sessions/\(id)")
        let known = try await CheckoutResult.find(id, in: database)
        var named = session.metadata ?? [:]
        named["tenant"] = known?.tenant.description ?? named["tenant"] ?? session.clientReferenceId
        let tenant = try await tenants.find(customer: session.customer, named: named, event: event)
        let result = CheckoutResult.of(session, event: event.type)
        let close: @Sendable (Transaction) async throws -> Void = { transaction in
            if let result { try await CheckoutResult.close(id, as: result, of: tenant, in: transaction) }
        }
        guard session.mode == "payment", result == "completed" else { return try await synchronise(tenant, event, cause, also: close) }
        // Free of charge, there is no payment, and the visit stands for it.
        let payment: PackFulfilment.Payment? =
            if let pack = known?.pack ?? named["pack"] {
                PackFulfilment.Payment(
                    id: session.paymentIntent ?? session.id, pack: pack, amount: session.amountTotal ?? 0, currency: session.currency ?? "usd",
                    charge: try await charge(of: session))
            } else {
                nil
            }
        try await commit(event, tenant) { transaction in
            if let payment { try await packs.book(payment, of: tenant, cause: cause, in: transaction) }
            try await close(transaction)
        }
    }

    /// One that names no pack is an invoice's, of which its own events tell.
    private func payment(_ id: String, _ event: InboxEvent, _ cause: SyncCause) async throws {
        let intent = try await stripe.read(StripePaymentIntent.self, "/v1/payment_intents/\(id)")
        guard intent.status == "succeeded", let pack = intent.metadata?["pack"] else {
            return try await EventInbox.ignore(event, at: clock.now, in: database)
        }
        let tenant = try await tenants.find(customer: intent.customer, named: intent.metadata, event: event)
        let payment = PackFulfilment.Payment(
            id: id, pack: pack, amount: intent.amountReceived ?? intent.amount, currency: intent.currency, charge: try await charge(of: intent))
        try await commit(event, tenant) { try await packs.book(payment, of: tenant, cause: cause, in: $0) }
    }

    /// What was charged, as it stands now; nil where nothing was.
    private func charge(of intent: StripePaymentIntent) async throws -> StripeCharge? {
        guard let id = intent.latestCharge else { return nil }
        return try await stripe.read(StripeCharge.self, "/v1/charges/\(id)")
    }

    private func charge(of session: StripeCheckoutSession) async throws -> StripeCharge? {
        guard let intent = session.paymentIntent else { return nil }
        return try await charge(of: stripe.read(StripePaymentIntent.self, "/v1/payment_intents/\(intent)"))
    }

    /// What was kept by one of our setup intents is charged from now on. One that somebody else made, such as Stripe's portal, is that one's affair.
    private func setup(_ id: String, _ event: InboxEvent, _ cause: SyncCause) async throws {
        let intent = try await stripe.read(StripeSetupIntent.self, "/v1/setup_intents/\(id)")
        guard intent.status == "succeeded", intent.metadata?["tenant"] != nil, let customer = intent.customer, let method = intent.paymentMethod
        else {
            return try await EventInbox.ignore(event, at: clock.now, in: database)
        }
        let tenant = try await tenants.find(customer: customer, named: intent.metadata, event: event)
        // An older word that comes late, or again, is not what the customer wants now.
        guard try await !EventInbox.hasLater(than: event, of: tenant, in: database) else {
            return try await EventInbox.ignore(event, at: clock.now, in: database)
        }
        do throws(StripeError) {
            _ = try await stripe.write(
                StripeCustomer.self, "/v1/customers/\(customer)", ["invoice_settings": ["default_payment_method": .text(method)]],
                key: "default-payment-method:\(id)", for: tenant)
        } catch {
            // Taken away again, or the customer is gone.
            guard error.kind == .notFound || error.code == "resource_missing" else { throw error }
            return try await EventInbox.ignore(event, at: clock.now, in: database)
        }
        let saved = try PendingEvent(
            BillingEvents.PaymentMethodSaved(setupIntent: id), at: clock.now, tenant: tenant, actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(action: "payment_method.default", targets: [.init(type: "setup_intent", id: id)], metadata: cause.metadata))
        try await commit(event, tenant) { try await outbox.append([saved], in: $0) }
    }

    private func dispute(_ id: String, _ event: InboxEvent, _ cause: SyncCause) async throws {
        let dispute = try await stripe.read(StripeDispute.self, "/v1/disputes/\(id)")
        var tenant: TenantID?
        if let charge = dispute.charge {
            tenant = try await owner(of: try await stripe.read(StripeCharge.self, "/v1/charges/\(charge)"), event)
        }
        guard let tenant else { return try await EventInbox.ignore(event, at: clock.now, in: database) }
        try await commit(event, tenant) { transaction in
            try await note(
                "disputed", "payment.dispute", .success, .init(type: "dispute", id: id), tenant, cause, ["status": dispute.status], in: transaction)
        }
    }

    /// Nil for money that is no tenant's.
    private func owner(of charge: StripeCharge, _ event: InboxEvent) async throws -> TenantID? {
        guard charge.customer != nil || charge.metadata?["tenant"] != nil else { return nil }
        return try await tenants.find(customer: charge.customer, named: charge.metadata, event: event)
    }

    // MARK: - Writing

    /// A customer that is no more pays for nothing: whoever buys next is another one.
    private func unlink(_ customer: String, _ tenant: TenantID, _ cause: SyncCause, in transaction: Transaction) async throws {
        guard try await CustomerLinks.unlink(customer, from: tenant, in: transaction) else { return }
        let event = try PendingEvent(
            BillingEvents.CustomerUnlinked(customer: customer), at: clock.now, tenant: tenant, actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(action: "customer.unlink", targets: [.init(type: "customer", id: customer)], metadata: cause.metadata))
        try await outbox.append([event], in: transaction)
    }

    private func commit(_ event: InboxEvent, _ tenant: TenantID?, _ work: @Sendable (Transaction) async throws -> Void) async throws {
        try await database.transaction { transaction in
            try await work(transaction)
            try await EventInbox.finish(event, of: tenant, at: clock.now, in: transaction)
        }
        outbox.wake()
    }

    private func note(
        _ what: String, _ action: String, _ outcome: AuditRecord.Outcome, _ target: AuditRecord.Target, _ tenant: TenantID, _ cause: SyncCause,
        _ metadata: [String: String] = [:], in transaction: Transaction
    ) async throws {
        let event = try PendingEvent(
            BillingEvents.PaymentNoted(what: what, object: target.id), at: clock.now, tenant: tenant, actor: cause.actor, trace: cause.trace,
            audit: AuditRecord(action: action, outcome: outcome, targets: [target], metadata: cause.metadata.merging(metadata) { $1 }))
        try await outbox.append([event], in: transaction)
    }
}
