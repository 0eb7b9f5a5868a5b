import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Billing

extension StripeGround {
    static let finance = "/api/v1/platform/finance"

    /// The company that staff belong to.
    private static let platform = TenantID(UUID())

    func staff(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, role: StaffRole? = .finance, headers: HTTPFields = [:]
    ) async throws -> Answer {
        try await send(method, "\(Self.finance)/\(path)", body, tenant: Self.platform, role: .viewer, staff: role, headers: headers)
    }

    /// An event as the intake keeps it.
    func event(
        _ id: String, state: String, account: String = "", receivedBefore seconds: Double, version: String = StripeClient.apiVersion
    ) async throws {
        let received = fixture.house.clock.clock.now.addingTimeInterval(-seconds)
        try await worker.query(
            """
            insert into stripe_events (account, id, type, api_version, created_at, received_at, source, state, next_at, tenant_id, error, attempts)
            values (\(account), \(id), 'customer.subscription.updated', \(version), \(received), \(received), 'webhook', \(state), \(received),
                    \(fixture.tenant), 'what was wrong', 3)
            """)
    }

    func entitlements() async throws -> BillingRPC.Entitlements {
        try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant))
    }
}

@Suite("Billing for the platform's staff")
struct FinanceTests {
    private static let reason = #""reason":"promised on the phone""#

    @Test(
        "finance and super_admin may, all others may not",
        arguments: [
            (HTTPRequest.Method.get, "webhooks/health"), (.get, "events"), (.get, "overview"), (.get, "plans"), (.get, "plans/starter"),
            (.post, "webhooks/events/evt_1/replay"), (.put, "plans/starter"), (.put, "plans/starter/prices"), (.get, "tenants/TENANT"),
            (.get, "packs"), (.get, "packs/mails_10000"), (.put, "packs/mails_10000"),
            (.post, "tenants/TENANT/sync"), (.post, "tenants/TENANT/grants"), (.delete, "tenants/TENANT/grants/TENANT"),
            (.post, "tenants/TENANT/grants/TENANT/revoke"),
        ])
    func roles(method: HTTPRequest.Method, path: String) async throws {
        let ground = try await StripeGround.make()
        let path = path.replacing("TENANT", with: ground.fixture.tenant.description)
        for role in [nil, StaffRole.support, .ops] {
            let answer = try await ground.staff(method, path, "{}", role: role)
            #expect(answer.status == 403, "\(String(describing: role)): \(answer.status)")
        }
        for role in [StaffRole.finance, .superAdmin] {
            #expect(try await ground.staff(method, path, "{}", role: role).status != 403)
        }
        // An owner is nobody here.
        #expect(try await ground.send(method, "\(StripeGround.finance)/\(path)", "{}").status == 403)
    }

    @Test("webhook health counts by endpoint and state, and knows the oldest that waits, the last that came and other versions")
    func health() async throws {
        let ground = try await StripeGround.make()
        try await ground.event("evt_1", state: "done", receivedBefore: 10)
        try await ground.event("evt_2", state: "pending", receivedBefore: 40 * 86_400)
        try await ground.event("evt_3", state: "parked", receivedBefore: 60, version: "2023-10-16")
        try await ground.event("evt_4", state: "done", receivedBefore: 40 * 86_400)
        try await ground.event("evt_5", state: "failed", account: "acct_1", receivedBefore: 5)
        let answer = try await ground.staff(.get, "webhooks/health")
        #expect(answer.status == 200, "\(answer.body)")
        let endpoints = try #require(answer.object["endpoints"] as? [[String: Any]])
        #expect(endpoints.map { "\($0["name"] ?? "")" } == ["platform", "connect"])
        #expect(answer.body.contains(#""counts":{"done":1,"failed":0,"ignored":0,"parked":1,"pending":1}"#), "\(answer.body)")
        #expect(answer.body.contains(#""counts":{"done":0,"failed":1,"ignored":0,"parked":0,"pending":0}"#))
        #expect(answer.body.contains(#""oldest_pending_seconds":3456000"#) && answer.body.contains(#""version_mismatches":1"#))
        #expect(answer.body.contains(#""name":"reconcile""#) && answer.body.contains(#""name":"sweep""#))
    }

