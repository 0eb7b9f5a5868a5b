import Contracts
import Foundation

/// What is sent to Stripe to open a session: a decision without effects.
struct CheckoutParameters: Sendable {
    let checkout: Checkout
    let tenant: TenantID
    let customer: String
    /// Stripe's price of what is bought, found by our own names.
    let price: String
    /// The page that people come from and go back to.
    let page: String

    var parameters: StripeParameters {
        var parameters: StripeParameters = [
            "customer": .text(customer), "client_reference_id": .text(tenant.description),
            "line_items": .list([.map([("price", .text(price)), ("quantity", .integer(1))])]),
            "metadata": .map(metadata),
        ]
        switch checkout.order.choice {
        case .plan:
            parameters["mode"] = "subscription"
            parameters["subscription_data"] = .map([("metadata", .map(metadata))])
        case .pack:
            parameters["mode"] = "payment"
            parameters["payment_intent_data"] = .map([("metadata", .map(metadata))])
        }
        switch checkout.order.surface {
        case .hosted:
            parameters["ui_mode"] = "hosted_page"
            // Stripe puts the session's id where the braces stand.
            parameters["success_url"] = .text("\(page)?checkout=success&session={CHECKOUT_SESSION_ID}")
            parameters["cancel_url"] = .text("\(page)?checkout=cancelled")
        case .elements:
            parameters["ui_mode"] = "elements"
            parameters["return_url"] = .text("\(page)?checkout=success&session={CHECKOUT_SESSION_ID}")
        }
        return parameters
    }

    /// On the session and on what comes of it, so that whatever arrives first can be linked.
    private var metadata: [(String, StripeValue)] {
        let own: [(String, StripeValue)] = [("checkout", .text(checkout.id.text)), ("tenant", .text(tenant.description))]
        switch checkout.order.choice {
        case .plan(let plan, _, _): return own + [("plan", .text(plan))]
        case .pack(let pack): return own + [("pack", .text(pack)), ("purpose", .text(checkout.order.purpose))]
        }
    }
}
