import Contracts
import Crypto
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// The page on which a browser lands that comes back from a provider: what came of it, and the way on; without scripts.
enum OAuthLanding {
    static func page(_ arrival: OAuthMailboxes.Arrival) -> Response {
        let emails = "/dashboard/workspaces/\(arrival.workspaceSlug)/emails"
        switch arrival.result {
        case .success(let mailbox):
            let outcome = arrival.isRenewal ? "renewed" : "connected"
            let path = "\(emails)?oauth=\(outcome)&mailbox=\(mailbox.id)"
            let words =
                mailbox.state == "active"
                ? "\(mailbox.address) sends and is read from now on."
                : "\(mailbox.address) is connected, but does not send yet: \(mailbox.stateReason ?? mailbox.state)."
            return page(
                arrival.isRenewal ? "The permission is renewed" : "The mailbox is connected", words, path: path, moves: mailbox.state == "active")
        case .failure(let refusal): return page(refusal, path: "\(emails)?oauth=\(refusal.code)")
        }
    }

    static func page(_ refusal: OAuthRefusal, path: String = "/dashboard") -> Response {
        page(
            refusal.title, refusal.detail, path: path, moves: false,
            status: refusal == .unavailable ? .serviceUnavailable : .unprocessableContent)
    }

    private static func page(_ title: String, _ words: String, path: String, moves: Bool, status: HTTPResponse.Status = .ok) -> Response {
        let refresh = moves ? "<meta http-equiv=\"refresh\" content=\"3;url=\(path.htmlEscaped)\">" : ""
        var response = Response.html(
            """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\(refresh)
            <meta name="robots" content="noindex, nofollow"><title>\(title.htmlEscaped) – PenguinMails</title><style>\(style)</style></head>
            <body><main><h1>\(title.htmlEscaped)</h1>
            <p role="status">\(words.htmlEscaped)</p>
            <p><a href="\(path.htmlEscaped)">Back to the mailboxes</a></p>
            </main></body></html>
            """, status: status)
        response.headers[.contentSecurityPolicy] = policy
        // The address has a code in it; it is used up, and goes nowhere.
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    private static let style = """
        body{font:1.1rem/1.5 system-ui,sans-serif;margin:0;padding:2rem 1rem;color:#1a1a1a;background:#fff}main{max-width:36rem;margin:0 auto}\
        a{color:#0b57d0}
        """

    /// This page's own style and nothing else.
    private static let policy: String = {
        let digest = Data(SHA256.hash(data: Data(style.utf8))).base64EncodedString()
        return "default-src 'none'; style-src 'sha256-\(digest)'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    }()
}