    @Test("events are listed newest first, page by page and by state; one is handled again on a person's word, which the tenant sees")
    func events() async throws {
        let ground = try await StripeGround.make()
        for number in 1...5 { try await ground.event("evt_\(number)", state: number == 3 ? "failed" : "done", receivedBefore: Double(number) * 10) }
        var seen: [String] = []
        var cursor = ""
        for _ in 0..<5 {
            let page = try await ground.staff(.get, "events?limit=2\(cursor)")
            seen += try #require(page.object["data"] as? [[String: Any]], "\(page.body)").map { "\($0["id"] ?? "")" }
            guard let next = (page.object["page"] as? [String: Any])?["next"] as? String else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(seen == ["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"])
        let failed = try await ground.staff(.get, "events?state=failed")
        #expect(failed.body.contains("evt_3") && !failed.body.contains("evt_1"))
        #expect(try await ground.staff(.get, "events?state=lost").status == 400)
        #expect(try await ground.staff(.post, "webhooks/events/evt_3/replay", #"{"reason":"why"}"#).status == 400)
        #expect(try await ground.staff(.post, "webhooks/events/evt_9/replay", "{\(Self.reason)}").status == 404)
        #expect(try await ground.staff(.post, "webhooks/events/evt_3/replay", #"{"account":"acct_1",\#(Self.reason)}"#).status == 404)
        #expect(try await ground.staff(.post, "webhooks/events/evt_3/replay", "{\(Self.reason)}").status == 204)
        let row = try await ground.worker.query("select state, attempts, error, next_at from stripe_events where id = 'evt_3'")[0]
        #expect(try row.decode("state", as: String.self) == "pending" && row.decode("attempts", as: Int.self) == 0)
        #expect(try row.decode("next_at", as: Date.self) == ground.fixture.house.clock.clock.now)
        let trail = try await ground.trail("webhook.replay")
        #expect(trail.count == 1 && trail[0].tenant == ground.fixture.tenant && trail[0].actor.kind == .support)
        #expect(trail[0].audit?.metadata["reason"] == "promised on the phone" && trail[0].audit?.metadata["type"] == "customer.subscription.updated")
    }

    @Test("a grant gives limits and access at once, with a reason that the tenant sees, and taking it back ends it at once")
    func grants() async throws {
        let ground = try await StripeGround.make()
        let tenant = ground.fixture.tenant
        let path = "tenants/\(tenant)/grants"
        ground.fixture.house.clock.advance(by: .seconds(15 * 86_400))
        #expect(try await ground.entitlements().access == .readOnly)
        let body = #"{"access":"full","limits":{"users":50,"domains":null,"mails":20000},\#(Self.reason)}"#
        let given = try await ground.staff(.post, path, body, headers: [.idempotencyKey: "one"])
        #expect(given.status == 201, "\(given.body)")
        #expect(try await ground.staff(.post, path, body, headers: [.idempotencyKey: "one"]).status == 201)
        let entitled = try await ground.entitlements()
        #expect(entitled.access == .full && entitled.users == 50 && entitled.domains == nil && entitled.mailboxes == 10)
        #expect(entitled.mailsPerPeriod == 20_000)
        let seen = try await ground.staff(.get, "tenants/\(tenant)")
        #expect((seen.object["grants"] as? [Any])?.count == 1 && seen.body.contains(#""domains":null"#), "\(seen.body)")
        let trail = try await ground.trail("grant.give")
        #expect(trail.count == 1 && trail[0].tenant == tenant && trail[0].audit?.metadata["limit_domains"] == "unlimited")
        let id = try #require(given.member("id"))
        #expect(try await ground.staff(.delete, "\(path)/\(id)", "{}").status == 400)
        #expect(try await ground.staff(.delete, "tenants/\(UUID().text)/grants/\(id)", "{\(Self.reason)}").status == 404)
        #expect(try await ground.staff(.delete, "\(path)/\(id)", "{\(Self.reason)}").status == 204)
        #expect(try await ground.staff(.delete, "\(path)/\(id)", "{\(Self.reason)}").status == 404)
        #expect(try await ground.entitlements().access == .readOnly)
        #expect(try await ground.entitlements().users == 2)
        #expect(try await ground.trail("grant.revoke").count == 1)
        // Others hear of it at once.
        #expect(try await ground.trail("subscription.access_change").last?.audit?.changes.first?.after == "read_only")
    }

    @Test("a grant may keep a payer out, and ends by itself")
    func temporaryGrant() async throws {
        let ground = try await StripeGround.make()
        let end = ground.fixture.house.clock.clock.now.addingTimeInterval(3_600)
        let body = #"{"access":"read_only","ends_at":"\#(WireJSON.format(end))",\#(Self.reason)}"#
        #expect(try await ground.staff(.post, "tenants/\(ground.fixture.tenant)/grants", body).status == 201)
        #expect(try await ground.entitlements().access == .readOnly)
        #expect(
            await ground.fixture.kind {
                try await ground.fixture.billing.call(BillingRPC.ReserveMail(tenant: ground.fixture.tenant, key: "k", count: 1))
            } == "access_denied")
        ground.fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await ground.entitlements().access == .full)
    }

    @Test(
        "what is no grant is a 400, and a company of which nobody told us is a 404",
        arguments: [
            "{}", #"{"access":"full","reason":"short"}"#, #"{"access":"owner","reason":"promised on the phone"}"#,
            #"{"limits":{"gods":1},"reason":"promised on the phone"}"#, #"{"limits":{"users":-1},"reason":"promised on the phone"}"#,
            #"{"limits":{},"reason":"promised on the phone"}"#,
            #"{"access":"full","ends_at":"2001-01-01T00:00:00Z","reason":"promised on the phone"}"#,
            #"{"limits":{"users":1.5},"reason":"promised on the phone"}"#,
        ])
    func noGrant(body: String) async throws {
        let ground = try await StripeGround.make()
        #expect(try await ground.staff(.post, "tenants/\(ground.fixture.tenant)/grants", body).status == 400)
        let good = #"{"access":"full","reason":"promised on the phone"}"#
        #expect(try await ground.staff(.post, "tenants/\(UUID().text)/grants", good).status == 404)
        let grants: Int = try await ground.worker.query("select count(*) as n from access_grants")[0].decode("n")
        #expect(grants == 0)
    }

    @Test("a company is read from Stripe on a person's word, and what came of it is shown; a Stripe that is away is a 503")
    func synchronise() async throws {
        let ground = try await StripeGround.make()
        let tenant = ground.fixture.tenant
        ground.stripe.price("price_pro", amount: 14_900)
        let customer = "cus_1"
        _ = try ground.stripe.subscribe(customer: customer, price: "price_pro")
        try await ground.worker.query(
            "update plan_prices set stripe_price = 'price_pro' where plan = 'professional' and interval = 'month' and currency = 'USD'")
        try await ground.worker.query(
            "insert into stripe_customers (tenant_id, customer, created_at) values (\(tenant), \(customer), \(ground.fixture.house.clock.clock.now))")
        let answer = try await ground.staff(.post, "tenants/\(tenant)/sync", "{\(Self.reason)}")
        #expect(answer.status == 200, "\(answer.body)")
        let subscription = try #require(answer.object["subscription"] as? [String: Any])
        #expect("\(subscription["plan"] ?? "")" == "professional" && "\(subscription["status"] ?? "")" == "active")
        #expect("\(subscription["sync_source"] ?? "")" == "staff" && answer.member("stripe_customer") == customer)
        let trail = try await ground.trail("subscription.sync")
        #expect(trail.count == 1 && trail[0].tenant == tenant && trail[0].audit?.metadata["reason"] == "promised on the phone")
        #expect(try await ground.staff(.post, "tenants/\(UUID().text)/sync", "{\(Self.reason)}").status == 404)
        ground.stripe.fail("GET /v1/subscriptions", .status(503), times: 10)
        let away = try await ground.staff(.post, "tenants/\(tenant)/sync", "{\(Self.reason)}")
        #expect(away.status == 503 && away.headers[.retryAfter] != nil, "\(away.body)")
        #expect(try await ground.trail("subscription.sync").count == 1)
        #expect(ground.stripe.violations.isEmpty, "\(ground.stripe.violations)")
    }

    @Test("monthly revenue adds whole minor units a currency: months as they are, years by twelve")
    func revenue() {
        let sums: [FinanceOverview.Sum] = [
            .init(currency: "USD", interval: "month", amount: 14_900, subscriptions: 1),
            .init(currency: "USD", interval: "year", amount: 143_045, subscriptions: 3),
            .init(currency: "JPY", interval: "year", amount: 11, subscriptions: 1),
        ]
        #expect(
            FinanceOverview.revenue(sums) == [
                .init(amount: 0, currency: "JPY", subscriptions: 1), .init(amount: 14_900 + 11_920, currency: "USD", subscriptions: 4),
            ])
        #expect(FinanceOverview.revenue([]).isEmpty)
    }

    @Test("the overview counts companies by plan and status, and only what is paid is revenue")
    func overview() async throws {
        let ground = try await StripeGround.make()
        for (plan, status, interval, amount) in [
            ("starter", "active", "month", 4_900), ("starter", "active", "year", 47_040), ("business", "canceled", "month", 39_900),
        ] as [(String, String, String, Int64)] {
            let now = ground.fixture.house.clock.clock.now
            try await ground.worker.query(
                """
                insert into subscriptions (tenant_id, plan, status, period_start, period_end, created_at, interval, amount, currency)
                values (\(UUID()), \(plan), \(status), \(now), \(now), \(now), \(interval), \(amount), 'USD')
                """)
        }
        let answer = try await ground.staff(.get, "overview")
        #expect(answer.body.contains(#""mrr":[{"amount":8820,"currency":"USD","subscriptions":2}]"#), "\(answer.body)")
        #expect(answer.body.contains(#"{"plan":"starter","status":"active","tenants":2}"#))
        #expect(answer.body.contains(#"{"plan":"starter","status":"trialing","tenants":1}"#))
    }
}
