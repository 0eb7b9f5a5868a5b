import HTTP
import HTTPTypes
import Hummingbird

/// The page behind the link of a reset mail: works without scripts, and looking at it changes nothing.
enum PasswordResetPage {
    /// The form; with what is wrong, when it was sent before.
    static func ask(token: String, fault: String? = nil, status: HTTPResponse.Status = .ok) -> Response {
        guard !token.isEmpty else { return failed }
        let said = fault.map { "<p class=\"error\" id=\"fault\" role=\"alert\">\($0.htmlEscaped)</p>" } ?? ""
        let invalid = fault == nil ? "" : " aria-invalid=\"true\" aria-describedby=\"fault\""
        return ConfirmationPage.page(
            "Set a new password",
            """
            <p>It ends all your sessions. At least \(Password.minimumLength) characters; a sentence is good.</p>
            <form class="stack" method="post" action="/reset-password"><input type="hidden" name="token" value="\(token.htmlEscaped)">
            <div class="field"><label for="password">New password</label>
            <input id="password" name="password" type="password" autocomplete="new-password" required\(invalid)>\(said)</div>
            <div class="actions"><button class="primary" type="submit">Set password</button></div></form>
            """, status: status)
    }

    static let done = ConfirmationPage.page(
        "Your password is set", "<p>All sessions have ended. <a href=\"/login\">Sign in</a> with the new password.</p>")

    static let failed = ConfirmationPage.page(
        "This link is no longer good",
        "<p>Links are good for an hour and for one use. <a href=\"/forgot-password\">Ask for a new one</a></p>", status: .unprocessableContent)
}
