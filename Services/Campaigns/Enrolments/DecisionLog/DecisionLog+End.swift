import Contracts
import Foundation

/// How enrolments ended.
extension DecisionLog {
    /// Nil while an enrolment goes on, and where a decision's own line has told it.
    func end(of story: Story) -> Line? {
        let enrolment = story.enrolment
        guard enrolment.status.isFinal else { return nil }
        if enrolment.status == .removed, enrolment.exitReason == "stopped", story.decisions.contains(where: { $0.kind == "stopped" }) { return nil }
        let acts = story.sends.map(\.record)
        let heard: [Date?] =
            switch enrolment.status {
            case .replied: acts.map(\.repliedAt)
            case .bounced: acts.map(\.bouncedAt)
            case .complained: acts.map(\.complainedAt)
            case .unsubscribed: acts.map(\.unsubscribedAt)
            default: []
            }
        let at = heard.compactMap { $0 }.min() ?? story.finishedAt ?? story.enrolledAt
        let code = enrolment.status == .finished ? "finished" : "ended_\(enrolment.status.rawValue)"
        return Line(at: at, code: code, text: text(of: story, at: time.moment(at)))
    }

    private func text(of story: Story, at moment: String) -> String {
        let enrolment = story.enrolment
        let isMailed = story.sends.contains { $0.sentAt != nil }
        switch enrolment.status {
        case .finished where enrolment.exitReason == "campaign_over":
            return "Finished on \(moment): the campaign was over when its last mail went out."
        case .finished: return "Finished on \(moment): every step is done."
        case .failed where enrolment.exitReason == "refused":
            return "Stopped on \(moment): the receiving server refused the mail of step \(enrolment.step) for good."
        case .failed: return "Stopped on \(moment): the mail of step \(enrolment.step) could not be written; its template is gone."
        case .suppressed where isMailed: return "Stopped on \(moment): the address was put on the suppression list."
        case .suppressed: return "Never mailed: the address is on the suppression list."
        case .replied: return "Stopped: the lead answered on \(moment)."
        case .bounced: return "Stopped: the mail came back on \(moment); the address does not take any."
        case .complained: return "Stopped: the lead complained about the mail on \(moment)."
        case .unsubscribed where isMailed: return "Stopped: the lead unsubscribed on \(moment)."
        case .unsubscribed: return "Never mailed: the lead had opted out when it was noticed on \(moment)."
        case .removed, .waiting, .handingOver, .queued, .deferred, .held:
            return "\(isMailed ? "Stopped" : "Never mailed"): \(EnrolmentCause.removal(enrolment.exitReason, audience: audienceName)) on \(moment)."
        }
    }
}
