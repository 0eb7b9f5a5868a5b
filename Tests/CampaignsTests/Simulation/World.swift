import Contracts
import Foundation

@testable import Campaigns

// How a world comes out of its seed: small, but with everything in it.
extension Simulation {
    static let zones = [
        "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Santiago",
        "America/St_Johns", "Africa/Casablanca",
    ]
    /// Days on which clocks change somewhere, and the one that Apia left out.
    static let changes = [
        (2026, 3, 8), (2026, 3, 29), (2026, 4, 5), (2026, 9, 6), (2026, 10, 4), (2026, 10, 25), (2026, 11, 1), (2011, 12, 30),
    ]

    func makeWorld() {
        let change = dice.pick(Self.changes)
        let firstDay = CivilDay.number(year: change.0, month: change.1, day: change.2) - dice.below(3)
        now = Date(timeIntervalSince1970: Double(firstDay * 86_400 + dice.below(86_400)))
        quietAt = now + Double(dice.between(15...45)) * 86_400
        for tenant in 0..<few(3) { makeTenant(tenant, firstDay: firstDay) }
        for _ in 0..<few(3) {
            let skew = dice.seconds(-90...90)
            replicas.append(Replica(usualSkew: skew, skew: skew))
        }
        planFaults()
        timeline.add(.intervention(.quiet), at: quietAt)
        timeline.add(.intervention(.inspect), at: quietAt + 86_400)
        isTouched = true
    }

    /// One as a rule, at most `most`.
    private func few(_ most: Int) -> Int {
        let roll = dice.below(10)
        return roll < 5 ? 1 : roll < 8 ? min(2, most) : most
    }

    private func makeTenant(_ tenant: Int, firstDay: Int) {
        tenants.append(TenantRow())
        tenantGates.append(Gate())
        proof.tenantGates.append(Gate())
        var boxes: [Int] = []
        for _ in 0..<max(few(4), few(4)) {
            boxes.append(mailboxes.count)
            makeMailbox(tenant)
        }
        let firstPerson = people.count
        let crowd = dice.chance(0.05) ? 40 : dice.between(3...16)
        for _ in 0..<crowd {
            people.append(PersonRow(id: LeadID(dice.uuid()), tenant: tenant, zone: personZone()))
        }
        for _ in 0..<few(3) {
            var audience = (firstPerson..<people.count).filter { _ in dice.chance(0.8) }
            if audience.isEmpty { audience = [firstPerson] }
            var chosen = boxes.filter { _ in dice.chance(0.6) }
            if chosen.isEmpty { chosen = [boxes[0]] }
            makeCampaign(tenant, audience: audience, mailboxes: chosen, firstDay: firstDay)
        }
    }

    private func personZone() -> String? {
        if dice.chance(0.2) { return nil }
        // Somebody imported nonsense.
        return dice.chance(0.02) ? "Nowhere/Land" : dice.pick(Self.zones)
    }

    private func makeMailbox(_ tenant: Int) {
        let id = MailboxID(dice.uuid())
        let daily: Int? = dice.pick([nil, 5, 10, 20, 50])
        let hourly: Int? = dice.pick([nil, nil, 3, 5, 10])
        // Whoever waits for a full mailbox looks again after its gap: without one, worlds take long.
        let isLimited = daily != nil || hourly != nil
        let gap = isLimited ? dice.pick([0, 300, 300, 600, 900, 900, 1_800]) : dice.pick([0, 0, 300, 900])
        let ramp = dice.chance(0.25) ? dice.pick([[2, 3, 4, 6], [5, 5, 10], [3, 4, 5, 6, 7, 8, 9]]) : []
        let start = now - Double(dice.below(86_400))
        mailboxIndex[id] = mailboxes.count
        mailboxes.append(
            MailboxModel(
                id: id, tenant: tenant, dailyLimit: daily, hourlyLimit: hourly, gap: gap, ramp: ramp, rampStart: start,
                health: dice.between(40...100)))
        proof.claims.append([])
    }

