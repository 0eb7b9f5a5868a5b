import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Opening a session at Stripe in which a plan or a pack is paid: at most one for each tenant and purpose.
///
/// A row claims the purpose before Stripe is asked, and the row's id is the key: whoever finds a claim without a session asks for the same one.
struct Checkouts: Sendable {
    private static let rounds = 6
    /// Good for a day at Stripe, too.
    private static let lifetime: TimeInterval = 86_400
    /// For how long an open session is believed without asking.
    private static let freshness: TimeInterval = 60
    /// For how long somebody waits for whoever is opening it, and how old the row is when nobody can be any more.
    private static let patience = Duration.seconds(5)
    private static let longestOpening: TimeInterval = 20

    let tenants: TenantStripe
    let catalogue: Catalogue
    let customers: Customers

    func open(_ order: CheckoutOrder, by identity: Identity, audit: TenantStripe.Audit) async throws -> CheckoutAnswer {
        let tenant = identity.tenant
        var hasWaited = false
        for _ in 0..<Self.rounds {
            if let known = try await CheckoutStore.open(order.purpose, of: tenant, in: tenants.worker) {
                if known.status == .opening, !hasWaited, known.createdAt > tenants.clock.now - Self.longestOpening {
                    hasWaited = true
                    try await wait(for: known.id, of: tenant)
                } else if known.order == order {
                    if let answer = try await resume(known, by: identity, audit) { return answer }
                } else {
                    try await expire(known, of: tenant)
                }
                continue
            }
            try await check(order, of: tenant)
            let now = tenants.clock.now
            let checkout = Checkout(
                id: .v7(at: now), order: order, status: .opening, session: nil, url: nil, createdAt: now, expiresAt: now + Self.lifetime)
            guard try await CheckoutStore.insert(checkout, of: tenant, by: identity.user.description, in: tenants.worker) else { continue }
            return try await session(of: checkout, wasAsked: false, by: identity, audit)
        }
        throw Self.busy
    }

    private static let busy = Problem.conflict(
        kind: "checkout_busy", title: "Somebody else is opening a checkout.", detail: "Try again in a moment.")

    /// What the database knows against it.
    private func check(_ order: CheckoutOrder, of tenant: TenantID) async throws {
        let current = try await tenants.current(tenant)
        switch order.choice {
        case .plan:
            guard current.live == nil else {
                throw Problem.conflict(
                    kind: "already_subscribed", title: "The company has a subscription.",
                    detail: "Change it with POST /api/v1/billing/change.")
            }
        case .pack:
            guard current.mayBuyMails else { throw Problem.noRunningPlan }
        }
    }

    /// What Stripe knows against it, by the customer that will pay: a subscription that nobody told us of would become a second one. While Stripe
    /// does not say, none is opened.
    private func recheck(_ order: CheckoutOrder, of tenant: TenantID) async throws {
        _ = try await customers.require(tenant)
        switch order.choice {
        case .plan: try await tenants.reread(tenant)
        case .pack: await tenants.refresh(tenant)
        }
        try await check(order, of: tenant)
    }

    /// One that was opened before; nil when it turns out to be over.
    private func resume(_ checkout: Checkout, by identity: Identity, _ audit: TenantStripe.Audit) async throws -> CheckoutAnswer? {
        guard let session = checkout.session else {
            return try await self.session(of: checkout, wasAsked: true, by: identity, audit)
        }
        if let url = checkout.url, checkout.createdAt > tenants.clock.now - Self.freshness {
            return CheckoutAnswer(id: EntityID(checkout.id), session: session, url: url, clientSecret: nil, expiresAt: checkout.expiresAt)
        }
        let read = try await tenants.stripe.read(StripeCheckoutSession.self, "/v1/checkout/sessions/\(session)")
        guard read.status != "open" else { return answer(checkout, read) }
        try await close(checkout, as: read, of: identity.tenant)
        return nil
    }

