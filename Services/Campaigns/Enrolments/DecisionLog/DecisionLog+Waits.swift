import Contracts
import Foundation

/// Why somebody who is due is not mailed.
extension DecisionLog {
    /// The campaign's own word, which may be one that rounds do not use.
    func waits(_ reason: String, until: Date?) -> Line {
        if let known = WaitReason(rawValue: reason) { return waits(known, until: until) }
        let goesOn = until.map { "; tried again on \(time.moment($0))" } ?? ""
        if reason == "quota_exceeded" {
            return Line(at: until ?? now, code: "waits_quota", text: "Not mailed: the mails of the plan's period are used up\(goesOn).")
        }
        return Line(at: until ?? now, code: "waits", text: "Not mailed: \(reason.replacing("_", with: " "))\(goesOn).")
    }

    func waits(_ reason: WaitReason, until: Date?) -> Line {
        Line(at: until ?? now, code: reason.code, text: "Not mailed: \(words(for: reason, until: until.map { time.moment($0) })).")
    }

    private func words(for reason: WaitReason, until moment: String?) -> String {
        func goesOn(_ words: String) -> String { moment.map { "; \(words) \($0)" } ?? "" }
        switch reason {
        case .outsideWindow: return "the sending window is closed\(goesOn("it opens on"))"
        case .dailyCap:
            let cap = schedule.dailyCap.map { " of \($0)" } ?? ""
            return "the daily cap\(cap) is reached\(goesOn("goes on"))"
        case .mailboxesFull: return "every mailbox is full\(moment.map { " until \($0)" } ?? "")"
        case .mailboxesUnavailable: return "no mailbox of the campaign sends at the moment\(goesOn("looked at again on"))"
        case .threadMailboxFull: return "the mailbox of its thread is full\(moment.map { " until \($0)" } ?? "")"
        case .windowNeverOpens: return "the sending window does not open on any day to come"
        case .accessReadOnly: return "the trial or the subscription is over, or the company is suspended, so nothing is sent"
        case .audienceGone: return "the campaign's \(audienceName) is gone or cannot be asked"
        case .tooLarge: return "it could not be looked at to the end"
        }
    }
}

extension WaitReason {
    /// As lines of logs have it.
    var code: String {
        switch self {
        case .outsideWindow: "waits_window"
        case .dailyCap: "waits_daily_cap"
        case .mailboxesFull: "waits_mailboxes_full"
        case .mailboxesUnavailable: "waits_mailboxes_unavailable"
        case .threadMailboxFull: "waits_thread_mailbox_full"
        case .windowNeverOpens: "waits_window_never_opens"
        case .accessReadOnly: "waits_access"
        case .audienceGone: "waits_audience"
        case .tooLarge: "waits_too_large"
        }
    }
}
