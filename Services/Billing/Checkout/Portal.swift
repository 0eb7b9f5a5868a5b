import Contracts
import Foundation
import HTTP
import Primitives

/// Stripe's own page for payment methods, addresses and invoices.
struct Portal: Sendable {
    private static let longestPath = 120

    let tenants: TenantStripe
    let customers: Customers
    /// Which of the portal's configurations is shown; empty for the account's own.
    let configuration: String

    /// The address of a short visit; the browser comes back to `path`, which is one of ours.
    func open(returningTo path: String?, by identity: Identity, audit: TenantStripe.Audit) async throws -> String {
        let page = try path.map { tenants.home + (try Self.checked($0)) } ?? tenants.billingPage
        let customer = try await customers.require(identity.tenant)
        var parameters: StripeParameters = ["customer": .text(customer), "return_url": .text(page)]
        if !configuration.isEmpty { parameters["configuration"] = .text(configuration) }
        // Each visit is one of its own, and one whose answer was lost is nobody's: there is nothing to repeat.
        let session = try await tenants.stripe.write(
            StripePortalSession.self, "/v1/billing_portal/sessions", parameters, key: "portal:\(UUID.v7(at: tenants.clock.now).text)",
            for: identity.tenant)
        let record = audit("billing.portal", .success, [.init(type: "tenant", id: identity.tenant.description)], [], [:])
        try await tenants.tell(BillingEvents.PortalOpened(), by: identity, record)
        return session.url
    }

    /// A path of the console, or a 400: Stripe sends the browser wherever it is told to.
    static func checked(_ path: String) throws(Problem) -> String {
        let isPlain = path.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "/"), UInt8(ascii: "-"), UInt8(ascii: "_"): true
            default: false
            }
        }
        guard isPlain, path.utf8.count <= longestPath, path == "/dashboard" || path.hasPrefix("/dashboard/"), !path.contains("//") else {
            throw Problem.invalid("return_path must be a path of the console, such as /dashboard/settings/billing.", field: "return_path")
        }
        return path
    }
}
