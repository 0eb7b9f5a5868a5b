import Contracts
import Foundation
import Postgres
import Streams
import Testing

@testable import Campaigns

@Suite("Wishes of recipients, and slips")
struct OptOutTests {
    private let link = SendID(UUID())

    private func optOut(_ choice: String, _ mail: DeliveryRPC.PlannedSend) -> DeliveryEvents.OptOut {
        DeliveryEvents.OptOut(send: link, sendKey: mail.sendKey, choice: choice)
    }

    /// Leads whose first mails went out.
    private func ground(leads: Int = 3) async throws -> (fixture: CampaignsFixture, campaign: String, mails: [DeliveryRPC.PlannedSend]) {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.draft(leads: leads, CampaignLifeTests.twoMails)
        try await fixture.launch(campaign)
        try await fixture.handOverAll()
        try await fixture.resolve(.accepted, version: 3)
        return (fixture, campaign, fixture.mails(step: 1))
    }

    private func figure(_ fixture: CampaignsFixture) async throws -> Int64 {
        try await fixture.house.house.worker.query("select coalesce(sum(unsubscribed), 0)::bigint as n from step_stats")[0].decode("n")
    }

    private func leadStatuses(_ fixture: CampaignsFixture) async throws -> [String] {
        try await fixture.house.house.worker.query("select status from leads order by email").map { try $0.decode("status") }
    }

