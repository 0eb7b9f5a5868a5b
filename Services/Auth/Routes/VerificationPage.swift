import HTTP
import HTTPTypes
import Hummingbird

/// The page behind the mailed link: looking at it changes nothing, so mail scanners may; its button proves the address.
enum VerificationPage {
    static func ask(token: String?) -> Response {
        guard let token, !token.isEmpty else { return failed }
        return page(
            "Confirm your address",
            """
            <p>Press the button to confirm that this address is yours.</p>
            <form method="post" action="/verify-email"><input type="hidden" name="token" value="\(token.htmlEscaped)">
            <button type="submit">Confirm my address</button></form>
            """)
    }

    static let done = page("Your address is confirmed", "<p>You can close this page and sign in.</p>")

    static let failed = page(
        "This link is no longer good",
        "<p>Links are good for 30 minutes and for one use. Sign in and ask for a new one, or type the code from the mail.</p>",
        status: .unprocessableContent)

    private static func page(_ title: String, _ body: String, status: HTTPResponse.Status = .ok) -> Response {
        .html(
            """
            <!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
            <title>\(title) – PenguinMails</title></head><body><main><h1>\(title)</h1>\(body)</main></body></html>
            """, status: status)
    }
}
