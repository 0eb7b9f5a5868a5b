import MIME

/// Reads reports of delivery (RFC 3464): what the fields say, one verdict a recipient.
enum DeliveryReports {
    private static let recipients = 100

    /// Empty when no group names what happened.
    static func verdicts(_ report: ParsedMail.Report, of mail: ParsedMail) -> [InboundVerdict] {
        let groups = report.groups.map(FieldGroup.init)
        let original = FieldGroup(mail.original)
        let about = OriginalMail.identifier(original: original, report: groups, mail: mail)
        return groups.filter(isRecipient).prefix(recipients).map { verdict($0, original: original, about: about, mail: mail) }
    }

    private static func isRecipient(_ group: FieldGroup) -> Bool {
        group["final-recipient"] != nil || group["original-recipient"] != nil || group["action"] != nil || group["status"] != nil
    }

    private static func verdict(_ group: FieldGroup, original: FieldGroup, about: String?, mail: ParsedMail) -> InboundVerdict {
        let status = group["status"].flatMap { $0.split(separator: " ").first }.flatMap { StatusCode($0) }
        let diagnostic = group.typed("diagnostic-code") ?? group.typed("x-diagnostic-code")
        let evidence = FailureEvidence(declared: status, said: diagnostic?.value ?? "")
        let recipient = recipient(group, original: original, mail: mail)
        func verdict(_ kind: InboundVerdict.Kind, _ rule: String, _ confidence: Double) -> InboundVerdict {
            InboundVerdict(
                kind: kind, rule: "dsn." + rule, confidence: confidence, recipient: recipient, status: evidence.status?.description,
                diagnostic: evidence.diagnostic.isEmpty ? nil : evidence.diagnostic, originalMessageID: about)
        }
        switch group["action"]?.lowercased().prefix(while: \.isLetter) {
        case "delayed": return verdict(.deliveryNotice, "delayed", 0.99)
        case "delivered", "relayed", "expanded": return verdict(.deliveryNotice, "delivered", 0.99)
        case "failed", nil, "": break
        default: return verdict(.unknown, "action-unknown", 0)
        }
        // Without an action, only a permanent status says that it failed.
        if group["action"] == nil, status?.class != 5 {
            return status?.class == 4 ? verdict(.deliveryNotice, "no-action", 0.7) : verdict(.unknown, "no-action", 0)
        }
        if status?.class == 2 { return verdict(.unknown, "contradiction", 0) }
        let judgement = FailureJudge.judge(evidence)
        return verdict(judgement.kind, judgement.rule, judgement.confidence)
    }

    /// The address that we wrote to: where it was forwarded, that is the original one.
    private static func recipient(_ group: FieldGroup, original: FieldGroup, mail: ParsedMail) -> String? {
        if let address = group.address("original-recipient") { return address }
        if let address = group.address("final-recipient") { return address }
        return original["to"].map { MailboxText.addresses(in: $0, limit: 2) }.flatMap { $0.count == 1 ? $0.first : nil }
    }
}

/// Which of our mails something is about.
enum OriginalMail {
    static func identifier(original: FieldGroup, report: [FieldGroup] = [], mail: ParsedMail) -> String? {
        if let identifier = original.messageID { return identifier }
        for group in report {
            if let identifier = group.messageID { return identifier }
        }
        return mail.inReplyTo.first ?? mail.references.last
    }
}
