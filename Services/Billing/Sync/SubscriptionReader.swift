import Foundation
import Postgres
import Primitives

/// What Stripe says of a tenant's subscription at one moment.
struct SubscriptionReading: Sendable, Equatable {
    struct Scheduled: Sendable, Equatable {
        let plan: String
        let interval: String?
        let at: Date
    }

    var choice: SubscriptionChoice
    /// Stripe knows nothing of the one that we know.
    var isLinkedMissing = false
    var prices = PriceBook()
    /// When the invoice that is not paid fell due.
    var unpaidSince: Date?
    /// The change that is planned for later.
    var scheduled: Scheduled?
}

/// Reads a tenant's subscription from Stripe, whatever an event said of it.
struct SubscriptionReader: Sendable {
    let stripe: StripeClient
    let database: Database
    let clock: WallClock

    /// All of the customer's subscriptions in one answer, ended ones included: which is the tenant's is decided by them all.
    func read(customer: String?, linked: String?, needsUnpaidSince: Bool) async throws -> SubscriptionReading {
        var all: [StripeSubscription] = []
        if let customer { all = try await subscriptions(of: customer) }
        var isMissing = false
        if let linked, !all.contains(where: { $0.id == linked }) {
            if let found = try await stripe.find(StripeSubscription.self, "/v1/subscriptions/\(linked)") {
                all.append(found)
            } else {
                isMissing = true
            }
        }
        var reading = SubscriptionReading(
            choice: .make(linked: linked, among: all), isLinkedMissing: isMissing, prices: try await PriceBook.read(in: database))
        guard let chosen = reading.choice.chosen else { return reading }
        if SubscriptionState.isUnpaid(chosen.status), needsUnpaidSince || chosen.id != linked, let invoice = chosen.latestInvoice {
            reading.unpaidSince = try await unpaidSince(invoice)
        }
        if let schedule = chosen.schedule { reading.scheduled = try await scheduled(schedule, reading.prices) }
        return reading
    }

    /// Also those that have ended; empty for a customer of whom Stripe knows nothing.
    func subscriptions(of customer: String) async throws -> [StripeSubscription] {
        var all: [StripeSubscription] = []
        var last: String?
        repeat {
            var query: StripeParameters = ["customer": .text(customer), "status": "all", "limit": 100]
            if let last { query["starting_after"] = .text(last) }
            do throws(StripeError) {
                let page = try await stripe.read(StripeList<StripeSubscription>.self, "/v1/subscriptions", query)
                all += page.data
                last = page.hasMore ? page.data.last?.id : nil
            } catch {
                guard error.code == "resource_missing" else { throw error }
                return all
            }
        } while last != nil
        return all
    }

    /// Nil when it is paid, or nobody knows it.
    private func unpaidSince(_ identifier: String) async throws -> Date? {
        guard let invoice = try await stripe.find(StripeInvoice.self, "/v1/invoices/\(identifier)"), invoice.status != "paid" else { return nil }
        return invoice.dueDate ?? invoice.created
    }

    private func scheduled(_ identifier: String, _ prices: PriceBook) async throws -> SubscriptionReading.Scheduled? {
        guard let schedule = try await stripe.find(StripeSubscriptionSchedule.self, "/v1/subscription_schedules/\(identifier)"),
            ["active", "not_started"].contains(schedule.status)
        else { return nil }
        let now = clock.now
        for phase in schedule.phases {
            guard let start = phase.startDate, start > now else { continue }
            let known = phase.items.compactMap { item in item.price.flatMap { prices.byPrice[$0] } }
            return known.first.map { .init(plan: $0.plan, interval: $0.interval, at: start) }
        }
        return nil
    }
}
