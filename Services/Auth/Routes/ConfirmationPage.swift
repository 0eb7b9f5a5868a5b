import Foundation
import HTTP
import HTTPTypes
import Hummingbird

/// The page behind a mailed link: looking at it changes nothing, so mail scanners may; its button does what the mail says.
enum ConfirmationPage {
    /// What the button does.
    struct Question {
        let title: String
        let words: String
        let action: String
        let button: String

        static let verification = Question(
            title: "Confirm your address", words: "Press the button to confirm that this address is yours.", action: "/verify-email",
            button: "Confirm my address")
        static let emailChange = Question(
            title: "Change your address", words: "Press the button to agree to the new address of your account.", action: "/email-change",
            button: "Yes, change it")
    }

    static func ask(_ question: Question, token: String?) -> Response {
        guard let token, !token.isEmpty else { return failed }
        return page(
            question.title,
            """
            <p>\(question.words)</p>
            <form method="post" action="\(question.action)"><input type="hidden" name="token" value="\(token.htmlEscaped)">
            <button type="submit">\(question.button)</button></form>
            """)
    }

    /// The token that the form sends back. It is the secret, so no cookie takes part.
    static func token(of request: Request) async throws -> String? {
        try await fields(of: request)["token"]
    }

    /// What a form sends.
    static func fields(of request: Request) async throws -> [String: String] {
        // Forms write a space as a plus, which is one of its own in an address.
        let body = String(decoding: try await request.bytes(limit: 4_096), as: UTF8.self).replacing("+", with: "%20")
        let items = URLComponents(string: "?\(body)")?.queryItems ?? []
        return Dictionary(items.map { ($0.name, $0.value ?? "") }) { first, _ in first }
    }

    static let verified = page("Your address is confirmed", "<p>You can close this page, or <a href=\"/login\">sign in</a>.</p>")

    static let failed = page(
        "This link is no longer good",
        "<p>Links are good for a while and for one use. Sign in and ask for a new one, or type the code from the mail.</p>",
        status: .unprocessableContent)

    static func page(_ title: String, _ body: String, status: HTTPResponse.Status = .ok) -> Response {
        PlainPage.response(title, body, brand: "PenguinMails", status: status)
    }
}
