import AsyncHTTPClient
import Contracts
import Foundation
import HTTPTypes
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Billing

@Suite("Billing dies over a webhook", .timeLimit(.minutes(3)))
struct WebhookCrashTests {
    /// Where SIGKILL meets the process: what Postgres has been sent by then on one connection.
    enum Moment: CaseIterable {
        /// The event's row is committed, Stripe has no answer.
        case writtenNotAnswered
        /// In the transaction of the effect.
        case insideEffect
        /// The effect is committed, and the process does not know.
        case effectCommitted

        var isAnswered: Bool { self != .writtenNotAnswered }
    }

    @Test(
        "killed between commit and answer, inside the effect, or after it: redelivered, an event has exactly one effect",
        arguments: Moment.allCases)
    func killed(at moment: Moment) async throws {
        // The ground lets an hour pass; the process goes by the machine's time.
        let ground = try await FollowerGround.make(clock: TestClock(WallClock.system.now.addingTimeInterval(-3_600)))
        try await ground.link()
        let subscription = try ground.stripe.subscribe(customer: FollowerGround.customer, price: "price_starter")
        // The daily comparison would find the subscription by itself.
        try await ground.database.query("update billing_loops set last_run_at = \(WallClock.system.now)")
        let database = ground.billing.house.database
        let line = try await TestLine.start(to: database.configuration(role: "billing_worker").port)
        let billing = try ServiceProcess(.billing, on: database, postgresPort: line.port, settings: ground.stripe.configuration)
        try billing.start()
        try await eventually("Billing answers", within: .seconds(60)) { await Self.get(billing.health) == 200 }

        switch moment {
        case .writtenNotAnswered: line.holdAnswers(from: "insert into stripe_events")
        case .insideEffect: line.holdAnswers(from: "update stripe_events set state = 'done'")
        case .effectCommitted: line.holdAnswers(from: "update stripe_events set state = 'done'", "commit")
        }
        let (address, request) = (billing.address, ground.stripe.signed("customer.subscription.created", subscription, id: "evt_1"))
        let first = Task { try await Self.deliver(request, to: address) }
        try await eventually("the moment comes", within: .seconds(60)) { line.isHolding }
        let state = moment == .effectCommitted ? "done" : "pending"
        try await eventually("it is in the database") { try await ground.states() == ["evt_1": state] }
        billing.kill()
        #expect((try? await first.value) == (moment.isAnswered ? 200 : nil))
        #expect(try await ground.acts().filter { $0.action == "subscription.change" }.count == (moment == .effectCommitted ? 1 : 0))

        line.release()
        try billing.start()
        try await eventually("Billing answers again", within: .seconds(60)) { await Self.get(billing.health) == 200 }
        // Stripe sends again what it has no answer to, and now and then what it has one to.
        for _ in 0..<2 {
            let again = ground.stripe.signed("customer.subscription.created", subscription, id: "evt_1")
            #expect(try await Self.deliver(again, to: billing.address) == 200)
        }
        // Whoever died over it had it for a while, which is over.
        try await ground.database.query("update stripe_events set next_at = \(WallClock.system.now) where state = 'pending'")
        try await eventually("it is handled", within: .seconds(60)) { try await ground.states() == ["evt_1": "done"] }
        billing.kill()
        #expect(try await ground.acts().filter { $0.action == "subscription.change" }.count == 1, "\(billing.log)")
        #expect(try await ground.state().subscription == subscription)
        #expect(ground.stripe.violations.isEmpty)
    }

    private static func get(_ address: String) async -> UInt? {
        try? await HTTPClient.shared.execute(HTTPClientRequest(url: address), timeout: .seconds(5)).status.code
    }

    private static func deliver(_ sent: (headers: HTTPFields, body: ByteBuffer), to address: String) async throws -> UInt {
        var request = HTTPClientRequest(url: "\(address)/webhooks/stripe")
        request.method = .POST
        for field in sent.headers { request.headers.add(name: field.name.rawName, value: field.value) }
        request.body = .bytes(sent.body)
        return try await HTTPClient.shared.execute(request, timeout: .seconds(60)).status.code
    }
}
