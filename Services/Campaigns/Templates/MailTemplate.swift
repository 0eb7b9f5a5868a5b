import Foundation

/// A mail as one lead gets it, but for the link that Delivery puts in.
struct Rendered: Codable, Sendable, Equatable {
    let subject: String
    let text: String
    let html: String?
}

/// A version of a template, read and ready to render.
struct MailTemplate: Sendable {
    let subject: MailText
    let text: MailText
    let html: MailText?
    /// What the HTML was read from, for checks.
    let source: HTMLSource?
    /// Whether the text was made from the HTML.
    let isTextDerived: Bool

    /// One of text and HTML is enough; of the other nothing is asked when it is missing or empty.
    init(subject: String, text: String?, html: String?) throws(MailText.SyntaxError) {
        self.subject = try MailText(subject, as: .subject)
        source = if let html, Self.hasContent(html) { try HTMLSource(html) } else { nil }
        self.html = if let source { try MailText(source) } else { nil }
        if let text, Self.hasContent(text) {
            self.text = try MailText(text)
            isTextDerived = false
        } else if let source {
            self.text = try MailText(derivedFrom: source)
            isTextDerived = true
        } else {
            throw MailText.SyntaxError(message: "A template needs a text or an HTML part.", position: 0, part: .text)
        }
    }

    private static func hasContent(_ source: String) -> Bool {
        source.utf8.contains { !TemplateByte.isSpace($0) }
    }

    /// What people wrote: subject, text unless it was derived, HTML.
    var writtenParts: [MailText] {
        var parts = [subject]
        if !isTextDerived { parts.append(text) }
        if let html { parts.append(html) }
        return parts
    }

    private var references: [MailText.Reference] { writtenParts.flatMap(\.references) }

    /// The name of every variable once, in the order of appearance.
    var variables: [String] {
        var seen: Set<String> = []
        return references.map(\.variable.name).filter { seen.insert($0).inserted }
    }

    /// Names that are neither ours nor a custom field of the company: a lead may hold them all the same, or they are misspelt.
    func unknownVariables(customFields: Set<String>) -> [String] {
        var seen: Set<String> = []
        return references.map(\.variable).filter { $0.isUnknown(customFields: customFields) }.map(\.name).filter { seen.insert($0).inserted }
    }

    /// Whether every form of the mail, whatever is chosen in it, carries the link that lets people leave.
    var hasUnsubscribeLink: Bool { Self.hasUnsubscribeLink(text) && (html.map(Self.hasUnsubscribeLink) ?? true) }

    /// Whether every form of the mail, whatever is chosen in it, carries the sender's postal address.
    var hasPostalAddress: Bool { Self.hasPostalAddress(text) && (html.map(Self.hasPostalAddress) ?? true) }

    static func hasUnsubscribeLink(_ part: MailText) -> Bool {
        part.alwaysHolds { $0.variable == .unsubscribe && $0.place != .attribute }
    }

    static func hasPostalAddress(_ part: MailText) -> Bool {
        part.alwaysHolds { $0.variable == .postalAddress && $0.place == .text }
    }

    /// The mail for these values. `key` is the send key: the same key always gives the same choices.
    func render(_ values: MergeValues, choosing key: String) -> Rendered {
        let choices = SpintaxChoices(key: key)
        return Rendered(
            subject: Self.oneLine(subject.rendered(values, choosing: choices)), text: text.rendered(values, choosing: choices),
            html: html?.rendered(values, choosing: choices))
    }

    /// A subject is one line, whatever a lead's name is.
    private static func oneLine(_ subject: String) -> String {
        subject.unicodeScalars.split { scalar in
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
        .map { String($0) }.joined(separator: " ")
    }
}

extension TemplateVariable {
    /// Whether no lead is known to have it.
    func isUnknown(customFields: Set<String>) -> Bool {
        guard case .custom(let name, let snake) = self else { return false }
        return !customFields.contains(name) && !customFields.contains(snake)
    }
}
