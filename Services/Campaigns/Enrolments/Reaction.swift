import Contracts
import Foundation

/// What the campaign says about an enrolment's way.
struct EnrolmentRules: Sendable {
    let sequence: CampaignSequence
    /// The version that the enrolment was last planned by, if it is another.
    var previous: CampaignSequence?
    var stopsOnReply = true
    /// Whether there is a next step for anybody: a campaign that is over begins nothing more.
    var isOver = false
    /// Whether the next mail waits until somebody who is away is back.
    var pausesUntilReturn = true
}

/// How events change enrolments and their mails: functions from state to state, without clock or store.
///
/// Every function may be told the same again, or in another order: words about a mail carry versions, and an end is never undone by less.
enum Reaction {
    /// Delivery's word about the mail of a step. Nil when it is old.
    static func hear(
        _ state: DeliveryEvents.SendState, version: Int64, at instant: Date, day: String, about send: EnrolmentSend, of enrolment: Enrolment,
        rules: EnrolmentRules
    ) -> (send: EnrolmentSend, enrolment: Enrolment)? {
        guard version > send.version, let next = EnrolmentSend.State(state) else { return nil }
        var (send, enrolment) = (send, enrolment)
        send.version = version
        send.state = next
        // The first day it may have gone out stays its day.
        if next.isSent || next == .refused { send.day = send.day ?? day }
        if next.isSent { send.sentAt = send.sentAt ?? instant }
        // Of a mail that is not the one the enrolment waits for, or of one that has ended, the word is only noted.
        guard !enrolment.status.isFinal, enrolment.step == send.step, enrolment.status != .waiting else {
            // Claimed when it was to be cancelled, and deferred since: it is to be cancelled again, or it counts as outstanding for ever.
            if enrolment.status.isFinal, next == .deferred { enrolment.needsWithdrawal = true }
            return (send, enrolment)
        }
        switch next {
        case .planned, .queued: break
        case .deferred: enrolment.status = .deferred
        case .ambiguous: enrolment.status = .held
        case .suppressed: end(&enrolment, as: .suppressed, because: "suppressed")
        case .refused: end(&enrolment, as: .failed, because: "refused")
        case .cancelled: end(&enrolment, as: .removed, because: "cancelled")
        case .accepted: goOn(&enrolment, after: send.step, at: instant, rules: rules)
        }
        return (send, enrolment)
    }

    /// What a person or a server did with a mail: some of it ends the enrolment.
    static func feel(_ kind: DeliveryEvents.FeedbackKind, of enrolment: Enrolment, rules: EnrolmentRules) -> Enrolment {
        var enrolment = enrolment
        switch kind {
        case .replied where rules.stopsOnReply: end(&enrolment, as: .replied, because: "replied")
        case .hardBounce: end(&enrolment, as: .bounced, because: "bounced")
        case .complained: end(&enrolment, as: .complained, because: "complained")
        case .unsubscribed: end(&enrolment, as: .unsubscribed, because: "unsubscribed")
        default: break
        }
        return enrolment
    }

    /// How far ahead a return is waited for; who is away for longer gets the mail meanwhile.
    static let longestAbsence: TimeInterval = 60 * 86_400

    /// Somebody is away, and back on a day that begins at `back`, as was heard at `instant`: what waits for its time goes not before the day after.
    static func wait(for back: DateInterval, since instant: Date, of enrolment: Enrolment, rules: EnrolmentRules) -> Enrolment {
        guard rules.pausesUntilReturn, enrolment.status == .waiting, back.start.timeIntervalSince(instant) <= longestAbsence else { return enrolment }
        var waiting = enrolment
        waiting.dueAt = max(enrolment.dueAt, back.end)
        return waiting
    }

    /// Ends an enrolment, unless it has ended by something that says more.
    static func end(_ enrolment: inout Enrolment, as status: EnrolmentStatus, because reason: String) {
        guard status.finality > enrolment.status.finality else { return }
        // A held mail too: the tenant's policy may send it again.
        if enrolment.status.isInFlight { enrolment.needsWithdrawal = true }
        enrolment.status = status
        enrolment.exitReason = reason
        enrolment.optOut = nil
    }

    /// The mail of a step went out: what comes next.
    static func goOn(_ enrolment: inout Enrolment, after step: Int, at instant: Date, rules: EnrolmentRules) {
        guard !rules.isOver else {
            enrolment.status = .finished
            enrolment.exitReason = "campaign_over"
            return
        }
        stand(rules.sequence.after(step: step, at: instant, previously: rules.previous), &enrolment, version: rules.sequence.version)
    }

    /// Puts an enrolment where its sequence sends it.
    static func stand(_ standing: Standing, _ enrolment: inout Enrolment, version: Int) {
        enrolment.sequenceVersion = version
        switch standing {
        case .at(let step, let dueAt):
            enrolment.status = .waiting
            enrolment.step = step
            enrolment.dueAt = dueAt
        case .end:
            enrolment.status = .finished
            enrolment.exitReason = "sequence_done"
        }
    }
}

extension EnrolmentSend.State {
    /// A state of a later version of Delivery changes nothing here.
    init?(_ state: DeliveryEvents.SendState) {
        switch state {
        case .accepted: self = .accepted
        case .refused: self = .refused
        case .deferred: self = .deferred
        case .ambiguous: self = .ambiguous
        case .suppressed: self = .suppressed
        case .cancelled: self = .cancelled
        default: return nil
        }
    }
}
