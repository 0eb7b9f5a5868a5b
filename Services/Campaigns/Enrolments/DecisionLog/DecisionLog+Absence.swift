import Contracts
import Foundation

/// Why a lead is not in a campaign.
extension DecisionLog {
    /// `isEnrolled`: whether enrolling is done for good.
    func absence(isEnrolled: Bool) -> Line {
        let (code, reason) = absence(of: person, isEnrolled: isEnrolled)
        return Line(at: now, code: "not_enrolled_\(code)", text: "Not enrolled: \(reason).")
    }

    /// The first that applies of all that keep leads out, from the lead itself to the campaign.
    private func absence(of person: Person?, isEnrolled: Bool) -> (code: String, reason: String) {
        guard let person else { return ("lead_gone", "the lead is gone") }
        if person.status != .active {
            let since = person.statusChangedAt.map { " on \(time.moment($0))" } ?? ""
            return (person.status.rawValue, "the lead \(Self.words(for: person.status))\(since)")
        }
        if !person.isAttached { return ("not_attached", "not attached to the workspace") }
        switch person.isInAudience {
        case nil: return ("audience_gone", "the campaign's \(audienceName) is gone or cannot be asked")
        case false?: return ("not_in_audience", "not in the \(audienceName) now")
        case true?: break
        }
        switch campaign.status {
        case .draft: return ("draft", "the campaign has not been launched")
        case .scheduled:
            return ("scheduled", "the campaign begins later\(campaign.content.startsAt.map { ", on \(time.moment($0))" } ?? "")")
        case .completed, .archived: return ("campaign_over", "the campaign was over before the lead came to its turn")
        case .active, .paused: break
        }
        if isEnrolled {
            return ("came_later", "it came after everybody had been enrolled, and the campaign does not take people who come later")
        }
        if campaign.status == .paused { return ("paused", "the campaign is paused before enrolling has reached the lead") }
        return ("not_reached", "enrolling has not reached it yet")
    }
}
