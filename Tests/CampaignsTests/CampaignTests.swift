import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Testing

@testable import Campaigns

@Suite("Campaigns")
struct CampaignTests {
    @Test("from draft to done: every lead gets one mail, and the parts sum to the total at every step")
    func wholeWay() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 1_203)
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch").status == 202)
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.count } == 1_203)
        var progress = try await fixture.progress(campaign)
        #expect(list(progress.number("total"), progress.number("queued"), progress.number("waiting")) == list(1_203, 1_203, 0))
        try await fixture.resolve(.deferred, version: 4) { $0.recipient < "lead3" }
        try await fixture.resolve(.ambiguous, version: 5) { $0.recipient == "lead5@x.org" }
        try await fixture.resolve(.refused, version: 5) { $0.recipient == "lead6@x.org" }
        try await fixture.resolve(.accepted, version: 5)
        progress = try await fixture.progress(campaign)
        #expect(
            list(progress.number("finished"), progress.number("held"), progress.number("failed"), progress.number("deferred")) == list(1_201, 1, 1, 0)
        )
        #expect(progress.text("status") == "completed")
        #expect(progress.text("status_reason") == "with 1 held")
    }

    @Test("what is handed over goes on in the trace in which the campaign was launched")
    func trace() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 3)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        try await fixture.handOverAll()
        let stored = try await fixture.house.house.worker.query("select launch_trace from campaigns")[0]
        let launch = try #require(TraceParent(parsing: try stored.decodeOptional("launch_trace")))
        let seen = fixture.peers.state.withLock { $0.traces }.map { TraceParent(parsing: $0) }
        #expect(seen.count == 1)
        #expect(seen.allSatisfy { $0?.traceIdentifier == launch.traceIdentifier && $0?.spanIdentifier != launch.spanIdentifier })
    }

    @Test("old, repeated and crossing words of Delivery change nothing")
    func crossing() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 10)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        try await fixture.handOverAll()
        try await fixture.resolve(.ambiguous, version: 7)
        try await fixture.resolve(.deferred, version: 3)
        try await fixture.resolve(.ambiguous, version: 7)
        #expect(try await fixture.progress(campaign).number("held") == 10)
        try await fixture.resolve(.accepted, version: 8)
        let progress = try await fixture.progress(campaign)
        #expect(list(progress.number("finished"), progress.number("held"), progress.number("total")) == list(10, 0, 10))
    }

    @Test("whichever answer is lost on the way, the same steps end the same", arguments: ["suppressed", "reserve", "enqueue"])
    func lostAnswers(method: String) async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 700)
        fixture.peers.state.withLock { $0.suppressed = ["lead7@x.org", "lead600@x.org"] }
        // As often as one call asks again by itself, and once more.
        fixture.peers.lose(method, times: 5)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        try await fixture.handOverAll()
        let state = fixture.peers.state.withLock { ($0.sends.count, $0.reservations.values.map(\.count).reduce(0, +)) }
        #expect(state == (698, 698))
        let progress = try await fixture.progress(campaign)
        #expect(list(progress.number("total"), progress.number("queued"), progress.number("suppressed")) == list(700, 698, 2))
    }

    @Test(
        "a batch whose quota was given back while nobody got through is given up: what has not begun goes under a new one, each mail once",
        arguments: ["reserve", "enqueue"])
    func reservationGone(lost: String) async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 3)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        fixture.peers.lose(lost, times: 1_000)
        await #expect(throws: RPCError.self) { try await fixture.workUntilIdle() }
        let (old, begun) = fixture.peers.state.withLock { state in
            state.lostAnswers = [:]
            state.reservations = state.reservations.mapValues { reservation in
                var released = reservation
                released.released = reservation.count
                return released
            }
            // One that Delivery has begun with is no longer to be taken back.
            state.claimed = Set(state.sends.keys.sorted().prefix(1))
            return (Set(state.reservations.values.map(\.id)), state.claimed)
        }
        #expect(old.count == 1 && begun.count == (lost == "enqueue" ? 1 : 0))
        try await fixture.house.house.worker.query("update hand_overs set locked_until = now() where state = 'open'")
        try await fixture.handOverAll()
        let sends = fixture.peers.state.withLock { Array($0.sends.values) }
        #expect(sends.count == 3)
        #expect(Set(sends.filter { old.contains($0.reservation ?? ReservationID(UUID())) }.map(\.sendKey)) == begun)
        let progress = try await fixture.progress(campaign)
        #expect(list(progress.number("total"), progress.number("queued"), progress.number("waiting")) == list(3, 3, 0))
        #expect(progress.member("waiting_reason") == nil)
    }

    @Test("without quota the mails wait and the campaign says why; with it they go")
    func quota() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 3)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        fixture.peers.state.withLock { $0.refusal = "quota_exceeded" }
        try await fixture.handOverAll()
        var progress = try await fixture.progress(campaign)
        #expect(progress.text("waiting_reason") == "quota_exceeded")
        #expect(progress.number("waiting") == 3)
        fixture.peers.state.withLock { $0.refusal = nil }
        fixture.house.clock.advance(by: .seconds(61))
        try await fixture.handOverAll()
        progress = try await fixture.progress(campaign)
        #expect(progress.number("queued") == 3)
        #expect(progress.member("waiting_reason") == nil)
    }

    @Test("everything that stands in the way of a launch is said at once")
    func refusals() async throws {
        let fixture = try await CampaignsFixture.make()
        let plain = #"{"workspace":"W","name":"T","subject":"s","text":"no way out"}"#
        let campaign = try await fixture.campaign(leads: 0, template: plain)
        fixture.peers.state.withLock { state in
            state.mailboxState = "stopped"
            state.postalAddress = nil
        }
        let answer = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch", isVerified: false)
        #expect(answer.status == 422)
        for code in ["no_leads", "owner_unverified", "mailbox_stopped", "no_postal_address", "no_unsubscribe_link"] {
            #expect(answer.body.contains(#""code":"\#(code)""#), "\(code)")
        }
        let few = try await fixture.campaign(leads: 5)
        fixture.peers.state.withLock { $0.mailsPerPeriod = 4 }
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(few)/launch").body.contains("quota_exceeded"))
    }

    @Test("a pause holds the gate in Delivery before it is answered, and nothing more is handed over")
    func pause() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 5)
        _ = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch")
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/pause", #"{"reason":"lunch"}"#).text("status") == "paused")
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.isEmpty })
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/resume").text("status") == "active")
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.count } == 5)
        let gates = fixture.peers.state.withLock { $0.gates }
        #expect(gates.map(\.isOpen) == [false, true])
        #expect(gates[0].version < gates[1].version)
    }

    @Test("another tenant finds nothing on any route")
    func isolation() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 1)
        let stranger = TenantID(UUID())
        for path in ["campaigns/\(campaign)", "campaigns/\(campaign)/progress"] {
            #expect(try await fixture.send(.get, "/api/v1/\(path)", tenant: stranger).status == 404)
        }
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch", tenant: stranger).status == 404)
        for path in ["campaigns", "templates", "leads?workspace=\(fixture.peers.workspace)"] {
            #expect(try await fixture.send(.get, "/api/v1/\(path)", tenant: stranger).body.contains("\"data\":[]"))
        }
    }

    @Test(
        "a campaign moves along its way only",
        arguments: [
            (CampaignStatus.draft, CampaignStatus.active, true), (.active, .paused, true), (.paused, .active, true), (.active, .completed, true),
            (.draft, .paused, false), (.completed, .active, false), (.paused, .completed, true), (.active, .draft, false),
        ])
    func statusMachine(from: CampaignStatus, to: CampaignStatus, allowed: Bool) {
        #expect(from.mayBecome(to) == allowed)
    }
}

extension CampaignsFixture {
    /// Works until there is nothing left to do, or something fails.
    fileprivate func workUntilIdle() async throws {
        while try await service.handOver.step() {}
    }
}

/// An array of numbers: literals alone leave the compiler a choice.
private func list(_ numbers: Int...) -> [Int] { numbers }
