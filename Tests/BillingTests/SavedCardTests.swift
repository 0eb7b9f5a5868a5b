import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("Cards that are saved")
struct SavedCardTests {
    /// What is left at Stripe when somebody has saved a card in our page.
    private func save(_ ground: FollowerGround, _ id: String, card: String, isOurs: Bool = true, status: String = "succeeded") {
        let metadata: DoubleJSON = isOurs ? ["tenant": .text(ground.tenant.description)] : [:]
        ground.stripe.set([
            "id": .text(id), "object": "setup_intent", "customer": .text(FollowerGround.customer), "payment_method": .text(card),
            "status": .text(status), "metadata": metadata,
        ])
    }

    private func defaultCard(_ ground: FollowerGround) -> String? {
        ground.stripe.object(FollowerGround.customer)?["invoice_settings"]["default_payment_method"].string
    }

    private func changes(_ ground: FollowerGround) -> Int {
        ground.stripe.calls("POST /v1/customers/").count
    }

    @Test("the card becomes the customer's default, once, however often it is told, and the trail says so")
    func saved() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        save(ground, "seti_1", card: "pm_new")
        for _ in 0..<2 { try await ground.hear("setup_intent.succeeded", "seti_1", id: "evt_1") }
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(defaultCard(ground) == "pm_new" && changes(ground) == 1)
        let sent = try #require(ground.stripe.calls("POST /v1/customers/").first)
        #expect(sent.parameters == ["invoice_settings[default_payment_method]": "pm_new"])
        #expect(sent.key == "\(ground.tenant):default-payment-method:seti_1")
        let acts = try await ground.acts().filter { $0.action == "payment_method.default" }
        #expect(acts.map { $0.targets.map(\.id) } == [["seti_1"]] && acts.first?.metadata["stripe_event"] == "evt_1")
        #expect(ground.stripe.violations == [])
    }

    @Test("an answer that is lost is asked for again under the same key, and told once")
    func lost() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        save(ground, "seti_1", card: "pm_new")
        ground.stripe.fail("POST /v1/customers/", .reset, after: true, times: 10)
        try await ground.hear("setup_intent.succeeded", "seti_1", id: "evt_1")
        #expect(try await ground.states() == ["evt_1": "pending"])
        ground.stripe.recover()
        ground.advance(900)
        try await ground.work()
        #expect(try await ground.states() == ["evt_1": "done"])
        #expect(defaultCard(ground) == "pm_new")
        #expect(Set(ground.stripe.calls("POST /v1/customers/").map(\.key)).count == 1)
        #expect(try await ground.acts().filter { $0.action == "payment_method.default" }.count == 1)
    }

    @Test("word of an older card that comes late does not bring it back")
    func late() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        save(ground, "seti_1", card: "pm_old")
        save(ground, "seti_2", card: "pm_new")
        try await ground.hear("setup_intent.succeeded", "seti_2", id: "evt_2")
        try await ground.hear("setup_intent.succeeded", "seti_1", id: "evt_1", created: ground.now - 60)
        #expect(try await ground.states() == ["evt_1": "ignored", "evt_2": "done"])
        #expect(defaultCard(ground) == "pm_new" && changes(ground) == 1)
    }

    @Test("what is not ours, or has not succeeded, changes nothing", arguments: [(false, "succeeded"), (true, "requires_action")])
    func ignored(isOurs: Bool, status: String) async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        save(ground, "seti_1", card: "pm_new", isOurs: isOurs, status: status)
        try await ground.hear("setup_intent.succeeded", "seti_1", id: "evt_1")
        #expect(try await ground.states() == ["evt_1": "ignored"])
        #expect(defaultCard(ground) == nil && changes(ground) == 0)
    }

    @Test("the sweep asks for all types, no more at once than Stripe's list takes, and finds a card of which nobody told us")
    func sweep() async throws {
        let ground = try await FollowerGround.make()
        try await ground.link()
        save(ground, "seti_1", card: "pm_new")
        ground.stripe.event("setup_intent.succeeded", "seti_1", id: "evt_lost")
        #expect(try await ground.follower.upkeep.sweep.run().found == 1)
        try await ground.work()
        #expect(defaultCard(ground) == "pm_new")
        let asked = ground.stripe.calls("GET /v1/events").map { call in call.parameters.filter { $0.key.hasPrefix("types[") }.map(\.value) }
        #expect(asked.allSatisfy { (1...20).contains($0.count) } && asked.count > 2)
        #expect(Set(asked.flatMap(\.self)) == Set(EventWork.platformTypes))
        #expect(ground.stripe.violations == [])
    }
}
