import Contracts
import HTTP
import Hummingbird

/// Invoices and payments, as Stripe has them.
struct InvoiceRoutes {
    let lists: StripeLists
    let answering: StripeAnswering

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/billing/invoices") { request, context in
            let identity = try context.requireBilling()
            let page = try PageRequest(request, maximum: StripeLists.longestPage)
            let cursor = try page.after(String.self)
            return try await answering.explained {
                try Response.json(try await lists.invoices(of: identity.tenant, after: cursor, limit: page.limit))
            }
        }
        router.get("/api/v1/billing/payments") { request, context in
            let identity = try context.requireBilling()
            let page = try PageRequest(request, maximum: StripeLists.longestPage)
            let cursor = try page.after(String.self)
            return try await answering.explained {
                try Response.json(try await lists.payments(of: identity.tenant, after: cursor, limit: page.limit))
            }
        }
    }
}
