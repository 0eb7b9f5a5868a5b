import HTTP
import HTTPTypes
import Hummingbird

/// The page behind the mailed link that sets a new password; it needs neither scripts nor a session, and looking at it uses nothing.
enum ResetPage {
    /// The form, with what was wrong with the last try.
    static func ask(token: String, fault: String? = nil, status: HTTPResponse.Status = .ok) -> Response {
        let described = fault == nil ? "" : " aria-invalid=\"true\""
        let alert = fault.map { "<p class=\"bad\" role=\"alert\" id=\"fault\">\($0.htmlEscaped)</p>" } ?? ""
        return ConfirmationPage.page(
            "Set a new password",
            """
            <form method="post" action="/reset-password"><input type="hidden" name="token" value="\(token.htmlEscaped)">
            <label for="password">New password</label>
            <input type="password" id="password" name="password" autocomplete="new-password" required aria-describedby="hint\(fault == nil ? "" : " fault")"\(described)>
            <p class="note" id="hint">At least \(Password.minimumLength) characters. Several words that only you put together are good.</p>
            \(alert)<p><button type="submit">Set password</button></p></form>
            <p class="note">You are signed out everywhere.</p>
            """, status: status)
    }

    static let done = ConfirmationPage.page(
        "Your password is set", "<p>You are signed out everywhere. Now you can <a href=\"/login\">sign in</a> with the new one.</p>")

    static let gone = ConfirmationPage.page(
        "This link is no longer good",
        "<p>Links are good for an hour and for one use. <a href=\"/forgot-password\">Ask for a new one</a>.</p>", status: .unprocessableContent)
}
