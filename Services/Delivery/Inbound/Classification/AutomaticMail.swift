import MIME

/// Tells the answers of machines from those of people.
enum AutomaticMail {
    /// Nil when nothing says that a machine wrote it.
    static func verdict(_ mail: ParsedMail, visible: String) -> (kind: InboundVerdict.Kind, rule: String, confidence: Double)? {
        let fields = FieldGroup(mail.fields)
        let subject = SearchText(mail.subject)
        let text = SearchText(visible, limit: 2_048)
        if let calendar = calendar(mail) { return calendar }
        let mark = mark(fields)
        let isAnswer = !mail.inReplyTo.isEmpty || !mail.references.isEmpty || mark?.isAnswer == true
        if let mark {
            // Somebody who left for good is no longer away, and what a machine says of him is not proof enough to call the address dead.
            if text.containsAny(AutomaticPhrases.leftForGood) || subject.containsAny(AutomaticPhrases.leftForGood) {
                return (.autoReply, "auto.left-for-good", 0.9)
            }
            if text.containsAny(AutomaticPhrases.challenge) || subject.containsAny(AutomaticPhrases.challenge) {
                return (.autoReply, "auto.challenge", 0.9)
            }
            if subject.containsAny(AutomaticPhrases.ticketSubjects) { return (.autoReply, "auto.ticket", 0.9) }
            if subject.containsAny(AutomaticPhrases.awaySubjects) || text.containsAny(AutomaticPhrases.away) {
                return (.outOfOffice, "auto.\(mark.name).away", 0.97)
            }
            return isAnswer ? (.autoReply, "auto.\(mark.name)", 0.85) : (.unknown, "auto.generated", 0)
        }
        if AutomaticPhrases.awaySubjects.contains(where: { subject.begins(with: $0.drop { $0 == " " }.description) }) {
            return text.containsAny(AutomaticPhrases.leftForGood)
                ? (.autoReply, "auto.left-for-good", 0.85) : (.outOfOffice, "auto.subject.away", 0.92)
        }
        if AutomaticPhrases.automaticSubjects.contains(where: { subject.begins(with: $0) }) { return (.autoReply, "auto.subject", 0.85) }
        if text.containsAny(AutomaticPhrases.challenge) { return (.autoReply, "auto.challenge", 0.8) }
        if text.containsAny(AutomaticPhrases.saysAutomatic) {
            let isAway = text.containsAny(AutomaticPhrases.away) && !text.containsAny(AutomaticPhrases.leftForGood)
            return isAway ? (.outOfOffice, "auto.text.away", 0.85) : (.autoReply, "auto.text", 0.8)
        }
        // A program without manners: no mark, and a text that only an absence has.
        if SearchText(visible, limit: 400).containsAny(AutomaticPhrases.unmistakablyAway) { return (.outOfOffice, "auto.text.away", 0.75) }
        return nil
    }

    /// A program's answer to an invitation; an invitation itself is a person's.
    private static func calendar(_ mail: ParsedMail) -> (kind: InboundVerdict.Kind, rule: String, confidence: Double)? {
        let isAnswer =
            mail.attachments.contains { $0.contentType == "text/calendar; method=reply" || $0.contentType == "text/calendar; method=counter" }
            || FieldGroup(mail.fields)["content-type"]?.lowercased().hasPrefix("text/calendar") == true
                && mail.fields.contains { $0.name == "content-type" && $0.value.lowercased().contains("method=reply") }
        return isAnswer ? (.autoReply, "auto.calendar", 0.95) : nil
    }

    private struct Mark {
        let name: String
        /// Whether the field says that it answers something.
        let isAnswer: Bool
    }

    /// The field by which a machine says what it is (RFC 3834, and what was usual before it).
    private static func mark(_ fields: FieldGroup) -> Mark? {
        if let value = fields["auto-submitted"]?.lowercased(), !value.hasPrefix("no") {
            return Mark(name: "submitted", isAnswer: value.hasPrefix("auto-replied"))
        }
        for name in AutomaticPhrases.fields where fields[name] != nil {
            return Mark(name: "field", isAnswer: true)
        }
        if let value = fields["precedence"]?.lowercased(), value.hasPrefix("auto_reply") || value.hasPrefix("auto-reply") {
            return Mark(name: "precedence", isAnswer: true)
        }
        if fields["preference"]?.lowercased() == "auto_reply" || fields["x-precedence"]?.lowercased().hasPrefix("auto") == true {
            return Mark(name: "precedence", isAnswer: true)
        }
        if fields["delivered-to"]?.lowercased() == "autoresponder" { return Mark(name: "field", isAnswer: true) }
        return nil
    }

    /// Sent to many: newsletters, lists and notifications.
    static func isBulk(_ mail: ParsedMail) -> Bool {
        let fields = FieldGroup(mail.fields)
        if let precedence = fields["precedence"]?.lowercased(), ["bulk", "junk", "list"].contains(where: precedence.hasPrefix) { return true }
        return ["list-id", "list-unsubscribe", "list-post", "feedback-id", "x-campaign", "x-campaign-id", "x-mailgun-sid"].contains {
            fields[$0] != nil
        }
    }
}
