import Contracts
import Foundation
import HTTPTypes
import HummingbirdTesting
import Postgres
import Streams
import Testing

@testable import Campaigns

@Suite("Campaigns of several steps")
struct CampaignLifeTests {
    /// Mail, three days, mail.
    static let twoMails = """
        "mailboxes":["M"],"steps":[{"number":1,"kind":"email","variants":[{"name":"A","template":"T"}]},{"number":2,"kind":"wait","seconds":259200},
        {"number":3,"kind":"email","variants":[{"name":"A","template":"T"}]}]
        """

    private func advance(_ fixture: CampaignsFixture, days: Double) async throws {
        fixture.house.clock.advance(by: .seconds(days * 86_400))
        try await fixture.handOverAll()
    }

    @Test("follow-ups go after their wait, in the thread of the first mail, from the same mailbox")
    func followUps() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: 3, Self.twoMails)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        #expect(fixture.mails(step: 1).count == 3)
        try await fixture.resolve(.accepted, version: 3)
        try await advance(fixture, days: 2.9)
        #expect(fixture.mails(step: 3).isEmpty)
        try await advance(fixture, days: 0.2)
        let followUps = fixture.mails(step: 3)
        #expect(followUps.count == 3)
        #expect(followUps.first?.subject == "Re: Hi Name0")
        #expect(followUps.allSatisfy { $0.follows == [$0.sendKey.replacing(":3", with: ":1")] && $0.mailbox == fixture.peers.mailbox })
        try await fixture.resolve(.accepted, version: 3) { $0.sendKey.hasSuffix(":3") }
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("finished") == 3 && progress.number("mails") == 6 && progress.text("status") == "completed")
    }

    @Test("whoever is away gets the next mail the day after the return, unless that is far off or the campaign does not wait")
    func absences() async throws {
        for waits in [true, false] {
            let fixture = try await CampaignsFixture.make()
            let campaign = try await fixture.draft(leads: 3, #""pause_until_return":\#(waits),"# + Self.twoMails)
            #expect(try await fixture.send(.get, "/api/v1/campaigns/\(campaign)").member("pause_until_return") as? Bool == waits)
            try await fixture.launch(campaign)
            try await fixture.handOverAll()
            try await fixture.resolve(.accepted, version: 3)
            let now = fixture.house.clock.clock.now
            let today = Int((now.timeIntervalSince1970 / 86_400).rounded(.down))
            let feedback = zip(fixture.mails(step: 1), [10, 100]).map { mail, days in
                DeliveryEvents.Feedback(
                    kind: .automaticReply, sendKey: mail.sendKey, campaign: mail.campaign, enrolment: mail.enrolment, isMachine: false, at: now,
                    returnsOn: CivilDay.text(of: today + days))
            }
            try await fixture.tell(DeliveryEvents.FeedbackReceived(feedback: feedback))
            try await advance(fixture, days: 4)
            let others = ["lead1@x.org", "lead2@x.org"]
            #expect(fixture.mails(step: 3).map(\.recipient) == (waits ? others : ["lead0@x.org"] + others))
            fixture.house.clock.advance(by: .seconds(Double(today + 11) * 86_400 - fixture.house.clock.clock.now.timeIntervalSince1970 - 60))
            try await fixture.handOverAll()
            #expect(fixture.mails(step: 3).count == (waits ? 2 : 3))
            fixture.house.clock.advance(by: .seconds(120))
            try await fixture.handOverAll()
            #expect(fixture.mails(step: 3).count == 3)
        }
    }

    @Test("whoever answers, bounces or leaves gets nothing more; what is with Delivery is cancelled; machines stop nothing")
    func stops() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: 6, Self.twoMails)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        try await fixture.resolve(.accepted, version: 3) { $0.recipient != "lead5@x.org" }
        try await fixture.feel(.replied) { $0.recipient == "lead0@x.org" }
        try await fixture.feel(.hardBounce) { $0.recipient == "lead1@x.org" }
        try await fixture.feel(.unsubscribed) { $0.recipient == "lead2@x.org" }
        try await fixture.feel(.automaticReply) { $0.recipient == "lead3@x.org" }
        try await fixture.feel(.opened, isMachine: true) { $0.recipient == "lead3@x.org" }
        // The last one answers although nobody knows yet that its mail arrived.
        try await fixture.feel(.replied) { $0.recipient == "lead5@x.org" }
        // And again: nothing changes.
        try await fixture.feel(.replied) { $0.recipient == "lead0@x.org" }
        try await advance(fixture, days: 4)
        #expect(fixture.mails(step: 3).map(\.recipient) == ["lead3@x.org", "lead4@x.org"])
        let progress = try await fixture.progress(campaign)
        let parts = ["replied", "bounced", "unsubscribed", "queued", "waiting", "total"].map { progress.number($0) }
        #expect(parts == [2, 1, 1, 2, 0, 6])
        #expect(fixture.peers.state.withLock { Array($0.withdrawn.values) } == [.cancel])
        let leads = try await fixture.send(.get, "/api/v1/leads?workspace=\(fixture.peers.workspace)")
        #expect(leads.body.contains(#""status":"unsubscribed""#) && leads.body.contains(#""status":"bounced""#))
    }

    @Test("a mail that was claimed when its lead answered is asked about again until Delivery has it back")
    func claimed() async throws {
        let fixture = try await CampaignsFixture.make()
        try await fixture.launch(try await fixture.draft(leads: 1, Self.twoMails))
        try await fixture.handOverAll()
        let key = try #require(fixture.mails(step: 1).first?.sendKey)
        _ = fixture.peers.state.withLock { $0.claimed.insert(key) }
        try await fixture.feel(.replied) { _ in true }
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.withdrawn.isEmpty })
        // It was put back without a word.
        _ = fixture.peers.state.withLock { $0.claimed.remove(key) }
        try await fixture.house.house.worker.query("update enrolments set withdraw_after = now() where tenant_id = \(fixture.tenant)")
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.withdrawn } == [key: .cancel])
        try await fixture.resolve(.cancelled, version: 2)
        try await fixture.house.house.worker.query("update enrolments set withdraw_after = now() where tenant_id = \(fixture.tenant)")
        fixture.peers.state.withLock { $0.withdrawn = [:] }
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.withdrawn.isEmpty })
    }

    @Test("conditions lead to a branch, by what people did")
    func conditions() async throws {
        let fixture = try await CampaignsFixture.make()
        let steps = """
            "mailboxes":["M"],"stops_on_reply":false,"steps":[{"number":1,"kind":"email","variants":[{"name":"A","template":"T"}]},
            {"number":2,"kind":"wait","seconds":86400},
            {"number":3,"kind":"condition","condition":{"kind":"opened","step":1},"then":4,"otherwise":"exit"},
            {"number":4,"kind":"condition","condition":{"kind":"attribute","filter":{"field":"first_name","operator":"equals","value":"Name1"}},
             "then":"next","otherwise":"exit"},
            {"number":5,"kind":"email","variants":[{"name":"A","template":"T"}]}]
            """
        let campaign = try await fixture.draft(leads: 4, steps)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        try await fixture.resolve(.accepted, version: 3)
        try await fixture.feel(.opened) { ["lead1@x.org", "lead2@x.org"].contains($0.recipient) }
        try await fixture.feel(.opened, isMachine: true) { $0.recipient == "lead3@x.org" }
        try await advance(fixture, days: 1.1)
        #expect(fixture.mails(step: 5).map(\.recipient) == ["lead1@x.org"])
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("finished") == 3 && progress.number("queued") == 1)
    }

    @Test("the daily cap and the window hold, and the rest goes on the days after")
    func capAndWindow() async throws {
        let fixture = try await CampaignsFixture.make()
        let schedule = #"""
            "mailboxes":["M"],"template":"T","schedule":{"daily_cap":4,"window":{"zone":"Europe/Oslo","holidays":[],"openings":[
            {"weekday":1,"start":540,"end":1020},{"weekday":2,"start":540,"end":1020},{"weekday":3,"start":540,"end":1020},
            {"weekday":4,"start":540,"end":1020},{"weekday":5,"start":540,"end":1020}]}}
            """#
        let campaign = try await fixture.draft(leads: 10, schedule)
        try await fixture.launch(campaign)
        let window = PlannerTests.weekdays("Europe/Oslo")
        var perDay: [String: Int] = [:]
        for _ in 0..<12 * 24 {
            let before = fixture.peers.state.withLock { Set($0.sends.keys) }
            try await fixture.handOverAll()
            let now = fixture.house.clock.clock.now
            let fresh = fixture.peers.state.withLock { $0.sends.filter { !before.contains($0.key) } }
            if !fresh.isEmpty { #expect(window.contains(now)) }
            perDay[window.localDay(of: now), default: 0] += fresh.count
            try await fixture.resolve(.accepted, version: 3) { fresh[$0.sendKey] != nil }
            fixture.house.clock.advance(by: .seconds(3_600))
        }
        #expect(perDay.values.filter { $0 > 0 }.sorted() == [2, 4, 4])
        #expect(fixture.mails(step: 1).allSatisfy { $0.window == window })
        #expect(try await fixture.progress(campaign).text("status") == "completed")
    }

    @Test("an edit takes back what nobody claimed and decides it anew; what is claimed stays as it was")
    func edit() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: 5, Self.twoMails)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        let claimed = try #require(fixture.mails(step: 1).first?.sendKey)
        _ = fixture.peers.state.withLock { $0.claimed.insert(claimed) }
        fixture.peers.lose("withdraw", times: 4)
        let other = try await fixture.template("edited", subject: "Other {{first_name}}")
        let body = #"{"steps":[{"number":4,"kind":"email","variants":[{"name":"A","template":"\#(other)"}]}]}"#
        let path = "/api/v1/campaigns/\(campaign)"
        #expect(try await fixture.send(.patch, path, body).status == 428)
        // As everywhere: what is asked of a request comes before what is there.
        #expect(try await fixture.send(.patch, "/api/v1/campaigns/\(UUID())", body).status == 428)
        #expect(try await fixture.send(.patch, "/api/v1/campaigns/\(UUID())", body, ifMatch: "\"1\"").status == 404)
        #expect(try await fixture.send(.patch, path, body, ifMatch: "\"1\"").status == 412)
        let revision = try await fixture.send(.get, path).number("revision")
        let edited = try await fixture.send(.patch, path, body, ifMatch: "\"\(revision)\"")
        #expect(edited.status == 200 && edited.number("sequence_version") == 2, "\(edited.body)")
        for _ in 0..<5 { try await advance(fixture, days: 0.001) }
        #expect(fixture.mails(step: 1).map(\.sendKey) == [claimed])
        #expect(fixture.mails(step: 4).count == 4 && fixture.mails(step: 4).allSatisfy { $0.subject.hasPrefix("Other") })
        try await fixture.resolve(.accepted, version: 3)
        try await advance(fixture, days: 0.1)
        // Whoever had the first mail before the edit has the new one next.
        #expect(fixture.mails(step: 4).count == 4 || fixture.mails(step: 4).count == 5)
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("total") == 5 && progress.number("failed") == 0)
    }

    @Test("a stop is answered when Delivery holds the campaign; everybody is taken out and mail that waits is cancelled")
    func stop() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: 4, Self.twoMails)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        try await fixture.resolve(.accepted, version: 3) { $0.recipient == "lead0@x.org" }
        let long = String(repeating: "a", count: 201)
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/stop", #"{"reason":"\#(long)"}"#).status == 400)
        let stopped = try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/stop", #"{"reason":"enough"}"#)
        #expect(stopped.text("status") == "completed" && stopped.text("status_reason") == "enough")
        #expect(fixture.peers.state.withLock { $0.gates.map(\.isOpen) } == [false])
        try await advance(fixture, days: 0.1)
        #expect(fixture.peers.state.withLock { $0.withdrawn.count } == 3)
        try await fixture.resolve(.cancelled, version: 5) { $0.recipient != "lead0@x.org" }
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("removed") == 4 && progress.number("outstanding") == 0 && progress.number("waiting") == 0)
    }

    @Test("a scheduled campaign begins at its instant, and can be taken back before")
    func scheduled() async throws {
        let fixture = try await CampaignsFixture.make()
        let start = WireJSON.format(fixture.house.clock.clock.now + 7_200)
        let campaign = try await fixture.draft(leads: 2, #""template":"T","mailbox":"M","starts_at":"\#(start)""#)
        try await fixture.launch(campaign)
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/unschedule").text("status") == "draft")
        try await fixture.launch(campaign)
        try await advance(fixture, days: 0.01)
        #expect(fixture.peers.state.withLock { $0.sends.isEmpty })
        try await advance(fixture, days: 0.1)
        #expect(fixture.peers.state.withLock { $0.sends.count } == 2)
    }

    @Test("whoever has left the segment when mail is decided gets none; a lead who opted out gets none")
    func audience() async throws {
        let fixture = try await CampaignsFixture.make()
        let filter =
            #"{"workspace":"\#(fixture.peers.workspace)","name":"S","filter":{"field":"first_name","operator":"starts_with","value":"Name"}}"#
        let segment = try await fixture.send(.post, "/api/v1/segments", filter)
        #expect(segment.status == 201, "\(segment.body)")
        let start = WireJSON.format(fixture.house.clock.clock.now + 7_200)
        let members = #""template":"T","mailbox":"M","audience":{"kind":"segment","id":"\#(segment.text("id"))"},"starts_at":"\#(start)""#
        let campaign = try await fixture.draft(leads: 5, members)
        try await fixture.launch(campaign)
        fixture.house.clock.advance(by: .seconds(7_201))
        #expect(try await fixture.service.handOver.starter.startOne())
        #expect(try await fixture.service.handOver.enroller.enrolOnce())
        try await fixture.house.house.worker.query(
            "update leads set first_name = 'Other' where tenant_id = \(fixture.tenant) and email = 'lead1@x.org'")
        try await fixture.house.house.worker.query(
            "update leads set status = 'unsubscribed' where tenant_id = \(fixture.tenant) and email = 'lead2@x.org'")
        try await fixture.handOverAll()
        #expect(fixture.mails(step: 1).map(\.recipient) == ["lead0@x.org", "lead3@x.org", "lead4@x.org"])
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("removed") == 1 && progress.number("unsubscribed") == 1 && progress.number("total") == 5)
    }

    @Test("without access nobody is mailed, and with it the campaign goes on by itself")
    func access() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: 2, #""template":"T","mailbox":"M""#)
        try await fixture.launch(campaign)
        try await fixture.tellAccess(.readOnly, version: 2)
        try await fixture.tellAccess(.full, version: 1)
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.isEmpty })
        #expect(try await fixture.progress(campaign).text("waiting_reason") == "access_read_only")
        try await fixture.tellAccess(.full, version: 3)
        try await fixture.handOverAll()
        #expect(fixture.peers.state.withLock { $0.sends.count } == 2)
    }

    @Test("a test of variants: the sample first, the rest gets the winner")
    func variants() async throws {
        let fixture = try await CampaignsFixture.make()
        let (one, two) = (try await fixture.template("one", subject: "One"), try await fixture.template("two", subject: "Two"))
        let members = #"""
            "mailbox":"M","steps":[{"number":1,"kind":"email","variants":[{"name":"A","template":"\#(one)"},{"name":"B","template":"\#(two)"}],
            "test":{"sample_share":0.4,"metric":"opened","minimum_sample":3,"decide_after_hours":4}}]
            """#
        let campaign = try await fixture.draft(leads: 60, members)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        let sample = fixture.mails(step: 1)
        #expect((10...40).contains(sample.count) && Set(sample.map(\.subject)) == ["One", "Two"])
        try await fixture.resolve(.accepted, version: 3)
        try await fixture.feel(.opened) { $0.subject == "Two" }
        try await advance(fixture, days: 0.15)
        #expect(fixture.mails(step: 1).count == sample.count)
        try await advance(fixture, days: 0.05)
        let rest = fixture.mails(step: 1).filter { mail in !sample.contains { $0.sendKey == mail.sendKey } }
        #expect(sample.count + rest.count == 60 && rest.allSatisfy { $0.subject == "Two" })
        _ = campaign
    }
}

extension CampaignsFixture {
    func tellAccess(_ access: BillingRPC.Access, version: Int64) async throws {
        let pending = try PendingEvent(
            BillingEvents.AccessChanged(access: access), at: house.clock.clock.now, tenant: tenant,
            aggregate: Aggregate(kind: "subscription", id: tenant.description, version: version), actor: .system("billing"))
        let received = try ReceivedEvent(body: Array(pending.body.utf8))
        let listener = AccessListener(clock: house.clock.clock)
        try await house.house.worker.transaction { try await listener.hear([received], in: $0) }
    }
}
