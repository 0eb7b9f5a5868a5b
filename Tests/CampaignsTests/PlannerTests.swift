import Contracts
import Foundation
import Testing

@testable import Campaigns

@Suite("Planning")
struct PlannerTests {
    /// A Monday, 10:00 UTC.
    private let now = Date(timeIntervalSince1970: 1_799_661_600)

    static func budget(
        _ number: UInt8 = 1, state: String = "active", daily: Int? = nil, hourly: Int? = nil, gap: Int = 0, used: [(Date, Int)] = [],
        waiting: Int = 0,
        ramp: [Int] = [], opensAt: Date? = nil, health: Int = 100
    ) -> DeliveryRPC.MailboxBudget {
        DeliveryRPC.MailboxBudget(
            id: MailboxID(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))), workspace: WorkspaceID(UUID()), address: "a@x.org",
            state: state, stateReason: nil, dailyLimit: daily, ramp: ramp, hourlyLimit: hourly, gapSeconds: gap, opensAt: opensAt,
            usage: used.map { .init(hour: $0.0, mails: $0.1) }, waiting: waiting, health: health)
    }

    static func weekdays(_ zone: String = "UTC", from start: Int = 9 * 60, to end: Int = 17 * 60) -> SendingWindow {
        SendingWindow(zone: zone, openings: (1...5).map { .init(weekday: $0, start: start, end: end) })
    }

    private func room(_ budget: DeliveryRPC.MailboxBudget) -> MailboxRoom { MailboxRoom(budget, readAt: now) }

    @Test("what a mailbox can take follows from its limits, what it used and what waits")
    func rooms() {
        #expect(room(Self.budget()).left(at: now) == MailboxRoom.deepest)
        #expect(room(Self.budget(state: "paused")).left(at: now) == 0)
        #expect(room(Self.budget(daily: 50, used: [(now - 3_600, 20)], waiting: 10)).left(at: now) == 20)
        #expect(room(Self.budget(daily: 50, used: [(now - 86_400, 50)])).left(at: now) == 50)
        #expect(room(Self.budget(daily: 50, used: [(now - 86_400 + 60, 50)])).left(at: now) == 0)
        #expect(room(Self.budget(daily: 50, used: [(now - 86_400 + 60, 50)])).roomAgain(after: now) == now + 60)
        #expect(room(Self.budget(daily: 50, ramp: [5, 10, 50])).left(at: now) == 5)
        #expect(room(Self.budget(daily: 50, ramp: [5, 10, 50])).left(at: now + 86_400) == 10)
        #expect(room(Self.budget(daily: 50, ramp: [5, 10, 50])).left(at: now + 9 * 86_400) == 50)
        #expect(room(Self.budget(hourly: 10, used: [(now - 1_800, 4)])).left(at: now) == 6)
        #expect(room(Self.budget(gap: 300)).left(at: now) == 6)
        #expect(room(Self.budget(gap: 300, waiting: 6)).roomAgain(after: now) == now + 300)
        #expect(room(Self.budget(gap: 300, opensAt: now + 1_500)).left(at: now) == 1)
        #expect(room(Self.budget(gap: 300, opensAt: now + 1_900)).left(at: now) == 0)
        #expect(room(Self.budget(state: "stopped")).roomAgain(after: now) == nil)
    }

    private func planner(
        _ schedule: CampaignSchedule, at instant: Date? = nil, sent: Int = 0, outstanding: Int = 0, _ budgets: [DeliveryRPC.MailboxBudget],
        cursor: Int64 = 0
    ) -> Planner {
        Planner(
            schedule: schedule, now: instant ?? now, sentToday: sent, outstanding: outstanding, rooms: budgets.map(room), cursor: cursor)
    }

    @Test("a campaign is closed by its window, its cap and its mailboxes, and says until when")
    func verdicts() {
        let window = CampaignSchedule(window: Self.weekdays())
        let evening = now + 8 * 3_600
        #expect(planner(window, [Self.budget()]).verdict == .open(MailboxRoom.deepest))
        #expect(planner(window, at: evening, [Self.budget()]).verdict == .closed(until: now + 23 * 3_600, .outsideWindow))
        let capped = CampaignSchedule(window: Self.weekdays(), dailyCap: 10)
        #expect(planner(capped, sent: 3, outstanding: 4, [Self.budget()]).verdict == .open(3))
        #expect(planner(capped, sent: 10, [Self.budget()]).verdict == .closed(until: now + 14 * 3_600, .dailyCap))
        #expect(planner(capped, sent: 6, outstanding: 4, [Self.budget()]).verdict == .closed(until: now + 900, .dailyCap))
        #expect(planner(window, []).verdict == .closed(until: now + 900, .mailboxesUnavailable))
        #expect(planner(window, [Self.budget(state: "paused")]).verdict == .closed(until: now + 900, .mailboxesUnavailable))
        let full = Self.budget(daily: 5, used: [(now - 7_200, 5)])
        #expect(planner(window, [full]).verdict == .closed(until: now + 22 * 3_600, .mailboxesFull))
        let never = CampaignSchedule(window: SendingWindow(zone: "UTC", openings: []))
        #expect(planner(never, [Self.budget()]).verdict == .closed(until: now + 86_400, .windowNeverOpens))
    }

    private func group(_ count: Int = 1, zone: String? = nil, mailbox: MailboxID? = nil) -> DueGroup<Int> {
        DueGroup(key: 0, count: count, zone: zone, mailbox: mailbox)
    }

    @Test("turns go round, and go on where they stopped")
    func turns() {
        let budgets = (1...3).map { Self.budget(UInt8($0), daily: $0 == 2 ? 1 : nil) }
        var first = planner(CampaignSchedule(), budgets)
        let chosen = first.decide(group(5)).map(\.decision)
        #expect(chosen == [0, 1, 2, 0, 2].map { .mail(budgets[$0].id) })
        var second = planner(CampaignSchedule(), budgets, cursor: first.rotation.cursor)
        #expect(second.decide(group()).map(\.decision) == [.mail(budgets[0].id)])
    }

    @Test("weighted turns follow health and what is left of the day")
    func weights() {
        let budgets = [Self.budget(1, daily: 300), Self.budget(2, daily: 100), Self.budget(3, daily: 300, health: 50)]
        var planner = planner(CampaignSchedule(rotation: .weighted), budgets)
        let parts = planner.decide(group(110))
        func chosen(_ index: Int) -> Int { parts.count { $0.decision == .mail(budgets[index].id) } }
        #expect((55...65).contains(chosen(0)))
        #expect((15...25).contains(chosen(1)))
        #expect((25...35).contains(chosen(2)))
    }

    @Test("a thread stays with its mailbox, waits for it while it is full, and finds another when it is gone")
    func threads() {
        let (one, two) = (Self.budget(1, daily: 1, used: [(now - 3_600, 1)]), Self.budget(2))
        var planner = planner(CampaignSchedule(), [one, two])
        #expect(planner.decide(group(mailbox: one.id)).map(\.decision) == [.wait(until: now + 23 * 3_600, .threadMailboxFull)])
        #expect(planner.decide(group(mailbox: two.id)).map(\.decision) == [.mail(two.id)])
        #expect(planner.decide(group(mailbox: MailboxID(UUID()))).map(\.decision) == [.mail(two.id)])
    }

    @Test("in the lead's own zone each waits for its own morning, and the cap holds for all")
    func zones() {
        var planner = planner(CampaignSchedule(window: Self.weekdays(), usesLeadZone: true, dailyCap: 2), [Self.budget()])
        // 10:00 in London is 05:00 in New York and 19:00 in Tokyo.
        #expect(planner.decide(group(zone: "America/New_York")).map(\.decision) == [.wait(until: now + 4 * 3_600, .outsideWindow)])
        #expect(planner.decide(group(zone: "Asia/Tokyo")).map(\.decision) == [.wait(until: now + 14 * 3_600, .outsideWindow)])
        let parts = planner.decide(group(5, zone: "Europe/London"))
        #expect(parts.map(\.count) == [1, 1, 3] && parts.last?.decision == .leave)
    }

    @Test("a forecast places every mail: caps, windows, limits and follow-ups in the same turns as the scheduler")
    func forecast() async {
        let schedule = CampaignSchedule(window: Self.weekdays(), dailyCap: 30)
        let steps = [SequenceTests.mail(1), SequenceTests.wait(2, days: 1), SequenceTests.mail(3)]
        let input = ForecastInput(
            now: now, schedule: schedule, sequence: CampaignSequence(version: 1, steps: steps),
            rooms: [room(Self.budget(1, daily: 20)), room(Self.budget(2, daily: 20))], cursor: 0,
            groups: [ForecastGroup(step: 1, dueAt: now, zone: nil, mailbox: nil): 100])
        let forecast = await Forecaster.run(input)
        #expect(forecast.isComplete && forecast.mails == 200)
        #expect(forecast.days.allSatisfy { $0.mails <= 30 && $0.mailboxes.allSatisfy { $0.mails <= 20 } })
        #expect(forecast.days.map(\.mails).reduce(0, +) == 200 && forecast.days.map(\.firstMails).reduce(0, +) == 100)
        #expect(forecast.days.allSatisfy { $0.mailboxes.map(\.mails).reduce(0, +) == $0.mails })
        // In the second morning's first hour no follow-up is due yet; from then on they go before new people.
        #expect(forecast.days.prefix(2).map(\.firstMails) == [30, 10])
        #expect(forecast.firstMailAt == now)
        #expect(forecast.endsOn == forecast.days.last?.day)
    }

    @Test("a forecast that cannot end says why")
    func endless() async {
        let input = ForecastInput(
            now: now, schedule: CampaignSchedule(), sequence: CampaignSequence(version: 1, steps: [SequenceTests.mail(1)]),
            rooms: [room(Self.budget(state: "stopped"))], cursor: 0, groups: [ForecastGroup(step: 1, dueAt: now, zone: nil, mailbox: nil): 7])
        let forecast = await Forecaster.run(input)
        #expect(!forecast.isComplete && forecast.unplaced == 7 && forecast.reason == .mailboxesUnavailable && forecast.endsOn == nil)
    }
}
