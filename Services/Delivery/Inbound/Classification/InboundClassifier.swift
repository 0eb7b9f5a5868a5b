import Foundation
import MIME

/// Says what came in: pure, the same for the same bytes, and without an opinion where nothing is known.
///
/// Reports that machines wrote for machines come first, then the bounces that are only text, then the answers of machines, then what people want.
enum InboundClassifier {
    /// What a mail is; of a report about several recipients, the gravest of what it says, as ``classifyAll(_:ourAddress:)`` tells them apart.
    static func classify(_ mail: ParsedMail, ourAddress: String?) -> InboundVerdict {
        let all = classifyAll(mail, ourAddress: ourAddress)
        return all.min { gravity($0.kind) < gravity($1.kind) } ?? unknown("nothing")
    }

    /// One verdict for each recipient that a report names; never empty.
    static func classifyAll(_ mail: ParsedMail, ourAddress: String?) -> [InboundVerdict] {
        if let report = mail.report {
            switch report.kind {
            case "delivery-status":
                let verdicts = DeliveryReports.verdicts(report, of: mail)
                if !verdicts.isEmpty { return verdicts }
            case "feedback-report":
                return [FeedbackReports.verdict(report, of: mail)]
            default:
                let about = OriginalMail.identifier(original: FieldGroup(mail.original), report: report.groups.map(FieldGroup.init), mail: mail)
                return [InboundVerdict(kind: .deliveryNotice, rule: "mdn", confidence: 0.99, originalMessageID: about)]
            }
        }
        if let complaint = FeedbackReports.withoutReport(mail) { return [complaint] }
        if let bounces = BareBounces.verdicts(mail), !bounces.isEmpty { return bounces }
        return [ofWriter(mail, ourAddress: ourAddress)]
    }

    /// What a server's reply to the sending of a mail says; `enhanced` is the status that it gave apart from the text.
    static func classify(smtp code: Int, enhanced: String?, text: String) -> InboundVerdict {
        let evidence = FailureEvidence(code: code, declared: enhanced.flatMap { StatusCode($0) }, said: text)
        guard (400...599).contains(code) else { return unknown("smtp.no-failure") }
        let judgement = FailureJudge.judge(evidence)
        return InboundVerdict(
            kind: judgement.kind, rule: "smtp." + judgement.rule, confidence: judgement.confidence, status: evidence.status?.description,
            diagnostic: evidence.diagnostic.isEmpty ? nil : evidence.diagnostic)
    }

    private static func ofWriter(_ mail: ParsedMail, ourAddress: String?) -> InboundVerdict {
        let about = mail.inReplyTo.first ?? mail.references.last
        func verdict(_ kind: InboundVerdict.Kind, _ rule: String, _ confidence: Double) -> InboundVerdict {
            InboundVerdict(kind: kind, rule: rule, confidence: confidence, originalMessageID: about)
        }
        guard let writer = mail.from.first?.address.lowercased() else { return verdict(.unknown, "no-writer", 0) }
        if let ourAddress, writer == ourAddress.lowercased() { return verdict(.unknown, "own-mail", 0) }
        let visible = ReplyText.visible(in: mail.text)
        if let automatic = AutomaticMail.verdict(mail, visible: visible) { return verdict(automatic.kind, automatic.rule, automatic.confidence) }
        if BareBounces.isDaemon(mail.from.first), !isPersonal(mail) { return verdict(.unknown, "mail-system", 0) }
        let isAnswer = about != nil || isAnswerSubject(mail.subject)
        // A list's own mail may speak of leaving it.
        if AutomaticMail.isBulk(mail), mail.inReplyTo.isEmpty { return verdict(.unknown, "bulk", 0) }
        if let wish = UnsubscribeWishes.verdict(mail, visible: visible) { return verdict(wish.kind, wish.rule, wish.confidence) }
        if isMachineName(writer) { return verdict(.unknown, "no-reply", 0) }
        if isAnswer { return verdict(.reply, "reply.answers", mail.inReplyTo.isEmpty ? 0.8 : 0.95) }
        return isAddressed(mail, to: ourAddress) ? verdict(.reply, "reply.new", 0.6) : verdict(.unknown, "not-addressed", 0)
    }

    /// From the address of a mail system, but an answer of somebody who reads there.
    private static func isPersonal(_ mail: ParsedMail) -> Bool {
        !mail.inReplyTo.isEmpty && mail.field("auto-submitted") == nil && isAnswerSubject(mail.subject)
    }

    private static func isAnswerSubject(_ subject: String) -> Bool {
        UnsubscribeWishes.stripPrefixes(subject).utf8.count < subject.trimmingCharacters(in: .whitespaces).utf8.count
    }

    private static func isMachineName(_ address: String) -> Bool {
        let local = address.prefix { $0 != "@" }.filter { $0.isLetter }
        return ["noreply", "donotreply", "nichtantworten", "nepasrepondre", "noresponder", "notification", "notifications"].contains {
            local.hasPrefix($0)
        }
    }

    private static func isAddressed(_ mail: ParsedMail, to ourAddress: String?) -> Bool {
        guard let ourAddress = ourAddress?.lowercased() else { return true }
        let local = ourAddress.prefix { $0 != "@" }
        return (mail.to + mail.cc).contains { entry in
            let address = entry.address.lowercased()
            // name+tag@ is delivered to name@.
            return address == ourAddress || address.hasPrefix(local + "+") && address.hasSuffix(ourAddress.dropFirst(local.count))
        }
    }

    private static func gravity(_ kind: InboundVerdict.Kind) -> Int {
        switch kind {
        case .complaint: 0
        case .hardBounce: 1
        case .unsubscribeWish: 2
        case .blocked: 3
        case .softBounce: 4
        case .reply, .autoReply, .outOfOffice: 5
        case .deliveryNotice: 6
        case .unknown: 7
        }
    }

    private static func unknown(_ rule: String) -> InboundVerdict {
        InboundVerdict(kind: .unknown, rule: rule, confidence: 0)
    }
}
