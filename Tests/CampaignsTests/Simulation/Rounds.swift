import Contracts
import Foundation

@testable import Campaigns

// What replicas write when they enrol and plan, each in one commit. `clock` is the time as the replica has it.
extension Simulation {
    private static let enrolBatch = 9

    /// Enrols one batch of a launched campaign.
    func enrol(_ index: Int, clock: Date) {
        let campaign = campaigns[index]
        for person in campaign.audience[campaign.enrolments.count...].prefix(Self.enrolBatch) {
            var enrolment = Enrolment(
                id: EnrolmentID(dice.uuid()), lead: people[person].id, status: .waiting, step: campaign.sequence.steps[0].number, dueAt: clock,
                sequenceVersion: campaign.sequence.version, zone: people[person].zone)
            Reaction.stand(campaign.sequence.start(at: clock), &enrolment, version: campaign.sequence.version)
            let place = enrolments.count
            enrolments.append(EnrolmentRow(value: enrolment, campaign: index, person: person))
            enrolmentIndex[enrolment.id] = place
            campaigns[index].enrolments.append(place)
            campaigns[index].counters[enrolment.status.bucket, default: 0] += 1
            campaigns[index].nextAt = min(campaigns[index].nextAt, enrolment.dueAt)
            trace("enrolment \(place) of campaign \(index): \(enrolment.status) at \(enrolment.step), due \(Self.stamp(enrolment.dueAt))")
        }
        isTouched = true
        completeIfDone(index)
    }

    /// One round of a campaign; gives the hand-over that it begins. `budgets` are as of `readAt`.
    func plan(_ index: Int, budgets: [DeliveryRPC.MailboxBudget], readAt: Date, clock: Date) -> Int? {
        guard campaigns[index].status == .active, campaigns[index].sweeping == nil else { return nil }
        isTouched = true
        if tenants[campaigns[index].tenant].isReadOnly {
            campaigns[index].nextAt = clock + Planner.patience
            return nil
        }
        decideTests(index, clock: clock)
        let campaign = campaigns[index]
        var round = Round(context(of: campaign, budgets: budgets, readAt: readAt, clock: clock))
        if case .closed(let until, let reason) = round.verdict {
            campaigns[index].nextAt = until
            trace("campaign \(index) waits until \(Self.stamp(until)): \(reason.rawValue)")
            if until <= clock { fail("campaign \(index) waits until an instant that is over") }
            return nil
        }
        let batch = dice.pick([4, 12, 500])
        let due = self.due(campaign, clock: clock, atMost: batch)
        let plan = round.decide(due.map { state(of: $0) })
        trace("campaign \(index) plans: \(due.count) due, \(plan.mails.count) mails, \(plan.changed.count) changed, left some: \(plan.hasLeftSome)")
        for note in plan.notes { count(note.kind) }
        for mail in plan.mails { checkPlan(index, mail, clock: clock) }
        for changed in plan.changed {
            if let place = enrolmentIndex[changed.id] { write(place, changed) }
        }
        for step in plan.opened where campaigns[index].tests[step] == nil {
            campaigns[index].tests[step] = TestState(openedAt: clock, winner: nil)
            count("test opened")
        }
        campaigns[index].cursor = plan.cursor
        let handOver = beginHandOver(index, plan.mails, clock: clock)
        if plan.wantsAnother || (due.count == batch && !plan.hasLeftSome) {
            campaigns[index].nextAt = clock
        } else if plan.hasLeftSome {
            campaigns[index].nextAt = clock + Planner.patience
            if case .closed(let until, _) = round.verdict { campaigns[index].nextAt = until }
        } else {
            campaigns[index].nextAt = firstDue(index)
        }
        completeIfDone(index)
        return handOver
    }

    private func context(of campaign: CampaignRow, budgets: [DeliveryRPC.MailboxBudget], readAt: Date, clock: Date) -> RoundContext {
        // A clock that is behind must not forget what a clock that is right has sent on the next day already.
        let today = campaign.clock.local(at: clock).day
        let sent = campaign.sentByDay.reduce(0) { $1.key >= today ? $0 + $1.value : $0 }
        var earlier: [Int: CampaignSequence] = [:]
        for old in campaign.sequences.dropLast() { earlier[old.version] = old }
        return RoundContext(
            now: clock, schedule: campaign.schedule, sequence: campaign.sequence, earlier: earlier, tests: campaign.tests, sentToday: sent,
            outstanding: breakage == .ignoresOutstanding ? 0 : campaign.outstanding,
            rooms: budgets.map { MailboxRoom($0, readAt: readAt) }, cursor: campaign.cursor)
    }

    /// Those in a thread first, then as they are due.
    private func due(_ campaign: CampaignRow, clock: Date, atMost batch: Int) -> [Int] {
        let due = campaign.enrolments.filter { enrolments[$0].value.status == .waiting && enrolments[$0].value.dueAt <= clock }
        let sorted = due.sorted { first, second in
            let (one, other) = (enrolments[first].value, enrolments[second].value)
            if (one.mailbox != nil) != (other.mailbox != nil) { return one.mailbox != nil }
            return one.dueAt == other.dueAt ? first < second : one.dueAt < other.dueAt
        }
        return Array(sorted.prefix(batch))
    }

    private func state(of index: Int) -> DueEnrolment {
        let row = enrolments[index]
        var facts = ConditionFacts()
        for send in row.sends {
            if send.openedAt != nil { facts.opened.insert(send.value.step) }
            if send.clickedAt != nil { facts.clicked.insert(send.value.step) }
            if send.repliedAt != nil { facts.replied.insert(send.value.step) }
        }
        var value = row.value
        if breakage == .splitsThreads { value.mailbox = nil }
        return DueEnrolment(
            enrolment: value, leadStatus: people[row.person].status, isInAudience: row.isInAudience || row.value.mailbox != nil,
            done: Set(row.sends.map(\.value.step)), facts: facts)
    }

    private func firstDue(_ index: Int) -> Date {
        var first = Date.distantFuture
        for enrolment in campaigns[index].enrolments where enrolments[enrolment].value.status == .waiting {
            first = min(first, enrolments[enrolment].value.dueAt)
        }
        return first
    }

    /// A winner is decided before anybody is planned; one that an edit took away is decided anew.
    private func decideTests(_ index: Int, clock: Date) {
        for step in campaigns[index].sequence.steps {
            guard let email = step.email, let test = email.test, let state = campaigns[index].tests[step.number] else { continue }
            if let winner = state.winner, email.variants.contains(where: { $0.name == winner }) { continue }
            var results: [String: (mails: Int64, successes: Int64)] = [:]
            for variant in email.variants {
                let stat = campaigns[index].stats[StatKey(step: step.number, variant: variant.name)] ?? Stat()
                let successes =
                    switch test.metric {
                    case .opened: stat.opened
                    case .clicked: stat.clicked
                    case .replied: stat.replied
                    }
                results[variant.name] = (mails: stat.mails, successes: successes)
            }
            guard let winner = test.winner(of: email.variants, results: results, openedAt: state.openedAt, now: clock) else { continue }
            campaigns[index].tests[step.number]?.winner = winner
            trace("campaign \(index), step \(step.number): \(winner) wins")
            count("test decided")
        }
    }
}
