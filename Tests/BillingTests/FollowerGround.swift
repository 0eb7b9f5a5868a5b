import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Billing

/// Billing with a Stripe of its own and one tenant with a trial; nothing runs by itself, so that a test decides what comes when.
struct FollowerGround: Sendable {
    let billing: BillingFixture
    let stripe: StripeDouble

    static let customer = "cus_acme"
    static let day: TimeInterval = 86_400

    static func make(clock: TestClock = TestClock()) async throws -> FollowerGround {
        let stripe = try await StripeDouble.start(clock: clock.clock)
        let house = try await TestHouse.make(for: BillingService.self, configuration: stripe.configuration, clock: clock)
        let service = try await BillingService(house.house)
        let billing = BillingFixture(
            house: house, service: service, billing: .local(house.router(service), caller: .auth), tenant: TenantID(.v7(at: clock.clock.now)))
        let ground = FollowerGround(billing: billing, stripe: stripe)
        try await billing.startTrial()
        // Nobody pays in the second in which the company begins.
        ground.advance(3_600)
        for (price, plan, interval, amount) in [
            ("price_starter", "starter", "month", 4_900), ("price_year", "starter", "year", 47_040), ("price_pro", "professional", "month", 14_900),
        ] as [(String, String, String, Int64)] {
            stripe.price(price, amount: amount, interval: interval)
            try await ground.database.query("update plan_prices set stripe_price = \(price) where plan = \(plan) and interval = \(interval)")
        }
        return ground
    }

    var database: Database { billing.house.house.worker }
    var tenant: TenantID { billing.tenant }
    var follower: StripeFollower { billing.service.follower }
    var sync: SubscriptionSync { follower.sync }
    var now: Date { billing.house.clock.clock.now }

    func advance(_ seconds: TimeInterval) {
        billing.house.clock.advance(by: .seconds(seconds))
    }

    // MARK: - At Stripe

    /// The tenant as Stripe's customer, as a checkout makes it.
    func link() async throws {
        stripe.set(["id": .text(Self.customer), "object": "customer", "metadata": ["tenant": .text(tenant.description)]])
        let (tenant, now) = (tenant, now)
        let linked = try await database.transaction { try await CustomerLinks.link(Self.customer, to: tenant, at: now, in: $0) }
        #expect(linked == .linked)
    }

    /// A paid subscription that we have heard of; its id.
    func subscribed(_ price: String = "price_starter") async throws -> String {
        try await link()
        let subscription = try stripe.subscribe(customer: Self.customer, price: price)
        try await sync.sync(tenant, cause: SyncCause(source: .request))
        return subscription
    }

    /// Stripe's next period, as if the clock there had come round.
    func renew(_ subscription: String, status: String = "active") throws {
        var changed = try #require(stripe.object(subscription))
        let end = try #require(changed["items"]["data"][0]["current_period_end"].number)
        var items = changed["items"]["data"].elements
        items[0]["current_period_start"] = .integer(end)
        items[0]["current_period_end"] = .integer(end + 30 * 86_400)
        changed["items"]["data"] = .list(items)
        changed["status"] = .text(status)
        stripe.set(changed)
    }

    // MARK: - Webhooks

    /// Sends what Stripe would; the status of the answer.
    @discardableResult
    func deliver(_ request: (headers: HTTPFields, body: ByteBuffer), to path: String = "/webhooks/stripe") async throws -> Int {
        try await billing.house.withClient(billing.service) { client in
            try await client.execute(uri: path, method: .post, headers: request.headers, body: request.body) { $0.status.code }
        }
    }

    /// Sends an event of the object and has it handled.
    func hear(_ type: String, _ object: String, id: String? = nil, created: Date? = nil) async throws {
        #expect(try await deliver(stripe.signed(type, object, id: id, created: created)) == 200)
        try await work()
    }

    /// Handles what is due until nothing is.
    func work() async throws {
        while try await follower.worker.runOnce() > 0 {}
    }

    /// The state of each event, by its id.
    func states() async throws -> [String: String] {
        let rows = try await database.query("select id, state from stripe_events")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("id"), try $0.decode("state")) })
    }

    // MARK: - What is kept

    func state() async throws -> SubscriptionState {
        let tenant = tenant
        return try #require(try await database.transaction { try await SyncStore.lock(tenant, in: $0) }).state
    }

    func access() async throws -> BillingRPC.Access {
        try await billing.billing.call(BillingRPC.ReadEntitlements(tenant: tenant)).access
    }

    func entitlements() async throws -> BillingRPC.Entitlements {
        try await billing.billing.call(BillingRPC.ReadEntitlements(tenant: tenant))
    }

    /// The audited acts in their order.
    func acts() async throws -> [AuditRecord] {
        try await events().compactMap(\.header.audit)
    }

    /// What everyone was told of the access, with the version of each word.
    func announced() async throws -> [String] {
        try await events().filter { $0.header.type == BillingEvents.AccessChanged.name }.map {
            "\(try $0.data(as: BillingEvents.AccessChanged.self).access) \($0.header.aggregate?.version ?? 0)"
        }
    }

    func events() async throws -> [ReceivedEvent] {
        try await database.query("select body from outbox where tenant_id = \(tenant) order by occurred_at, id").map {
            try ReceivedEvent(body: Array(try $0.decode("body", as: String.self).utf8))
        }
    }

    /// Allowance of each period, the oldest first.
    func allowances() async throws -> [Int64] {
        try await database.query("select allowance from mail_periods where tenant_id = \(tenant) order by period_start").map {
            try $0.decode("allowance")
        }
    }
}
