import Contracts
import Foundation
import TestSupport
import Testing

@testable import Campaigns

@Suite("Campaigns start from authenticated domains only")
struct SenderDomainTests {
    private static let faults = [
        DeliveryRPC.SendingDomains.Reason(code: "spf_missing", detail: "x.org: x.org has no SPF record."),
        DeliveryRPC.SendingDomains.Reason(code: "dmarc_missing", detail: "x.org: There is no record."),
    ]

    private func fixture(faults: [DeliveryRPC.SendingDomains.Reason] = faults) async throws -> CampaignsFixture {
        let fixture = try await CampaignsFixture.make()
        fixture.peers.state.withLock { $0.domainFaults = faults }
        return fixture
    }

    @Test("a launch is refused with what is wrong with the domain, and goes on when it is repaired")
    func launch() async throws {
        let fixture = try await fixture()
        let campaign = try await fixture.campaign(leads: 2)
        let refused = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        #expect(refused.status == 422 && refused.body.contains("domain_unauthenticated"), "\(refused.body)")
        #expect(refused.body.contains("spf_missing") && refused.body.contains("dmarc_missing") && refused.body.contains("x.org"))
        #expect(try await fixture.send(.get, "/api/v1/campaigns/\(campaign)").text("status") == "draft")
        fixture.peers.state.withLock { $0.domainFaults = [] }
        try await fixture.launch(campaign)
    }

    @Test("where the operator does not ask for it, it is a warning")
    func optional() async throws {
        let fixture = try await fixture()
        fixture.peers.state.withLock { $0.needsDomains = false }
        let campaign = try await fixture.campaign(leads: 1)
        try await fixture.launch(campaign)
        var facts = LaunchFacts()
        facts.unauthenticatedDomains = [LaunchReason(code: "domain_unauthenticated", detail: "x.org")]
        #expect(facts.refusals.contains { $0.code == "domain_unauthenticated" } && facts.warnings.isEmpty)
        facts.needsAuthentication = false
        #expect(!facts.refusals.contains { $0.code == "domain_unauthenticated" } && facts.warnings.map(\.code) == ["domain_unauthenticated"])
    }

    @Test("a scheduled campaign is looked at again at its instant: it becomes a draft with the reason instead of starting")
    func scheduled() async throws {
        let fixture = try await fixture(faults: [])
        let start = WireJSON.format(fixture.house.clock.clock.now + 3_600)
        let campaign = try await fixture.draft(leads: 2, #""template":"T","mailbox":"M","starts_at":"\#(start)""#)
        try await fixture.launch(campaign)
        fixture.peers.state.withLock { $0.domainFaults = Self.faults }
        fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await fixture.service.handOver.starter.startOne())
        let held = try await fixture.send(.get, "/api/v1/campaigns/\(campaign)")
        #expect(held.text("status") == "draft" && held.text("status_reason").contains("spf_missing"), "\(held.body)")
        #expect(try await !fixture.service.handOver.starter.startOne())
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.isEmpty })
        // Repaired and launched again it begins at once, and the old reason is gone.
        fixture.peers.state.withLock { $0.domainFaults = [] }
        try await fixture.launch(campaign)
        let active = try await fixture.send(.get, "/api/v1/campaigns/\(campaign)")
        #expect(active.text("status") == "active" && active.member("status_reason") == nil)
    }

    @Test("while Delivery does not answer, a scheduled campaign waits")
    func unanswered() async throws {
        let fixture = try await fixture(faults: [])
        let start = WireJSON.format(fixture.house.clock.clock.now + 3_600)
        let campaign = try await fixture.draft(leads: 1, #""template":"T","mailbox":"M","starts_at":"\#(start)""#)
        try await fixture.launch(campaign)
        fixture.house.clock.advance(by: .seconds(3_601))
        // An idempotent call is repeated by the client, so more than one answer is lost.
        fixture.peers.lose("domains", times: 10)
        await #expect(throws: (any Error).self) { _ = try await fixture.service.handOver.starter.startOne() }
        #expect(try await fixture.send(.get, "/api/v1/campaigns/\(campaign)").text("status") == "scheduled")
        fixture.peers.lose("domains", times: 0)
        #expect(try await fixture.service.handOver.starter.startOne())
        #expect(try await fixture.send(.get, "/api/v1/campaigns/\(campaign)").text("status") == "active")
    }

    @Test("what runs goes on; what was paused does not go on from a broken domain")
    func running() async throws {
        let fixture = try await fixture(faults: [])
        let campaign = try await fixture.campaign(leads: 3)
        try await fixture.launch(campaign)
        fixture.peers.state.withLock { $0.domainFaults = Self.faults }
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.count } == 3)
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/pause", #"{"reason":"lunch"}"#).text("status") == "paused")
        let refused = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/resume")
        #expect(refused.status == 422 && refused.body.contains("domain_unauthenticated"), "\(refused.body)")
        fixture.peers.state.withLock { $0.domainFaults = [] }
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/resume").text("status") == "active")
    }

    @Test("a mailbox that joins a running campaign is asked about too")
    func joining() async throws {
        let fixture = try await fixture(faults: [])
        let campaign = try await fixture.draft(leads: 1, #""template":"T","mailbox":"M""#)
        try await fixture.launch(campaign)
        let other = MailboxID(UUID())
        fixture.peers.state.withLock { state in
            state.budgets[other] = DeliveryRPC.MailboxBudget(
                id: other, workspace: fixture.peers.workspace, address: "b@x.org", state: "active", stateReason: nil, dailyLimit: nil, ramp: [],
                hourlyLimit: nil, gapSeconds: 0, opensAt: nil, usage: [], waiting: 0, health: 100)
            state.domainFaults = Self.faults
        }
        let body = #"{"mailboxes":["\#(fixture.peers.mailbox)","\#(other)"]}"#
        let refused = try await fixture.send(.patch, "/api/v1/campaigns/\(campaign)", body, ifMatch: "*")
        #expect(refused.status == 422 && refused.body.contains("domain_unauthenticated"), "\(refused.body)")
        fixture.peers.state.withLock { $0.domainFaults = [] }
        #expect(try await fixture.send(.patch, "/api/v1/campaigns/\(campaign)", body, ifMatch: "*").status == 200)
    }
}
