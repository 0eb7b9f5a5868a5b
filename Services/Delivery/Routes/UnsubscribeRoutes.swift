import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// The page behind a mail's unsubscribe link, and the one-click POST of RFC 8058; looking at it changes nothing.
struct UnsubscribeRoutes {
    let links: UnsubscribeLinks
    let suppressions: Suppressions

    func add(to router: Router<AppContext>) {
        router.get("/u/{token}") { _, context in
            guard let token = context.parameters.get("token"), links.open(token) != nil else { return unknown }
            return page(
                "Stop receiving these mails?",
                """
                <p>Press the button, and this sender will not write to you again.</p>
                <form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">
                <button type="submit">Unsubscribe</button></form>
                """)
        }
        router.post("/u/{token}") { _, context in
            guard let token = context.parameters.get("token"), let (tenant, send) = links.open(token),
                try await suppressions.unsubscribe(tenant: tenant, send: send)
            else { return unknown }
            return page("You are unsubscribed", "<p>This sender will not write to you again.</p>")
        }
    }

    private var unknown: Response {
        page("This link is not complete", "<p>Please use the link exactly as it stands in the mail.</p>", status: .notFound)
    }

    private func page(_ title: String, _ body: String, status: HTTPResponse.Status = .ok) -> Response {
        .html(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title)</title></head><body><main><h1>\(title)</h1>\(body)</main></body></html>
            """, status: status)
    }
}
