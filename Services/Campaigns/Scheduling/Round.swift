import Contracts
import Foundation

/// An enrolment that is due, with what is known of its lead and its mails so far.
struct DueEnrolment: Sendable, Equatable {
    var enrolment: Enrolment
    /// Nil when the lead is gone.
    var leadStatus: LeadStatus?
    /// Whether it still belongs to whom the campaign is for; asked only of those who have had no mail.
    var isInAudience = true
    /// Steps whose mails were decided.
    var done: Set<Int> = []
    var facts = ConditionFacts()
}

/// What a round of one campaign starts from.
struct RoundContext: Sendable {
    let now: Date
    let schedule: CampaignSchedule
    let sequence: CampaignSequence
    /// Versions by which due enrolments were planned before, where those are not the current one.
    var earlier: [Int: CampaignSequence] = [:]
    /// By step.
    var tests: [Int: TestState] = [:]
    let sentToday: Int
    let outstanding: Int
    let rooms: [MailboxRoom]
    let cursor: Int64
}

/// What a round decided; the store writes it in one commit.
struct RoundPlan: Sendable, Equatable {
    struct Mail: Sendable, Equatable {
        let enrolment: EnrolmentID
        let lead: LeadID
        let step: Int
        let variant: EmailStep.Variant
        let mailbox: MailboxID
    }

    struct Note: Sendable, Equatable {
        let enrolment: EnrolmentID
        let step: Int
        /// `condition`, `moved`, `ended`; `stopped` by hand.
        let kind: String
        let detail: [String: String]
    }

    /// Enrolments as they are now; those that are left alone are not in here.
    var changed: [Enrolment] = []
    var mails: [Mail] = []
    var notes: [Note] = []
    /// Tests whose first mail is due now, by step.
    var opened: Set<Int> = []
    var cursor: Int64 = 0
    /// Whether some that are due could not be decided in this round.
    var hasLeftSome = false
    /// Whether somebody has something to do at once, which this round did not do: another follows.
    var wantsAnother = false
}

/// One round of a campaign's scheduling: (state, clock) → decisions, without I/O.
struct Round: Sendable {
    /// The longest time for which a thread waits for its mailbox without a look.
    static let threadPatience: TimeInterval = 3_600

    private let context: RoundContext
    private var planner: Planner
    private var plan = RoundPlan()

    init(_ context: RoundContext) {
        self.context = context
        planner = Planner(
            schedule: context.schedule, now: context.now, sentToday: context.sentToday, outstanding: context.outstanding, rooms: context.rooms,
            cursor: context.cursor)
    }

    /// Whether anybody can be mailed now, and how many at most.
    var verdict: Planner.Verdict { planner.verdict }

    /// Decides about enrolments in the order given; those in a thread should come first.
    mutating func decide(_ due: [DueEnrolment]) -> RoundPlan {
        for one in due { decide(one) }
        plan.cursor = planner.rotation.cursor
        return plan
    }

    private mutating func decide(_ due: DueEnrolment) {
        var enrolment = due.enrolment
        if let end = Self.end(of: due) {
            Reaction.end(&enrolment, as: end.status, because: end.reason)
            note(enrolment, "ended", ["reason": end.reason])
            plan.changed.append(enrolment)
            return
        }
        // After an edit that changed the order it may also stand, by the newest version, at a mail that was decided before.
        if enrolment.sequenceVersion != context.sequence.version || due.done.contains(enrolment.step) { move(&enrolment, due.done) }
        // What was asked about it was asked about the step at which it stood: the next round asks about this one.
        if enrolment.step != due.enrolment.step {
            plan.changed.append(enrolment)
            return
        }
        guard enrolment.status == .waiting, enrolment.dueAt <= context.now, let step = context.sequence.step(enrolment.step) else {
            if enrolment != due.enrolment { plan.changed.append(enrolment) }
            return
        }
        if let email = step.email {
            mail(email, enrolment, was: due.enrolment)
        } else {
            evaluate(step.number, enrolment, due.facts)
        }
    }

    /// Why somebody who is due gets nothing more.
    private static func end(of due: DueEnrolment) -> (status: EnrolmentStatus, reason: String)? {
        switch due.leadStatus {
        case nil: return (.removed, "lead_gone")
        case .unsubscribed: return (.unsubscribed, "unsubscribed")
        case .bounced: return (.bounced, "bounced")
        case .complained: return (.complained, "complained")
        case .suppressed: return (.suppressed, "suppressed")
        case .active: break
        }
        return due.isInAudience ? nil : (.removed, "left_audience")
    }

    /// Takes an enrolment over into the current version of the sequence.
    private mutating func move(_ enrolment: inout Enrolment, _ done: Set<Int>) {
        let (from, version) = (enrolment.step, enrolment.sequenceVersion)
        let standing = context.sequence.moved(from: from, dueAt: enrolment.dueAt, done: done, previously: context.earlier[version])
        Reaction.stand(standing, &enrolment, version: context.sequence.version)
        guard enrolment.step != from || enrolment.status.isFinal else { return }
        note(enrolment, "moved", ["from_step": String(from), "from_version": String(version), "to_version": String(context.sequence.version)])
        if enrolment.dueAt <= context.now { plan.wantsAnother = true }
    }

    private mutating func evaluate(_ step: Int, _ enrolment: Enrolment, _ facts: ConditionFacts) {
        guard let answer = context.sequence.evaluate(condition: step, facts: facts, at: context.now) else { return }
        var enrolment = enrolment
        note(enrolment, "condition", ["is_met": String(answer.isMet)])
        Reaction.stand(answer.standing, &enrolment, version: context.sequence.version)
        plan.changed.append(enrolment)
        if enrolment.status == .waiting, enrolment.dueAt <= context.now { plan.wantsAnother = true }
    }

    private mutating func mail(_ email: EmailStep, _ enrolment: Enrolment, was before: Enrolment) {
        var enrolment = enrolment
        let step = enrolment.step
        let choice = VariantChoice.choose(email, step: step, for: enrolment.id, state: context.tests[step], now: context.now)
        guard case .variant(let name) = choice, let variant = email.variants.first(where: { $0.name == name }) else {
            if case .waitForWinner(let until) = choice {
                // Whoever looks too late looks again in a minute: the winner is decided at the beginning of a round.
                enrolment.dueAt = max(until, context.now + 60)
                plan.changed.append(enrolment)
                if context.tests[step] == nil { plan.opened.insert(step) }
            }
            return
        }
        let parts = planner.decide(DueGroup(key: enrolment.id, zone: enrolment.zone, mailbox: enrolment.mailbox))
        switch parts.first?.decision {
        case .mail(let mailbox):
            enrolment.status = .handingOver
            enrolment.mailbox = mailbox
            plan.changed.append(enrolment)
            plan.mails.append(.init(enrolment: enrolment.id, lead: enrolment.lead, step: step, variant: variant, mailbox: mailbox))
            if email.test != nil, context.tests[step] == nil { plan.opened.insert(step) }
        case .wait(let until, let reason):
            // A full mailbox may be given more room any time.
            enrolment.dueAt = reason == .threadMailboxFull ? min(until, context.now + Self.threadPatience) : until
            plan.changed.append(enrolment)
        case .leave, nil:
            plan.hasLeftSome = true
            if enrolment != before { plan.changed.append(enrolment) }
        }
    }

    private mutating func note(_ enrolment: Enrolment, _ kind: String, _ detail: [String: String]) {
        plan.notes.append(.init(enrolment: enrolment.id, step: enrolment.step, kind: kind, detail: detail))
    }
}
