import Contracts
import Foundation
import HTTP

/// A version of a template, read and ready to render.
struct MailTemplate: Sendable {
    struct Rendered: Codable, Sendable, Equatable {
        let subject: String
        let text: String
        let html: String?
    }

    let subject: MailText
    let text: MailText
    let html: MailText?

    init(subject: String, text: String, html: String?) throws(MailText.SyntaxError) {
        self.subject = try MailText(subject)
        self.text = try MailText(text)
        self.html = if let html { try MailText(html) } else { nil }
    }

    static let knownVariables: Set<String> = ["email", "first_name", "last_name", "company", "postal_address", MailText.unsubscribe]

    /// Every variable once, in the order of appearance.
    var variables: [String] {
        var seen: Set<String> = []
        return (subject.variables + text.variables + (html?.variables ?? [])).filter { seen.insert($0).inserted }
    }

    /// Names that are neither built in nor custom fields by their prefix: a lead may have them, or they are misspelt.
    var unknownVariables: [String] {
        variables.filter { !Self.knownVariables.contains($0) && !$0.hasPrefix("custom.") }
    }

    /// Whether every form of the mail carries the link that lets people leave.
    var hasUnsubscribeLink: Bool {
        text.variables.contains(MailText.unsubscribe) && (html.map { $0.variables.contains(MailText.unsubscribe) } ?? true)
    }

    func render(for lead: Lead, postalAddress: String?) -> Rendered {
        var values = lead.values
        values["postal_address"] = postalAddress
        return Rendered(
            // A subject is one line, whatever a lead's name is.
            subject: subject.rendered(values) { $0 }.split {
                $0.isNewline || $0.unicodeScalars.allSatisfy { $0.properties.generalCategory == .control }
            }
            .joined(separator: " "),
            text: text.rendered(values) { $0 }, html: html?.rendered(values) { $0.htmlEscaped })
    }
}
