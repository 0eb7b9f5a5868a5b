import Contracts
import Foundation

/// What is to come for an enrolment that goes on, and what it waits for.
extension DecisionLog {
    func outlook(_ story: Story) -> [Line] {
        let enrolment = story.enrolment
        guard !enrolment.status.isFinal else { return [] }
        if campaign.status.isOver {
            return [Line(at: now, code: "campaign_over", text: "The campaign is over: nothing more is decided for this lead.")]
        }
        if campaign.status == .paused {
            let reason = campaign.statusReason.map { " (\($0))" } ?? ""
            return [Line(at: now, code: "waits_paused", text: "The campaign is paused\(reason): nothing goes out until it is resumed.")]
        }
        // Of a mail that is under way its own line has told.
        guard enrolment.status == .waiting else { return [] }
        return [obstacle(enrolment) ?? next(story)]
    }

    /// What will end the enrolment when its turn comes.
    private func obstacle(_ enrolment: Enrolment) -> Line? {
        guard let person else { return Line(at: now, code: "will_not_mail", text: "Will not be mailed: the lead is gone.") }
        if person.status != .active {
            let since = person.statusChangedAt.map { " (\(time.moment($0)))" } ?? ""
            return Line(at: now, code: "will_not_mail", text: "Will not be mailed: the lead \(Self.words(for: person.status))\(since).")
        }
        guard enrolment.mailbox == nil else { return nil }
        switch person.isInAudience {
        case nil: return waits(.audienceGone, until: nil)
        case false?: return Line(at: now, code: "will_not_mail", text: "Will not be mailed: the lead is not in the \(audienceName) now.")
        case true?: return nil
        }
    }

    private func next(_ story: Story) -> Line {
        let enrolment = story.enrolment
        var standing = Standing.at(step: enrolment.step, dueAt: enrolment.dueAt)
        if enrolment.sequenceVersion != campaign.sequenceVersion {
            standing = sequence.moved(
                from: enrolment.step, dueAt: enrolment.dueAt, done: Set(story.sends.map(\.number)), previously: version(enrolment.sequenceVersion))
        }
        guard case .at(let number, let dueAt) = standing, let step = sequence.step(number) else {
            return Line(at: now, code: "next_end", text: "Nothing is left to do: the edited sequence ends here.")
        }
        guard let email = step.email else { return question(step, dueAt: dueAt, story) }
        let moment = max(dueAt, now)
        switch VariantChoice.choose(email, step: number, for: enrolment.id, state: tests[number], now: moment) {
        case .waitForWinner(let until):
            return Line(
                at: until, code: "waits_test",
                text: "Waits for the better variant of step \(number), which is looked for on \(time.moment(until)).")
        case .variant(let variant):
            let what = name(ofStep: number, variant: variant)
            return dueAt > now ? due(what, at: dueAt, enrolment) : decided(what, enrolment)
        }
    }

    /// Something that is not due yet.
    private func due(_ what: String, at dueAt: Date, _ enrolment: Enrolment) -> Line {
        let text = "Waits for \(what): due on \(time.moment(dueAt))"
        guard let opening = schedule.opening(from: dueAt, leadZone: enrolment.zone) else {
            return Line(at: dueAt, code: WaitReason.windowNeverOpens.code, text: "\(text); the window does not open on any day to come.")
        }
        guard opening > dueAt else { return Line(at: dueAt, code: "waits_due", text: "\(text).") }
        return Line(at: opening, code: "waits_due", text: "\(text); the window opens on \(time.moment(opening)).")
    }

    /// Something that is due: what the next round would decide.
    private func decided(_ what: String, _ enrolment: Enrolment) -> Line {
        if !mayMail { return waits(.accessReadOnly, until: nil) }
        // What rounds do not know of is what the hand-over met.
        if campaign.waitingReason == "quota_exceeded" || limits == nil, let reason = campaign.waitingReason {
            return waits(reason, until: campaign.nextAt)
        }
        let soon = Line(at: now, code: "due_now", text: "Is due for \(what): goes out as soon as those before it have gone.")
        guard let limits else { return soon }
        var planner = Planner(
            schedule: schedule, now: now, sentToday: limits.sentToday, outstanding: limits.outstanding, rooms: limits.rooms, cursor: limits.cursor)
        if case .closed(let until, let reason) = planner.verdict { return waits(reason, until: opening(until, enrolment)) }
        switch planner.decide(DueGroup(key: enrolment.id, zone: enrolment.zone, mailbox: enrolment.mailbox)).first?.decision {
        case .wait(let until, let reason): return waits(reason, until: opening(until, enrolment))
        case .mail, .leave, nil: return soon
        }
    }

    /// What was full or reached at night is over before the window opens.
    private func opening(_ instant: Date, _ enrolment: Enrolment) -> Date {
        schedule.opening(from: instant, leadZone: enrolment.zone) ?? instant
    }

    /// A condition that is still to be asked, and how it would be answered now.
    private func question(_ step: Step, dueAt: Date, _ story: Story) -> Line {
        var facts = ConditionFacts()
        for send in story.sends {
            if send.record.openedAt != nil { facts.opened.insert(send.number) }
            if send.record.clickedAt != nil { facts.clicked.insert(send.number) }
            if send.record.repliedAt != nil { facts.replied.insert(send.number) }
        }
        guard case .condition(let condition) = step.action else {
            return Line(at: dueAt, code: "waits_due", text: "Waits for step \(step.number): due on \(time.moment(dueAt)).")
        }
        let asked = dueAt > now ? "asked on \(time.moment(dueAt))" : "asked as soon as its turn comes"
        let text = "Waits for the condition of step \(step.number) (\(Self.words(for: condition.test))): \(asked)"
        // Whether a lead fits a filter is asked of the lead as it is then.
        if case .attribute = condition.test { return Line(at: dueAt, code: "next_condition", text: "\(text).") }
        guard let answer = sequence.evaluate(condition: step.number, facts: facts, at: max(dueAt, now)) else {
            return Line(at: dueAt, code: "next_condition", text: "\(text).")
        }
        let went =
            switch answer.standing {
            case .at(let number, _): "would go to step \(number)"
            case .end: "would reach the end"
            }
        return Line(at: dueAt, code: "next_condition", text: "\(text); as things stand: \(answer.isMet ? "yes" : "no"), \(went).")
    }
}