    private func resubscribed(_ mail: DeliveryRPC.PlannedSend, isWhole: Bool = true) throws -> DeliveryEvents.RecipientResubscribed {
        DeliveryEvents.RecipientResubscribed(
            campaign: mail.campaign, enrolment: mail.enrolment, send: link, enrolments: [try #require(mail.enrolment)], isWhole: isWhole)
    }

    @Test("a slip that is taken back leaves the enrolment, the person and the figures as they were, and the next mail goes at its time")
    func whole() async throws {
        let (fixture, campaign, mails) = try await ground()
        let mail = mails[0]
        try await fixture.tell(
            DeliveryEvents.RecipientUnsubscribed(campaign: mail.campaign, enrolment: mail.enrolment, optOut: optOut("company", mail)))
        #expect(try await fixture.progress(campaign).number("unsubscribed") == 1)
        #expect(try await figure(fixture) == 1)
        #expect(try await leadStatuses(fixture)[0] == "unsubscribed")
        try await fixture.tell(try resubscribed(mail))
        // And again, as events come.
        try await fixture.tell(try resubscribed(mail))
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("unsubscribed") == 0 && progress.number("waiting") == 3)
        #expect(try await figure(fixture) == 0)
        #expect(try await leadStatuses(fixture)[0] == "active")
        let told = try await fixture.house.house.worker.query("select body from outbox where type = 'campaigns.enrolment.resumed'")
        #expect(told.count == 1)
        #expect(try told[0].decode("body", as: String.self).contains("enrolment.resume"))
        fixture.house.clock.advance(by: .seconds(4 * 86_400))
        try await fixture.handOverAll()
        #expect(fixture.mails(step: 3).count == 3)
    }

    @Test("only the wish that ended it is taken back: another link's changes nothing, nor does one after an answer or a bounce")
    func others() async throws {
        let (fixture, campaign, mails) = try await ground()
        for mail in mails {
            try await fixture.tell(
                DeliveryEvents.RecipientUnsubscribed(campaign: mail.campaign, enrolment: mail.enrolment, optOut: optOut("company", mail)))
        }
        try await fixture.feel(.replied) { $0.sendKey == mails[1].sendKey }
        try await fixture.feel(.hardBounce) { $0.sendKey == mails[2].sendKey }
        var other = try resubscribed(mails[0])
        other.send = SendID(UUID())
        other.isWhole = false
        try await fixture.tell(other)
        #expect(try await fixture.progress(campaign).number("unsubscribed") == 3)
        for mail in mails.dropFirst() { try await fixture.tell(try resubscribed(mail)) }
        let progress = try await fixture.progress(campaign)
        #expect(["unsubscribed", "replied", "bounced", "waiting"].map { progress.number($0) } == [1, 1, 1, 0])
        #expect(try await leadStatuses(fixture) == ["unsubscribed", "active", "bounced"])
    }

    @Test("a wish for less than the company ends and counts as unsubscribed, and says nothing of the person; a pause is counted by nobody")
    func narrow() async throws {
        // The fourth goes on, and the campaign with it: what is over does not begin again.
        let (fixture, campaign, mails) = try await ground(leads: 4)
        for (choice, mail) in zip(["workspace", "campaign", "pause"], mails) {
            try await fixture.tell(
                DeliveryEvents.RecipientsSuppressed(
                    enrolments: [try #require(mail.enrolment)], reason: "unsubscribed", optOut: optOut(choice, mail)))
        }
        let progress = try await fixture.progress(campaign)
        #expect(progress.number("unsubscribed") == 2 && progress.number("suppressed") == 1)
        #expect(try await figure(fixture) == 2)
        #expect(try await leadStatuses(fixture) == ["active", "active", "active", "active"])
        for mail in mails { try await fixture.tell(try resubscribed(mail, isWhole: false)) }
        #expect(try await fixture.progress(campaign).number("waiting") == 4)
        #expect(try await figure(fixture) == 0)
    }

    @Test("a wish and its end in one batch leave nothing, and a new wish after the end holds")
    func oneBatch() async throws {
        let (fixture, campaign, mails) = try await ground()
        let wish = DeliveryEvents.RecipientUnsubscribed(
            campaign: mails[0].campaign, enrolment: mails[0].enrolment, optOut: optOut("company", mails[0]))
        let (clock, listener) = (
            fixture.house.clock.clock, DeliveryListener(outbox: fixture.house.house.outbox, clock: fixture.house.clock.clock)
        )
        func event(_ event: some Event) throws -> ReceivedEvent {
            let pending = try PendingEvent(event, at: clock.now, tenant: fixture.tenant, actor: .system("delivery"))
            return try ReceivedEvent(body: Array(pending.body.utf8))
        }
        let slip = [try event(wish), try event(try resubscribed(mails[0]))]
        try await fixture.house.house.worker.transaction { try await listener.hear(slip, in: $0) }
        #expect(try await fixture.progress(campaign).number("waiting") == 3)
        #expect(try await leadStatuses(fixture)[0] == "active")
        let again = slip + [try event(wish)]
        try await fixture.house.house.worker.transaction { try await listener.hear(again, in: $0) }
        #expect(try await fixture.progress(campaign).number("unsubscribed") == 1)
        #expect(try await leadStatuses(fixture)[0] == "unsubscribed")
        #expect(try await figure(fixture) == 1)
    }

    @Test("people of a domain leave the workspace's campaigns, batch by batch; those of other domains stay")
    func domains() async throws {
        let fixture = try await CampaignsFixture.make()
        let rows = (0..<DomainStops.batch + 3).map { "a\($0)@gone.example" } + ["b@sub.gone.example", "c@other.example"]
        _ = try await fixture.importLeads("email\n\(rows.joined(separator: "\n"))\n")
        let campaign = try await fixture.draft(leads: 0, CampaignLifeTests.twoMails)
        try await fixture.launch(campaign)
        while try await fixture.service.handOver.enroller.enrolOnce() {}
        func hear(_ workspace: WorkspaceID?) async throws -> Int {
            let event = DeliveryEvents.DomainsSuppressed(domains: ["Gone.example"], reason: "manual", workspace: workspace)
            let pending = try PendingEvent(event, at: fixture.house.clock.clock.now, tenant: fixture.tenant, actor: .system("delivery"))
            let received = try ReceivedEvent(body: Array(pending.body.utf8))
            try await fixture.house.house.worker.transaction { try await DomainStops.hear([received], in: $0) }
            var turns = 0
            while try await fixture.service.domainStops.step() { turns += 1 }
            return turns
        }
        #expect(try await hear(WorkspaceID(UUID())) == 2)
        #expect(try await fixture.progress(campaign).number("suppressed") == 0)
        #expect(try await hear(fixture.peers.workspace) == 2)
        #expect(try await fixture.progress(campaign).number("suppressed") == DomainStops.batch + 3)
        let kept = try await fixture.house.house.worker.query(
            """
            select l.email from enrolments e join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id
            where e.status not in ('suppressed') order by 1
            """
        ).map { try $0.decode("email", as: String.self) }
        #expect(kept == ["b@sub.gone.example", "c@other.example"])
    }
}

@Suite("What is left of a wish that is taken back")
struct TakeBackTests {
    private static let instant = Date(timeIntervalSince1970: 1_800_000_000)
    private let enrolment = Enrolment(
        id: EnrolmentID(UUID()), lead: LeadID(UUID()), status: .waiting, step: 1, dueAt: Self.instant, sequenceVersion: 1)
    private let optOut = DeliveryEvents.OptOut(send: SendID(UUID()), sendKey: "campaign:x:1", choice: "company")

    private func mail(_ state: EnrolmentSend.State) -> SendRecord {
        SendRecord(
            send: EnrolmentSend(enrolment: enrolment.id, step: 1, variant: "A", mailbox: MailboxID(UUID()), state: state),
            campaign: CampaignID(UUID()))
    }

    private func back(_ enrolment: Enrolment, _ mails: [SendRecord] = [], isOver: Bool = false) -> Enrolment {
        var rules = EnrolmentRules(sequence: CampaignSequence(version: 1, steps: []))
        rules.isOver = isOver
        return Reaction.takeBack(by: optOut.send, at: Self.instant, of: enrolment, mails: mails, rules: rules)
    }

    @Test("whoever waited waits again for the same mail at the same time", arguments: ["company", "workspace", "campaign", "pause"])
    func waiting(choice: String) {
        var wish = optOut
        wish.choice = choice
        let left = Reaction.leave(by: wish, enrolment)
        #expect(left.status == (choice == "pause" ? .suppressed : .unsubscribed))
        #expect(back(left) == enrolment)
    }

    @Test("who had ended is as ended as before, also after two choices by one link")
    func ended() {
        var finished = enrolment
        finished.status = .finished
        finished.exitReason = "sequence_done"
        var pause = optOut
        pause.choice = "pause"
        let left = Reaction.leave(by: optOut, Reaction.leave(by: pause, finished))
        #expect(left.status == .unsubscribed && back(left) == finished)
    }

    @Test("a campaign that is over begins nothing more, and a mail that was called off is not sent again")
    func over() {
        #expect(back(Reaction.leave(by: optOut, enrolment), isOver: true).status == .finished)
        var queued = enrolment
        queued.status = .queued
        let left = Reaction.leave(by: optOut, queued)
        #expect(left.needsWithdrawal)
        for state: EnrolmentSend.State in [.planned, .queued, .deferred, .cancelled, .suppressed, .accepted] {
            let next = back(left, [mail(state)])
            // The sequence has nothing behind it.
            #expect(next.status == .finished && next.needsWithdrawal && next.optOut == nil, "\(state)")
        }
        #expect(back(left, [mail(.refused)]).status == .failed)
    }

    @Test("a complaint is no slip, and a wish by other ways cannot be taken back")
    func complaint() {
        var left = Reaction.leave(by: optOut, enrolment)
        Reaction.end(&left, as: .complained, because: "complained")
        #expect(left.optOut == nil && back(left) == left)
        let plain = Reaction.feel(.unsubscribed, of: enrolment, rules: EnrolmentRules(sequence: CampaignSequence(version: 1, steps: [])))
        #expect(back(plain) == plain)
    }
}