    private func makeCampaign(_ tenant: Int, audience: [Int], mailboxes: [Int], firstDay: Int) {
        let index = campaigns.count
        let zone = dice.pick(Self.zones)
        var schedule = CampaignSchedule(zone: zone)
        if dice.chance(0.75) { schedule.window = makeWindow(zone, firstDay: firstDay) }
        schedule.usesLeadZone = schedule.window != nil && dice.chance(0.4)
        schedule.dailyCap = makeCap(audience.count)
        schedule.rotation = dice.chance(0.5) ? .roundRobin : .weighted
        let sequence = makeSequence()
        campaigns.append(
            CampaignRow(
                id: CampaignID(dice.uuid()), tenant: tenant, mailboxes: mailboxes, audience: audience, stopsOnReply: dice.chance(0.85),
                clock: ZoneClock(zone) ?? .utc, schedule: schedule, sequences: [sequence],
                lastNumber: sequence.steps.map(\.number).max() ?? 1))
        campaignGates.append(Gate())
        proof.campaignGates.append(Gate())
        timeline.add(.intervention(.launch(campaign: index)), at: now + Double(dice.below(3 * 86_400)))
    }

    func makeCap(_ audience: Int) -> Int? {
        guard dice.chance(0.5) else { return nil }
        return max(2, audience / 6) + dice.below(4)
    }

    /// Some of its openings lie in the hour that a change of clocks skips or repeats.
    func makeWindow(_ zone: String, firstDay: Int) -> SendingWindow {
        let start = dice.pick([0, 60, 120, 150, 420, 540, 540, 720, 1_200])
        let length = dice.pick([120, 240, 480, 1_440])
        var openings: [SendingWindow.Opening] = []
        for weekday in 1...7 where openings.count + 8 - weekday <= 4 || dice.chance(0.75) {
            openings.append(.init(weekday: weekday, start: start, end: min(1_440, start + length)))
            if start > 600, dice.chance(0.3) { openings.append(.init(weekday: weekday, start: 60, end: 210)) }
        }
        var holidays: [String] = []
        for _ in 0..<dice.below(4) { holidays.append(CivilDay.text(of: firstDay + dice.below(30))) }
        return SendingWindow(zone: zone, openings: openings, holidays: holidays)
    }

    // MARK: - What will go wrong

    private func planFaults() {
        for tenant in tenants.indices {
            if dice.chance(0.2) { sprinkle(.quotaOut(tenant: tenant), most: 2) }
            if dice.chance(0.15) { sprinkle(.readOnly(tenant: tenant), most: 1) }
        }
        for campaign in campaigns.indices {
            sprinkle(.edit(campaign: campaign), most: 3)
            sprinkle(.pause(campaign: campaign), most: 2)
            if dice.chance(0.2) { sprinkle(.stop(campaign: campaign), most: 1) }
            if dice.chance(0.3) { sprinkle(.leave(campaign: campaign), most: 2) }
        }
        for mailbox in mailboxes.indices where dice.chance(0.15) { sprinkle(.pauseMailbox(mailbox), most: 1) }
        for replica in replicas.indices { sprinkle(.jump(replica: replica), most: 4) }
        sprinkle(.outage(Double(dice.between(1...8)) * 3_600), most: 2)
        sprinkle(.cancelOne, most: 3)
        for _ in 0..<dice.below(3) { sprinkle(.erase(person: dice.below(people.count)), most: 1) }
    }

    private func sprinkle(_ intervention: Intervention, most: Int) {
        let span = Int(quietAt.timeIntervalSince(now))
        for _ in 0..<dice.below(most + 1) {
            // Half of it soon: many campaigns are over in days.
            let bound = dice.chance(0.5) ? min(span, 4 * 86_400) : span
            timeline.add(.intervention(intervention), at: now + Double(dice.below(bound)))
        }
    }
}
