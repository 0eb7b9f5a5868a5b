import MIME

/// Reads complaints: reports of RFC 5965, and what providers send that do not know it.
enum FeedbackReports {
    static func verdict(_ report: ParsedMail.Report, of mail: ParsedMail) -> InboundVerdict {
        let fields = FieldGroup(report.groups.flatMap { $0 })
        let original = FieldGroup(mail.original)
        let (kind, rule, confidence): (InboundVerdict.Kind, String, Double) =
            switch fields["feedback-type"]?.lowercased().prefix(while: { $0.isLetter || $0 == "-" }) {
            case "abuse": (.complaint, "arf.abuse", 0.99)
            case "fraud": (.complaint, "arf.fraud", 0.97)
            case "opt-out", "optout", "opt-out-list": (.unsubscribeWish, "arf.opt-out", 0.95)
            // The recipient took our side, or nobody complained at all.
            case "not-spam": (.unknown, "arf.not-spam", 0)
            case "auth-failure", "dmarc": (.unknown, "arf.authentication", 0)
            default: (.unknown, "arf.type-unknown", 0)
            }
        return verdict(kind, rule, confidence, recipient: recipient(fields, original), original: original, report: fields, mail: mail)
    }

    /// Microsoft's programme for consumer mailboxes: the whole mail, with the recipient in a field of its own.
    static func withoutReport(_ mail: ParsedMail) -> InboundVerdict? {
        guard !mail.original.isEmpty else { return nil }
        let original = FieldGroup(mail.original)
        let sender = mail.from.first?.address.lowercased() ?? ""
        let isProgramme =
            original["x-hmxmroriginalrecipient"] != nil && (sender.hasPrefix("staff@") || sender.hasPrefix("jmrp@"))
            && mail.subject.lowercased().hasPrefix("complaint about message from")
        guard isProgramme else { return nil }
        return verdict(
            .complaint, "jmrp.complaint", 0.97, recipient: original.address("x-hmxmroriginalrecipient"), original: original, report: FieldGroup([]),
            mail: mail)
    }

    private static func verdict(
        _ kind: InboundVerdict.Kind, _ rule: String, _ confidence: Double, recipient: String?, original: FieldGroup, report: FieldGroup,
        mail: ParsedMail
    ) -> InboundVerdict {
        InboundVerdict(
            kind: kind, rule: rule, confidence: confidence, recipient: recipient, status: nil,
            diagnostic: report["feedback-type"].map { String($0.prefix(64)) },
            originalMessageID: OriginalMail.identifier(original: original, report: [report], mail: mail), unsubscribeToken: original.unsubscribeToken)
    }

    private static func recipient(_ fields: FieldGroup, _ original: FieldGroup) -> String? {
        for name in ["original-rcpt-to", "removal-recipient"] {
            if let address = fields.address(name), !isBlackened(address) { return address }
        }
        for name in ["x-original-to", "to"] {
            let addresses = original[name].map { MailboxText.addresses(in: $0, limit: 2) } ?? []
            if addresses.count == 1, let address = addresses.first, !isBlackened(address) { return address }
        }
        return nil
    }

    /// Providers put something in the place of a name that they do not tell.
    private static func isBlackened(_ address: String) -> Bool {
        let local = address.prefix { $0 != "@" }.lowercased()
        return local.contains("redacted") || local.contains("xxx") || local.contains("***") || local == "undisclosed" || local == "recipient"
            || local.utf8.count >= 32 && local.allSatisfy(\.isHexDigit)
    }
}
