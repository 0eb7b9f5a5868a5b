import Contracts
import Foundation

/// Mails, and what people did with them.
extension DecisionLog {
    func line(_ send: Send) -> Line {
        let what = "Mail of \(name(ofStep: send.number, variant: send.record.send.variant))"
        let mailbox = name(of: send.record.send.mailbox)
        let planned = time.moment(send.plannedAt)
        let went = send.sentAt ?? send.plannedAt
        let told: (at: Date, code: String, text: String) =
            switch send.record.send.state {
            case .planned: (send.plannedAt, "mail_planned", "was decided on \(planned) and is on its way to the queue of \(mailbox)")
            case .queued: (send.plannedAt, "mail_queued", "was put into the queue of \(mailbox) on \(planned) and has not gone out yet")
            case .deferred:
                (
                    send.plannedAt, "mail_deferred",
                    "was put into the queue of \(mailbox) on \(planned); the receiving server asked to wait, and it is tried again"
                )
            case .ambiguous:
                (
                    went, "mail_held",
                    """
                    was sent on \(time.moment(went)) (\(time.zone)) from \(mailbox), but the line broke before the receiving server answered: \
                    nobody knows whether it arrived, and nothing more goes out until that is settled
                    """
                )
            case .accepted: (went, "mail_sent", "was sent on \(time.moment(went)) (\(time.zone)) from \(mailbox)")
            case .refused: (send.plannedAt, "mail_refused", "was decided on \(planned); the receiving server refused it for good")
            case .suppressed:
                (send.plannedAt, "mail_suppressed", "was decided on \(planned) and not sent: the address is on the suppression list")
            case .cancelled: (send.plannedAt, "mail_cancelled", "was decided on \(planned) and cancelled before it was sent")
            }
        return Line(at: told.at, code: told.code, text: "\(what) \(told.text)\(feedback(on: send.record, after: told.at)).")
    }

    /// `; opened by a person 10:31; answered on …`, in the order of time.
    private func feedback(on record: SendRecord, after sent: Date) -> String {
        let acts: [(Date?, String)] = [
            (record.openedAt, "opened by a person"), (record.openedAt == nil ? record.machineOpenedAt : nil, "opened by a machine"),
            (record.clickedAt, "a link clicked"), (record.repliedAt, "answered"), (record.bouncedAt, "came back"),
            (record.complainedAt, "complained about"), (record.unsubscribedAt, "unsubscribed"),
        ]
        var known: [(at: Date, words: String)] = []
        for (at, words) in acts {
            if let at { known.append((at, words)) }
        }
        known.sort { $0.at < $1.at }
        return known.map { "; \($0.words) \(time.moment($0.at, after: sent))" }.joined()
    }
}

/// What was decided without a mail.
extension DecisionLog {
    /// Nil for what another line tells.
    func line(_ decision: Decision, of story: Story) -> Line? {
        switch decision.kind {
        case "condition": condition(decision)
        case "moved": moved(decision, story)
        case "ended":
            // The end itself has a line of its own, unless something that says more came after it.
            decision.detail["reason"] == story.enrolment.exitReason
                ? nil : Line(at: decision.at, code: "ended", text: "Taken out on \(time.moment(decision.at)): \(Self.words(for: decision.detail)).")
        case "stopped":
            Line(
                at: decision.at, code: "stopped",
                text: "Stopped by hand on \(time.moment(decision.at))\(decision.detail["reason"].map { ": \($0)" } ?? "").")
        case "resumed":
            Line(at: decision.at, code: "resumed", text: "The lead took the opt-out back on \(time.moment(decision.at)): it was a slip.")
        default: Line(at: decision.at, code: "noted", text: "Noted on \(time.moment(decision.at)): \(decision.kind).")
        }
    }

    private static func words(for detail: [String: String]) -> String {
        (detail["reason"] ?? "no reason given").replacing("_", with: " ")
    }

    private func condition(_ decision: Decision) -> Line? {
        guard let number = decision.step, let isMet = decision.detail["is_met"].map({ $0 == "true" }) else { return nil }
        let steps = sequence(at: decision.at)
        guard let index = steps.index(of: number), case .condition(let condition) = steps.steps[index].action else {
            return Line(at: decision.at, code: "condition", text: "Condition of step \(number): \(isMet ? "yes" : "no").")
        }
        let went =
            switch isMet ? condition.then : condition.otherwise {
            case .exit: "left the sequence"
            case .step(let target): "went to step \(target)"
            case .following where index + 1 < steps.steps.count: "went to step \(steps.steps[index + 1].number)"
            case .following: "reached the end of the sequence"
            }
        return Line(
            at: decision.at, code: "condition",
            text: "Condition of step \(number) (\(Self.words(for: condition.test))): \(isMet ? "yes" : "no"), \(went).")
    }

    static func words(for test: ConditionStep.Test) -> String {
        switch test {
        case .opened(let step): step.map { "opened step \($0)" } ?? "opened any mail"
        case .clicked(let step): step.map { "clicked in step \($0)" } ?? "clicked in any mail"
        case .replied: "answered"
        case .attribute: "fits the filter"
        }
    }

    private func moved(_ decision: Decision, _ story: Story) -> Line {
        let versions = "version \(decision.detail["from_version"] ?? "?") to \(decision.detail["to_version"] ?? "?")"
        let from = decision.detail["from_step"] ?? "?"
        let to = decision.step.map { String($0) } ?? "?"
        let went = from == to ? "after step \(from) nothing was left to do" : "went from step \(from) to step \(to)"
        return Line(
            at: decision.at, code: "moved", text: "The steps were edited (\(versions)): \(went), on \(time.moment(decision.at)).")
    }
}
