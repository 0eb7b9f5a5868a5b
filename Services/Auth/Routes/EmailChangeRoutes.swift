import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// A new address for an account. The mailed page changes nothing until its button is pressed, since mail scanners open links.
struct EmailChangeRoutes {
    let changes: EmailChanges
    let guardian: SessionGuard
    let crossSite: CrossSiteCheck

    private struct ChangeRequest: Decodable {
        let email: String
    }

    private struct ConfirmRequest: Decodable {
        let token: String
    }

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/auth/email/change") { request, context in
            try crossSite.require(request.headers)
            let input = try await request.json(ChangeRequest.self)
            let session = try await guardian.freshSession(of: request)
            guard let address = EmailAddress(input.email), address.text != session.email else {
                throw Problem.invalid("email must be another plain address, such as you@example.com.", field: "email")
            }
            let begun = try await changes.begin(session, to: address, audit: { context.audit($0, outcome: $1, targets: $2) })
            guard begun else { throw Problem.throttled(Throttled(seconds: Int(Verifications.pause))) }
            return try Response.json(["status": "confirmation_sent"], status: .accepted)
        }
        router.post("/api/v1/auth/email/confirm") { request, context in
            try crossSite.require(request.headers)
            let token = try await request.json(ConfirmRequest.self).token
            switch try await changes.confirm(token, audit: { context.audit($0, outcome: $1, targets: $2) }) {
            case .waiting: return try Response.json(["status": "waiting_for_other_address"])
            case .changed: return try Response.json(["status": "changed"])
            case .gone:
                throw Problem.unprocessable(
                    kind: "confirmation_failed", title: "This link is no longer good.", detail: "Links are good for an hour; begin the change again.")
            }
        }
        router.get("/email-change") { request, _ in ConfirmationPage.ask(.emailChange, token: request.uri.queryParameters["token"].map(String.init)) }
        router.post("/email-change") { request, context in
            guard let token = try await ConfirmationPage.token(of: request) else { return ConfirmationPage.failed }
            switch try await changes.confirm(token, audit: { context.audit($0, outcome: $1, targets: $2) }) {
            case .waiting: return ConfirmationPage.page("Thank you", "<p>The other address has still to confirm.</p>")
            case .changed: return ConfirmationPage.page("Your address is changed", "<p>Sign in with the new one.</p>")
            case .gone: return ConfirmationPage.failed
            }
        }
    }
}