    /// Asks Stripe for the row's session, or for the one that it made when it was asked before.
    private func session(
        of checkout: Checkout, wasAsked: Bool, by identity: Identity, _ audit: TenantStripe.Audit
    ) async throws -> CheckoutAnswer {
        let tenant = identity.tenant
        do {
            try await recheck(checkout.order, of: tenant)
        } catch let refusal as Problem {
            // One whose answer was lost may be there, and must not be paid beside what there is.
            if wasAsked {
                try await expire(checkout, of: tenant)
            } else {
                try await giveUp(checkout, of: tenant)
            }
            throw refusal
        }
        do {
            let session = try await create(checkout, of: tenant)
            let record = audit(
                "billing.checkout", .success, [.init(type: "checkout", id: checkout.id.text)], [], ["purpose": checkout.order.purpose])
            let event = try PendingEvent(
                BillingEvents.CheckoutOpened(checkout: checkout.id, purpose: checkout.order.purpose), at: tenants.clock.now, tenant: tenant,
                actor: identity.actor, audit: record)
            let isOurs = try await tenants.worker.transaction { transaction -> Bool in
                let isFirst = try await CheckoutStore.opened(
                    checkout.id, session: session.id, url: session.url, expiresAt: session.expiresAt ?? checkout.expiresAt, of: tenant,
                    in: transaction)
                if isFirst { try await tenants.outbox.append([event], in: transaction) }
                return isFirst
            }
            tenants.outbox.wake()
            if !isOurs, try await CheckoutStore.status(checkout.id, of: tenant, in: tenants.worker) == .failed {
                // Somebody else has given the place up meanwhile: what holds none must not be paid.
                _ = try await end(session.id, checkout, of: tenant)
                throw Self.busy
            }
            return answer(checkout, session)
        } catch {
            // What nobody can pay gives its place back; what may be there at Stripe keeps it.
            let isOver = error is Problem || (error as? StripeError).map { !$0.isTransient } ?? false
            if isOver { try await giveUp(checkout, of: tenant) }
            throw error
        }
    }

    /// Gives the place of one back that we could not open. Somebody else, who found the row, may have opened it meanwhile: then it is ended at
    /// Stripe, too.
    private func giveUp(_ checkout: Checkout, of tenant: TenantID) async throws {
        if try await CheckoutStore.close(checkout.id, as: .failed, from: [.opening], of: tenant, in: tenants.worker) { return }
        guard let known = try await CheckoutStore.find(checkout.id, of: tenant, in: tenants.worker), known.status == .open else { return }
        try await expire(known, of: tenant)
    }

    private func create(_ checkout: Checkout, of tenant: TenantID) async throws -> StripeCheckoutSession {
        let price: String =
            switch checkout.order.choice {
            case .plan(let plan, let interval, let currency): try await catalogue.price(of: plan, interval, currency)
            case .pack(let pack): try await catalogue.price(ofPack: pack)
            }
        let parameters = CheckoutParameters(
            checkout: checkout, tenant: tenant, customer: try await customers.require(tenant), price: price, page: tenants.billingPage)
        return try await tenants.stripe.write(
            StripeCheckoutSession.self, "/v1/checkout/sessions", parameters.parameters, key: "checkout:\(checkout.id.text)", for: tenant)
    }

    /// Closes one that was opened for something else, so that only one can be paid.
    private func expire(_ checkout: Checkout, of tenant: TenantID) async throws {
        let ended: StripeCheckoutSession
        do {
            // Its answer may have been lost: asked for again under its key, it says which one it is.
            let known = if let session = checkout.session { session } else { try await create(checkout, of: tenant).id }
            ended = try await end(known, checkout, of: tenant)
        } catch let error as StripeError {
            guard !error.isTransient else { throw error }
            _ = try await CheckoutStore.close(checkout.id, as: .failed, of: tenant, in: tenants.worker)
            return
        }
        try await close(checkout, as: ended, of: tenant)
    }

    /// The session as it ended: expired by us, or paid or expired meanwhile.
    private func end(_ session: String, _ checkout: Checkout, of tenant: TenantID) async throws -> StripeCheckoutSession {
        let path = "/v1/checkout/sessions/\(session)"
        do {
            return try await tenants.stripe.write(
                StripeCheckoutSession.self, "\(path)/expire", key: "checkout-expire:\(checkout.id.text)", for: tenant)
        } catch let error as StripeError {
            guard error.kind == .invalidRequest else { throw error }
            return try await tenants.stripe.read(StripeCheckoutSession.self, path)
        }
    }

    private func close(_ checkout: Checkout, as session: StripeCheckoutSession, of tenant: TenantID) async throws {
        let isPaid = session.status == "complete"
        guard !isPaid || session.paymentStatus != "unpaid" else {
            throw Problem.conflict(
                kind: "payment_pending", title: "A payment is under way.", detail: "Some take days; what it pays for begins when it has arrived.")
        }
        // What came of it is read before the place is free: a second subscription must find the first.
        if isPaid { try await tenants.reread(tenant) }
        try await CheckoutStore.close(checkout.id, as: isPaid ? .completed : .expired, of: tenant, in: tenants.worker)
    }

    /// Until whoever is opening it has, within reason.
    private func wait(for id: UUID, of tenant: TenantID) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            guard try await CheckoutStore.status(id, of: tenant, in: tenants.worker) == .opening else { return }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func answer(_ checkout: Checkout, _ session: StripeCheckoutSession) -> CheckoutAnswer {
        CheckoutAnswer(
            id: EntityID(checkout.id), session: session.id, url: session.url, clientSecret: session.clientSecret,
            expiresAt: session.expiresAt ?? checkout.expiresAt)
    }
}

extension TenantStripe {
    /// Where people look at what the company pays.
    var billingPage: String { "\(home)/dashboard/settings/billing" }
}
