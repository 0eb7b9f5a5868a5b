import Contracts
import Foundation
import HTTP
import Hummingbird

/// Buying: sessions of Stripe's checkout, intents for its elements, and its portal.
struct CheckoutRoutes {
    let tenants: TenantStripe
    let checkouts: Checkouts
    let elements: Elements
    let portal: Portal
    let catalogue: Catalogue
    let answering: StripeAnswering

    /// Either plan and interval, or a pack. What else a browser sends, a price above all, is not looked at.
    private struct CheckoutRequest: Codable {
        let plan: String?
        let interval: BillingInterval?
        let currency: String?
        let pack: String?
        let quantity: Int?
        let ui: String?
    }

    private struct PackRequest: Codable {
        let pack: String
    }

    private struct PortalRequest: Codable {
        var returnPath: String?
    }

    private struct Nothing: Codable {}

    private struct PortalAnswer: Encodable {
        let url: String
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/billing/checkout") { request, context in
            let identity = try context.requirePaying()
            let input = try await request.json(CheckoutRequest.self)
            return try await answering.once(request, as: identity, body: input) {
                let order = try await order(input, for: identity)
                return try Response.json(try await checkouts.open(order, by: identity, audit: context.billingAudit))
            }
        }
        router.post("/api/v1/billing/elements/setup-intent") { request, context in
            let identity = try context.requirePaying()
            return try await answering.once(request, as: identity, body: Nothing()) {
                try Response.json(try await elements.setup(by: identity, audit: context.billingAudit))
            }
        }
        router.post("/api/v1/billing/elements/payment-intent") { request, context in
            let identity = try context.requirePaying()
            let input = try await request.json(PackRequest.self)
            return try await answering.once(request, as: identity, body: input) {
                let pack = try await catalogue.pack(input.pack)
                return try Response.json(try await elements.payment(for: pack, by: identity, audit: context.billingAudit))
            }
        }
        router.post("/api/v1/billing/portal") { request, context in
            let identity = try context.requirePaying()
            let input = try await request.optional(PortalRequest.self) ?? PortalRequest()
            if let path = input.returnPath { _ = try Portal.checked(path) }
            return try await answering.once(request, as: identity, body: input) {
                try Response.json(
                    PortalAnswer(url: try await portal.open(returningTo: input.returnPath, by: identity, audit: context.billingAudit)))
            }
        }
    }

    /// What is bought, by our own names.
    private func order(_ input: CheckoutRequest, for identity: Identity) async throws -> CheckoutOrder {
        guard let surface = CheckoutOrder.Surface(rawValue: input.ui ?? "hosted") else {
            throw Problem.invalid("ui must be hosted or elements.", field: "ui")
        }
        switch (input.plan, input.pack) {
        case (let plan?, nil):
            guard let interval = input.interval else { throw Problem.invalid("interval must be month or year.", field: "interval") }
            let known = try await catalogue.plan(plan).plan
            // Whoever has paid in one currency goes on in it: Stripe allows a customer no other.
            let paid = try await tenants.current(identity.tenant).amount?.currency
            let currency = input.currency?.uppercased() ?? paid ?? known.currency
            _ = try await catalogue.planPrice(known.code, interval, currency)
            return CheckoutOrder(choice: .plan(known.code, interval, currency: currency), surface: surface)
        case (nil, let pack?):
            guard (input.quantity ?? 1) == 1 else {
                throw Problem.invalid("quantity must be 1; buy another pack when this one is paid.", field: "quantity")
            }
            _ = try await catalogue.price(ofPack: pack)
            return CheckoutOrder(choice: .pack(pack), surface: surface)
        default: throw Problem.invalid("Name a plan with its interval, or a pack.", field: input.plan == nil ? "plan" : "pack")
        }
    }
}
