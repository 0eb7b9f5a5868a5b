import Foundation
import HTTP
import RPC
import ServiceRuntime

/// Why somebody came back from a provider for nothing; `code` is what the console is told, the rest is for the person.
struct OAuthRefusal: Error, Equatable {
    let code: String
    let title: String
    let detail: String

    static let flow = OAuthRefusal(
        code: "flow", title: "This way back is no longer good",
        detail: "It is good for ten minutes, once, and in the browser in which it was begun. Connect the mailbox again from the console.")
    static let denied = OAuthRefusal(
        code: "denied", title: "Nothing was connected", detail: "The request was declined there, so nothing has changed here.")
    static let sessionEnded = OAuthRefusal(
        code: "session_ended", title: "You have been signed out meanwhile", detail: "Sign in and connect the mailbox again.")
    static let unavailable = OAuthRefusal(
        code: "unavailable", title: "This could not be finished",
        detail: "A part of the service, or the provider, did not answer. Nothing has changed; connect the mailbox again.")
    static let failed = OAuthRefusal(
        code: "failed", title: "The provider's answer could not be used",
        detail: "Nothing has changed. If this stays so, the operator of this installation finds the reason in the log.")
    static let scopes = OAuthRefusal(
        code: "scope_missing", title: "Not everything was allowed",
        detail: "Sending and reading mail must both be allowed. Connect the mailbox again and leave every box ticked.")
    static let noRefreshToken = OAuthRefusal(
        code: "no_refresh_token", title: "The permission would end within the hour",
        detail: "The provider gave no lasting permission. Remove this application in your account there, then connect the mailbox again.")
    static let noSuchMailbox = OAuthRefusal(
        code: "mailbox_gone", title: "The mailbox is gone", detail: "It was removed while you were away.")

    static func otherAddress(_ wanted: String, not found: String) -> OAuthRefusal {
        OAuthRefusal(
            code: "other_address", title: "That was another account",
            detail: "You allowed the use of \(found), but this mailbox is \(wanted). Connect it again and choose that account.")
    }

    static func unusableAddress(_ found: String) -> OAuthRefusal {
        OAuthRefusal(
            code: "unusable_address", title: "Mail cannot be sent from this address", detail: "\(found) is not an address that mail servers take.")
    }

    init(code: String, title: String, detail: String) {
        self.code = code
        self.title = title
        self.detail = detail
    }

    /// What would have been the answer to a request; the server's own words belong to it.
    init(_ problem: Problem) {
        var words = [problem.detail ?? ""]
        if case .text(let reply)? = problem.extensions["reply"], !reply.isEmpty { words.append("The server said: \(reply)") }
        if case .object(let other)? = problem.extensions["also"], case .text(let detail)? = other["detail"] {
            words.append("Reading failed, too: \(detail)")
        }
        self.init(code: problem.kind, title: problem.title, detail: words.filter { !$0.isEmpty }.joined(separator: " "))
    }

    /// From whatever went wrong on the way; nil for what nobody expected.
    init?(_ error: any Error) {
        switch error {
        case let refusal as OAuthRefusal: self = refusal
        case let problem as Problem: self.init(problem)
        case let error as RPCError:
            if let problem = Problem(limit: error) { self.init(problem) } else { self = .unavailable }
        case OAuthFailure.consentOver: self = .flow
        case OAuthFailure.misconfigured, OAuthFailure.incredible: self = .failed
        case OAuthFailure.unavailable: self = .unavailable
        default: return nil
        }
    }
}
