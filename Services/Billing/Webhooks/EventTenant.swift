import Contracts
import Foundation
import Postgres
import Primitives

/// Finds out whose an event is, and links the tenant's customer when it is the first that we hear of it.
struct EventTenant: Sendable {
    /// Why it is nobody's, for now or for good.
    enum Nobody: Error, Equatable {
        /// Neither a link nor a name on the object: one may come.
        case notLinked
        /// The tenant that it names has not been heard of, or is gone.
        case unknownTenant
        /// The tenant has another customer: two are one too many.
        case secondCustomer
        /// It never was one of ours, or it has ended and so has whoever had it.
        case over
    }

    let database: Database
    let reader: SubscriptionReader
    let clock: WallClock

    /// By the link, or by the tenant that we wrote on one of the objects when we made it; `named` is what the object at hand says.
    func find(customer: String?, named: [String: String]? = nil, event: InboxEvent) async throws -> TenantID {
        if let customer, let known = try await CustomerLinks.tenant(of: customer, in: database) { return known }
        var name = named?["tenant"]
        if name == nil, let customer { name = try await self.name(on: customer) }
        if name == nil, event.objectType == "subscription", let id = event.objectID { name = try await self.name(onSubscription: id) }
        guard let name else {
            // News of a customer alone changes nothing of ours: one of ours has our name on it, or is linked by what it buys.
            throw ["customer.updated", "customer.deleted"].contains(event.type) ? Nobody.over : Nobody.notLinked
        }
        guard let tenant = TenantID(name) else { throw Nobody.unknownTenant }
        guard let customer else { return tenant }
        let now = clock.now
        let linked = try await database.transaction { try await CustomerLinks.link(customer, to: tenant, at: now, in: $0) }
        switch linked {
        case .linked: return tenant
        case .taken: throw Nobody.secondCustomer
        case .unknownTenant:
            // Of a company that was deleted, news of what was ended with it still comes.
            let all = try await reader.subscriptions(of: customer)
            throw !all.isEmpty && all.allSatisfy(\.hasEnded) ? Nobody.over : Nobody.unknownTenant
        }
    }

    /// Whether Stripe says that the customer is no more; that it knows none is no such word.
    func isDeleted(_ customer: String) async throws -> Bool {
        try await reader.stripe.find(StripeCustomer.self, "/v1/customers/\(customer)")?.deleted == true
    }

    private func name(on customer: String) async throws -> String? {
        guard let found = try await reader.stripe.find(StripeCustomer.self, "/v1/customers/\(customer)") else { return nil }
        guard found.deleted != true else { throw Nobody.over }
        return found.metadata?["tenant"]
    }

    private func name(onSubscription id: String) async throws -> String? {
        guard let found = try await reader.stripe.find(StripeSubscription.self, "/v1/subscriptions/\(id)") else { return nil }
        if let name = found.metadata?["tenant"] { return name }
        guard !found.hasEnded else { throw Nobody.over }
        return nil
    }
}
