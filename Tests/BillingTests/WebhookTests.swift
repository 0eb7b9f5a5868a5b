import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Billing

@Suite("Webhooks")
struct WebhookTests {
    @Test("an event is written once and has one effect, however often it comes, before and after it was handled")
    func once() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        // Committed, and the answer lost: Stripe sends it again, each time signed anew.
        for age in [0.0, 10, 20] {
            let request = ground.stripe.signed("customer.subscription.created", subscription, id: "evt_1", age: age)
            #expect(try await ground.deliver(request) == 200)
        }
        #expect(try await ground.states() == ["evt_1": "pending"])
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        let acts = try await ground.acts()
        try await ground.hear("customer.subscription.created", subscription, id: "evt_1")
        #expect(try await ground.acts() == acts)
        #expect(acts.filter { $0.action == "subscription.change" }.count == 1)
        #expect(try await ground.state().subscription == subscription)
    }

    @Test(
        "what Stripe did not sign for this endpoint, now, is refused without a word why, and leaves nothing",
        arguments: ["missing", "secret", "endpoint", "tampered", "old", "future"])
    func forged(how: String) async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        var request = ground.stripe.signed(
            "customer.updated", FollowerGround.customer, age: how == "old" ? 301 : how == "future" ? -301 : 0,
            secrets: how == "secret" ? ["whsec_other"] : nil)
        if how == "missing" { request.headers = [.contentType: "application/json"] }
        if how == "tampered" { request.body.writeString(" ") }
        let sent = request
        let answer = try await ground.billing.house.withClient(ground.billing.service) { client in
            try await client.execute(
                uri: how == "endpoint" ? "/webhooks/stripe/connect" : "/webhooks/stripe", method: .post, headers: sent.headers, body: sent.body
            ) { ($0.status.code, String(buffer: $0.body)) }
        }
        #expect(answer.0 == 400)
        #expect(answer.1.contains("invalid_signature") && !answer.1.contains("detail"))
        #expect(try await ground.states() == [:])
    }

    @Test("while a secret is rolled, a signature by any of them will do")
    func rolled() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let request = ground.stripe.signed(
            "customer.updated", FollowerGround.customer, age: 299, secrets: ["whsec_of_tomorrow", StripeDouble.webhookSecret])
        #expect(try await ground.deliver(request) == 200)
    }

    @Test("a body beyond a mebibyte is too large, one that is signed and no event is refused")
    func bodies() async throws {
        let ground = try await FollowerGround.make()
        let large = ByteBuffer(repeating: UInt8(ascii: " "), count: (1 << 20) + 1)
        #expect(try await ground.deliver(([.contentType: "application/json"], large)) == 413)
        let text = Data("{}".utf8)
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.stripeSignature] = StripeDouble.header(
            text, timestamp: Int64(ground.now.timeIntervalSince1970), secrets: [StripeDouble.webhookSecret])
        #expect(try await ground.deliver((headers, ByteBuffer(bytes: text))) == 400)
        #expect(try await ground.states() == [:])
    }

    @Test("without a key there is no endpoint to send to", arguments: ["/webhooks/stripe", "/webhooks/stripe/connect"])
    func notConfigured(path: String) async throws {
        let fixture = try await BillingFixture.make()
        let answer = try await fixture.house.withClient(fixture.service) { client in
            try await client.execute(uri: path, method: .post, headers: [:], body: ByteBuffer(string: "{}")) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
        #expect(answer.0 == 503 && answer.1.contains("stripe_not_configured"))
    }

    @Test("an event of another version is taken, flagged, and handled: the object is read in ours")
    func otherVersion() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        let request = ground.stripe.signed("customer.subscription.created", subscription, id: "evt_old", apiVersion: "2023-10-16")
        #expect(try await ground.deliver(request) == 200)
        try await ground.work()
        let row = try await ground.database.query("select note, state from stripe_events")[0]
        #expect(try row.decode("note", as: String.self) == "api_version")
        #expect(try row.decode("state", as: String.self) == "done")
        #expect(try await ground.state().status == "active")
    }

    @Test("types that mean nothing to us are ignored, and nothing is asked of Stripe for them")
    func unknownTypes() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        try await ground.hear("customer.subscription.of_2030", FollowerGround.customer, id: "evt_new")
        #expect(try await ground.states() == ["evt_new": "ignored"])
        #expect(ground.stripe.calls.isEmpty)
    }

    @Test("what somebody took and died over is taken by another when its time is over, and has its effect once")
    func died() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        try await ground.deliver(ground.stripe.signed("customer.subscription.created", subscription, id: "evt_1"))
        #expect(try await EventInbox.claim(limit: 10, at: ground.now, in: ground.database).map(\.id) == ["evt_1"])
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "pending"])
        ground.advance(EventInbox.lease)
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(try await ground.acts().filter { $0.action == "subscription.change" }.count == 1)
    }

    @Test("handled twice at the same moment, an event has one effect")
    func twiceAtOnce() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let invoice = try #require(ground.stripe.object(subscription)?["latest_invoice"].string)
        try await ground.deliver(ground.stripe.signed("invoice.payment_failed", invoice, id: "evt_1"))
        let event = try #require(try await EventInbox.claim(limit: 1, at: ground.now, in: ground.database).first)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<6 { group.addTask { try? await ground.follower.worker.handler.handle(event) } }
        }
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(try await ground.acts().filter { $0.action == "payment.fail" }.count == 1)
    }

    @Test("an event of a customer whom nobody knows yet waits, and has its effect once the customer is linked")
    func parked() async throws {
        let ground = try await FollowerGround.make()
        ground.stripe.set(["id": .text(FollowerGround.customer), "object": "customer"])
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        try await ground.hear("customer.subscription.created", subscription, id: "evt_1")
        #expect(try await ground.states() == ["evt_1": "parked"])
        try await ground.link()
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(try await ground.state().subscription == subscription)
    }

    @Test("the tenant that we wrote on the object is enough to link it")
    func named() async throws {
        let ground = try await FollowerGround.make()
        ground.stripe.set(["id": .text(FollowerGround.customer), "object": "customer"])
        let subscription = try ground.stripe.subscribe(
            customer: FollowerGround.customer, price: "price_starter", metadata: ["tenant": .text(ground.tenant.description)])
        try await ground.hear("customer.subscription.created", subscription)
        #expect(try await ground.state().subscription == subscription)
        #expect(try await ground.access() == .full)
    }

    @Test("after three days of nobody's, a person has to look")
    func neverLinked() async throws {
        let ground = try await FollowerGround.make()
        ground.stripe.set(["id": "cus_stranger", "object": "customer"])
        let subscription = try ground.stripe.subscribe(customer: "cus_stranger", price: "price_starter")
        try await ground.hear("customer.subscription.created", subscription, id: "evt_1")
        for _ in 0..<30 {
            guard try await ground.states() == ["evt_1": "parked"] else { break }
            ground.advance(3 * 3_600)
            try await ground.work()
        }
        #expect(try await ground.states() == ["evt_1": "failed"])
        let row = try await ground.database.query("select error, received_at, handled_at from stripe_events")[0]
        #expect(try row.decode("error", as: String.self) == "not_linked")
        let waited = try row.decode("handled_at", as: Date.self).timeIntervalSince(try row.decode("received_at"))
        #expect(waited >= WebhookWorker.patience && waited < WebhookWorker.patience + 7 * 3_600)
    }

    @Test("while Stripe does not answer, an event waits and nothing changes; then it has its effect")
    func outage() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        ground.stripe.set(["id": .text(subscription), "status": "past_due"])
        ground.stripe.fail("GET /v1/subscriptions", .status(500), times: 100)
        try await ground.hear("customer.subscription.updated", subscription, id: "evt_1")
        #expect(try await ground.states() == ["evt_1": "pending"])
        #expect(try await ground.access() == .full)
        ground.stripe.recover()
        ground.advance(900)
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(try await ground.access() == .grace)
    }

    @Test("events of connected accounts refresh the account, and never touch the platform's objects")
    func connect() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        let tenant = ground.tenant
        ground.stripe.set(["id": "acct_1", "object": "account", "charges_enabled": true])
        try await ground.database.query(
            "insert into connect_accounts (tenant_id, account, created_at) values (\(tenant), 'acct_1', \(ground.now))")
        ground.stripe.set(["id": "acct_1", "object": "account"], account: "acct_1")
        let calls = ground.stripe.calls.count
        for (type, object, id) in [("account.updated", "acct_1", "evt_a"), ("customer.subscription.deleted", subscription, "evt_b")] {
            let request = ground.stripe.signed(type, object, id: id, account: "acct_1")
            #expect(try await ground.deliver(request, to: "/webhooks/stripe/connect") == 200)
        }
        try await ground.work()
        #expect(try await ground.states() == ["evt_a": "done", "evt_b": "ignored"])
        #expect(ground.stripe.calls.dropFirst(calls).allSatisfy { $0.path.hasPrefix("/v1/accounts/") })
        let enabled: Bool = try await ground.database.query("select charges_enabled from connect_accounts where tenant_id = \(tenant)")[0]
            .decode("charges_enabled")
        #expect(enabled)
    }

    @Test("of a connected account that nobody knows yet the news waits; a payout that failed is in the trail; live news of test keys is not kept")
    func unknownAccount() async throws {
        let ground = try await FollowerGround.make()
        ground.stripe.set(["id": "acct_1", "object": "account"])
        ground.stripe.set(["id": "po_1", "object": "payout"], account: "acct_1")
        try await ground.deliver(ground.stripe.signed("payout.failed", "po_1", id: "evt_1", account: "acct_1"), to: "/webhooks/stripe/connect")
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "parked"])
        try await ground.database.query(
            "insert into connect_accounts (tenant_id, account, created_at) values (\(ground.tenant), 'acct_1', \(ground.now))")
        ground.advance(60)
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(try await ground.acts().last { $0.action == "connect.payout_fail" }?.targets.first?.id == "po_1")
        ground.stripe.event("account.updated", "acct_1", id: "evt_live", account: "acct_1")
        ground.stripe.set(["id": "evt_live", "livemode": true], account: "acct_1")
        let body = try #require(ground.stripe.object("evt_live", account: "acct_1")).data
        var headers: HTTPFields = [.contentType: "application/json"]
        headers[.stripeSignature] = StripeDouble.header(
            body, timestamp: Int64(ground.now.timeIntervalSince1970), secrets: [StripeDouble.connectWebhookSecret])
        #expect(try await ground.deliver((headers, ByteBuffer(bytes: body)), to: "/webhooks/stripe/connect") == 200)
        #expect(try await ground.states() == ["evt_1": "done"])
    }

    @Test("a customer that was deleted at Stripe is given up when nothing of it goes on, and news of strangers is let go")
    func customerDeleted() async throws {
        let ground = try await FollowerGround.make()
        let subscription = try await ground.subscribed()
        func linked() async throws -> Int { try await ground.database.query("select count(*) as n from stripe_customers")[0].decode("n") }
        ground.stripe.set(["id": .text(FollowerGround.customer), "deleted": true])
        try await ground.hear("customer.deleted", FollowerGround.customer)
        #expect(try await linked() == 1, "its subscription goes on")
        ground.stripe.set(["id": .text(subscription), "status": "canceled"])
        try await ground.hear("customer.deleted", FollowerGround.customer)
        #expect(try await linked() == 0)
        #expect(try await ground.acts().filter { $0.action == "customer.unlink" }.count == 1)
        ground.stripe.set(["id": "cus_stranger", "object": "customer"])
        try await ground.hear("customer.updated", "cus_stranger", id: "evt_stranger")
        #expect(try await ground.states()["evt_stranger"] == "ignored")
    }

    @Test("the intake may write new events and nothing else: it reads none, and none is anybody's yet")
    func intakeRights() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        try await ground.deliver(ground.stripe.signed("customer.updated", FollowerGround.customer, id: "evt_1"))
        let api = ground.billing.house.house.api
        for statement in ["select id from stripe_events", "update stripe_events set state = 'done'", "delete from stripe_events"] as [SQL] {
            let error = await #expect(throws: PostgresError.self) { try await api.query(statement) }
            #expect(error?.code == .insufficientPrivilege)
        }
        await #expect(throws: PostgresError.self) {
            try await api.query(
                """
                insert into stripe_events (id, type, created_at, received_at, source, next_at, tenant_id)
                values ('evt_x', 'x', now(), now(), 'webhook', now(), \(ground.tenant))
                """)
        }
    }
}
