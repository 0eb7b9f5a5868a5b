import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Primitives

/// The page on which a recipient chooses: plain HTML in the reader's language and under the sender's name, without scripts, foreign content, or the
/// recipient's address, which whoever was forwarded the mail would learn.
struct UnsubscribePage: Sendable {
    let language: String
    private let texts: UnsubscribeTexts

    init(acceptLanguage: String?) {
        language = AcceptLanguage.best(of: UnsubscribeTexts.languages, for: acceptLanguage)
        texts = UnsubscribeTexts.of(language)
    }

    /// The choices.
    func question(_ view: PreferenceView) -> Response {
        let offered: [PreferenceChoice] = [.company, .workspace] + (view.hasCampaign ? [.campaign] : []) + [.pause]
        let choices = offered.map { choice in
            """
            <p><input type="radio" name="choice" id="\(choice.rawValue)" value="\(choice.rawValue)"\(choice == .company ? " checked" : "")>
            <label for="\(choice.rawValue)">\((texts.choices[choice] ?? "").htmlEscaped)</label></p>
            """
        }.joined(separator: "\n")
        let tracking: PreferenceChoice = view.isTrackingOff ? .trackingOn : .trackingOff
        return page(
            texts.title,
            """
            <form method="post"><fieldset><legend>\(intro(view))</legend>
            \(choices)
            </fieldset><p><button type="submit">\(texts.confirm.htmlEscaped)</button></p></form>
            <form method="post"><p>\(texts.tracking.htmlEscaped)</p>
            <p><button type="submit" name="choice" value="\(tracking.rawValue)">\
            \((view.isTrackingOff ? texts.trackingOn : texts.trackingOff).htmlEscaped)</button></p></form>
            """)
    }

    /// What was chosen, and the way back.
    func answer(_ choice: PreferenceChoice, path: String) -> Response {
        let undo =
            choice.stopsMail
            ? """
            <form method="post"><p>\(texts.undoHint.htmlEscaped)</p>
            <p><button type="submit" name="choice" value="undo">\(texts.undo.htmlEscaped)</button></p></form>
            """ : ""
        return page(
            texts.saved,
            """
            <p role="status">\((texts.done[choice] ?? "").htmlEscaped)</p>
            \(undo)
            <p><a href="\(path.htmlEscaped)">\(texts.back.htmlEscaped)</a></p>
            """)
    }

    /// For a link that is none of ours.
    var broken: Response {
        page(texts.brokenTitle, "<p>\(texts.broken.htmlEscaped)</p>", status: .notFound)
    }

    /// For what cannot be done now, or was not asked for by this page; nil for what needs the answer of every other route.
    func failure(_ error: any Error) -> Response? {
        if let problem = error as? Problem, problem.status == .contentTooLarge {
            return page(texts.failedTitle, "<p>\(texts.tooLarge.htmlEscaped)</p>", status: problem.status)
        }
        guard let error = error as? any TransientError, error.isTransient else { return nil }
        let problem = Problem.unavailable()
        var response = page(texts.failedTitle, "<p>\(texts.unavailable.htmlEscaped)</p>", status: problem.status)
        response.headers[.retryAfter] = problem.headers[.retryAfter]
        return response
    }

    private func intro(_ view: PreferenceView) -> String {
        let name = view.sender.map { name in view.address.map { "\(name) (\($0))" } ?? name } ?? texts.someone
        return texts.intro.replacing("{sender}", with: name).htmlEscaped
    }

    private func page(_ title: String, _ body: String, status: HTTPResponse.Status = .ok) -> Response {
        var response = PlainPage.response(title, body, language: language, status: status)
        response.headers[.referrerPolicy] = "no-referrer"
        response.headers[.robots] = "noindex, nofollow"
        response.headers[.contentLanguage] = language
        response.headers[.vary] = "Accept, Accept-Language"
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }
}
