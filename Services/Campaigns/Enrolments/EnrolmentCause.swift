/// Why an enrolment ended, or does not go on at the moment: a name for programs and a sentence for people.
struct EnrolmentCause: Encodable, Sendable, Equatable {
    let code: String
    let text: String

    /// Nil while it goes its way.
    init?(status: EnrolmentStatus, exitReason: String?, step: Int) {
        let told: (code: String, text: String)? =
            switch status {
            case .waiting, .handingOver, .queued: nil
            case .deferred: ("deferred", "The receiving server asked to try the mail of step \(step) again later.")
            case .held: ("fate_unknown", "Nobody knows whether the mail of step \(step) arrived; it waits until that is settled.")
            case .finished where exitReason == "campaign_over": ("campaign_over", "The campaign was over when its last mail went out.")
            case .finished: ("sequence_done", "Every step is done.")
            case .failed where exitReason == "refused":
                ("refused", "The receiving server refused the mail of step \(step) for good.")
            case .failed: (exitReason ?? "failed", "The mail of step \(step) could not be written; its template is gone.")
            case .suppressed: (exitReason ?? "suppressed", "The address is on the suppression list.")
            case .replied: ("replied", "The lead answered.")
            case .bounced: ("bounced", "The mail came back; the address does not take any.")
            case .complained: ("complained", "The lead complained about the mail.")
            case .unsubscribed: ("unsubscribed", "The lead unsubscribed.")
            case .removed:
                (exitReason ?? "removed", Self.sentence(Self.removal(exitReason, audience: "audience")))
            }
        guard let told else { return nil }
        code = told.code
        text = told.text
    }

    /// Why somebody was taken out, as the middle of a sentence; `audience`: what the campaign writes to, by name.
    static func removal(_ reason: String?, audience: String) -> String {
        switch reason {
        case "erased": "the lead's data were erased"
        case "lead_gone": "the lead was gone"
        case "left_audience": "the lead was no longer in the \(audience)"
        case "campaign_stopped": "the campaign was stopped"
        case "cancelled": "its mail was cancelled in the queue"
        case "stopped": "it was stopped by hand"
        case let reason?: "it was taken out (\(reason.replacing("_", with: " ")))"
        case nil: "it was taken out"
        }
    }

    private static func sentence(_ words: String) -> String {
        words.prefix(1).uppercased() + words.dropFirst() + "."
    }
}
