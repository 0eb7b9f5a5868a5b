import Contracts
import Foundation

@testable import Campaigns

// The stream of events, which brings everything at least once, late and in any order, and the listener, which takes each event in one commit.
extension Simulation {
    struct StreamedEvent {
        enum Content {
            case word(enrolment: Int, step: Int, state: DeliveryEvents.SendState, version: Int64, at: Date)
            case feedback(DeliveryEvents.FeedbackKind, enrolment: Int, step: Int, isMachine: Bool, at: Date)
        }

        let id: Int
        let content: Content
        let arrivesAt: Date
    }

    func emit(_ content: StreamedEvent.Content) {
        lastEvent += 1
        deliver(lastEvent, content)
        if dice.chance(0.1) {
            deliver(lastEvent, content)
            count("duplicate")
        }
    }

    private func deliver(_ id: Int, _ content: StreamedEvent.Content) {
        let roll = dice.below(100)
        let isQuiet = now >= quietAt
        let delay =
            roll < 60
            ? dice.seconds(0.25...5)
            : roll < 85 || isQuiet
                ? dice.seconds(5...300)
                : roll < 97 ? Double(dice.between(300...7_200)) : Double(dice.between(7_200...40_000))
        stream.append(StreamedEvent(id: id, content: content, arrivesAt: now + delay))
        timeline.add(.stream, at: now + delay)
    }

    /// Takes what has arrived, in any order.
    func listen() {
        var arrived = stream.filter { $0.arrivesAt <= now }
        stream.removeAll { $0.arrivesAt <= now }
        if arrived.count > 1, dice.chance(0.5) { arrived.reverse() }
        for event in arrived where processedEvents.insert(event.id).inserted {
            switch event.content {
            case .word(let enrolment, let step, let state, let version, let at): hear(enrolment, step, state, version, at)
            case .feedback(let kind, let enrolment, let step, let isMachine, let at): feel(kind, enrolment, step, isMachine, at)
            }
        }
    }

    private func hear(_ index: Int, _ step: Int, _ state: DeliveryEvents.SendState, _ version: Int64, _ at: Date) {
        guard let place = enrolments[index].index(ofStep: step) else {
            return fail("enrolment \(index): Delivery speaks of step \(step), which is not planned")
        }
        trace("heard of enrolment \(index), step \(step): \(state), version \(version)")
        let row = enrolments[index]
        let campaign = row.campaign
        let before = row.sends[place].value
        let believed = breakage == .ignoresEventVersions ? max(version, before.version + 1) : version
        let day = campaigns[campaign].clock.local(at: at)
        let rules = campaigns[campaign].rules(for: row.value)
        let change = Reaction.hear(state, version: believed, at: at, day: day.dayText, about: before, of: row.value, rules: rules)
        guard let heard = change else {
            count("old word")
            return
        }
        writeSend(index, place, heard.send)
        if before.state.isSent != heard.send.state.isSent {
            let change = heard.send.state.isSent ? 1 : -1
            let counted = heard.send.day.flatMap { CivilDay.number(of: $0) } ?? day.day
            campaigns[campaign].sentByDay[counted, default: 0] += change
            campaigns[campaign].stats[StatKey(step: step, variant: before.variant), default: Stat()].mails += Int64(change)
        }
        write(index, heard.enrolment)
        wakeScheduler(index)
        completeIfDone(campaign)
    }

    private func feel(_ kind: DeliveryEvents.FeedbackKind, _ index: Int, _ step: Int, _ isMachine: Bool, _ at: Date) {
        guard let place = enrolments[index].index(ofStep: step) else {
            return fail("enrolment \(index): somebody reacts to step \(step), which is not planned")
        }
        trace("heard of enrolment \(index), step \(step): \(kind)\(isMachine ? " by a machine" : "")")
        let campaign = enrolments[index].campaign
        let key = StatKey(step: step, variant: enrolments[index].sends[place].value.variant)
        switch kind {
        case .opened where !isMachine && enrolments[index].sends[place].openedAt == nil:
            enrolments[index].sends[place].openedAt = at
            campaigns[campaign].stats[key, default: Stat()].opened += 1
        case .clicked where !isMachine && enrolments[index].sends[place].clickedAt == nil:
            enrolments[index].sends[place].clickedAt = at
            campaigns[campaign].stats[key, default: Stat()].clicked += 1
        case .replied where enrolments[index].sends[place].repliedAt == nil:
            enrolments[index].sends[place].repliedAt = at
            campaigns[campaign].stats[key, default: Stat()].replied += 1
        case .unsubscribed: mark(enrolments[index].person, .unsubscribed)
        case .complained: mark(enrolments[index].person, .complained)
        case .hardBounce: mark(enrolments[index].person, .bounced)
        default: break
        }
        let value = enrolments[index].value
        write(index, Reaction.feel(kind, of: value, rules: campaigns[campaign].rules(for: value)))
        completeIfDone(campaign)
    }

    private func mark(_ person: Int, _ status: LeadStatus) {
        if people[person].status == .active { people[person].status = status }
    }

    /// Whoever goes on makes the scheduler look in time.
    private func wakeScheduler(_ index: Int) {
        let (value, campaign) = (enrolments[index].value, enrolments[index].campaign)
        guard value.status == .waiting, breakage != .listenerWakesNobody else { return }
        campaigns[campaign].nextAt = min(campaigns[campaign].nextAt, value.dueAt)
        isTouched = true
    }
}
