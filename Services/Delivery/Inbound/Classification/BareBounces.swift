import Foundation
import MIME

/// Reads bounces without a machine-readable part, as qmail, Exim, old Postfix, Lotus Domino and others send them.
///
/// Nothing is believed without two things: the sender is a mail system, and the text has the form in which mail systems report. A hard bounce further
/// needs a code, or the words of a form that states the address.
enum BareBounces {
    private static let readBytes = 16_384
    private static let linesOfReason = 12

    /// Nil when the mail is no bounce.
    static func verdicts(_ mail: ParsedMail) -> [InboundVerdict]? {
        let fields = FieldGroup(mail.fields)
        guard isFromMailSystem(mail, fields) else { return nil }
        let text = ownText(mail.text)
        let search = SearchText(text)
        let subject = SearchText(mail.subject)
        let about = OriginalMail.identifier(original: FieldGroup(mail.original), mail: mail)
        let failed = fields.all("x-failed-recipients").flatMap { MailboxText.addresses(in: $0, limit: 100) }
        if search.containsAny(BounceForms.delays) || subject.containsAny(BounceForms.delayedSubjects) {
            return [InboundVerdict(kind: .deliveryNotice, rule: "bare.delayed", confidence: 0.9, recipient: failed.first, originalMessageID: about)]
        }
        if search.containsAny(BounceForms.successes) || subject.containsAny(BounceForms.successfulSubjects) {
            return [InboundVerdict(kind: .deliveryNotice, rule: "bare.delivered", confidence: 0.9, recipient: failed.first, originalMessageID: about)]
        }
        let form = BounceForms.known.first { search.containsAny($0.marks) }
        guard form != nil || !failed.isEmpty || search.containsAny(BounceForms.failures) || subject.containsAny(BounceForms.failures) else {
            return nil
        }
        let name = form?.id ?? "form-unknown"
        let reasons = reasons(in: text, failed: failed, original: FieldGroup(mail.original))
        guard !reasons.isEmpty else {
            return [InboundVerdict(kind: .unknown, rule: "bare.\(name).no-recipient", confidence: 0, originalMessageID: about)]
        }
        return reasons.prefix(100).map { verdict($0, form: form, name: name, about: about, isListed: !failed.isEmpty) }
    }

    private static func verdict(_ reason: Reason, form: BounceForms.Form?, name: String, about: String?, isListed: Bool) -> InboundVerdict {
        let evidence = FailureEvidence(said: reason.text)
        var (kind, rule, confidence) = FailureJudge.judge(evidence)
        let hasCode = evidence.code != nil || evidence.status != nil
        if kind == .hardBounce, !hasCode, form?.statesAddress != true, !isListed {
            // Words without any code, in a form that nobody knows.
            (kind, rule, confidence) = (.unknown, "no-code", 0)
        }
        return InboundVerdict(
            kind: kind, rule: "bare.\(name).\(rule)", confidence: confidence * 0.95, recipient: reason.recipient,
            status: evidence.status?.description, diagnostic: evidence.diagnostic.isEmpty ? nil : evidence.diagnostic, originalMessageID: about)
    }

    private static func isFromMailSystem(_ mail: ParsedMail, _ fields: FieldGroup) -> Bool {
        if fields["x-failed-recipients"] != nil { return mail.inReplyTo.isEmpty || isDaemon(mail.from.first) || isNullSender(fields) }
        // People answer from postmaster's address too, but quote.
        if isDaemon(mail.from.first) { return true }
        return isNullSender(fields) && mail.from.first.map { isSystemName($0.name ?? "") } ?? true
    }

    private static func isNullSender(_ fields: FieldGroup) -> Bool {
        fields.fields.contains { $0.name == "return-path" && ($0.value == "<>" || $0.value.isEmpty) }
    }

    static func isDaemon(_ address: ParsedMail.Address?) -> Bool {
        guard let address else { return false }
        let local = address.address.lowercased().prefix { $0 != "@" }
        return BounceForms.daemons.contains(String(local)) || local.hasPrefix("microsoftexchange") || local.hasPrefix("mailer-daemon")
            || isSystemName(address.name ?? "")
    }

    private static func isSystemName(_ name: String) -> Bool {
        let name = SearchText(name)
        return name.containsAny(BounceForms.systemNames)
    }

    /// Without the mail that is returned below.
    private static func ownText(_ text: String) -> String {
        let text = text.utf8.count > readBytes ? String(decoding: text.utf8.prefix(readBytes), as: UTF8.self) : text
        var kept: [Substring] = []
        var fieldsInRow = 0
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let lower = line.lowercased()
            if BounceForms.returned.contains(where: lower.contains) { break }
            let isField = BounceForms.returnedFields.contains(where: lower.hasPrefix)
            fieldsInRow = isField ? fieldsInRow + 1 : line.first == " " || line.first == "\t" ? fieldsInRow : 0
            if fieldsInRow == 3 { break }
            kept.append(line)
        }
        return kept.joined(separator: "\n")
    }

    private struct Reason {
        var recipient: String?
        var text: String
    }

    /// What is said of each recipient: of one, all of the text; of several, what stands below each.
    private static func reasons(in text: String, failed: [String], original: FieldGroup) -> [Reason] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var found: [(line: Int, address: String)] = []
        for (index, line) in lines.enumerated() {
            guard found.count < 100, let address = leadingAddress(line) else { continue }
            if !found.contains(where: { $0.address.lowercased() == address.lowercased() }) { found.append((index, address)) }
        }
        if !failed.isEmpty {
            let wanted = Set(failed.map { $0.lowercased() })
            found = found.filter { wanted.contains($0.address.lowercased()) }
            // Forwarded ones are named otherwise in the text.
            if found.count < failed.count, failed.count == 1 { return [Reason(recipient: failed[0], text: reasonText(lines[...]))] }
        }
        if found.count <= 1 {
            let sole = original["to"].map { MailboxText.addresses(in: $0, limit: 2) }.flatMap { $0.count == 1 ? $0.first : nil }
            let named =
                found.first?.address ?? failed.first ?? MailboxText.addresses(in: text, limit: 40).first { address in
                    // Those of the mail system itself are no recipients.
                    !isDaemon(.init(address: address)) && address.lowercased() != original["from"].flatMap(MailboxText.address)?.lowercased()
                } ?? sole
            guard let named else { return [] }
            return [Reason(recipient: named, text: reasonText(lines[(found.first?.line ?? 0)...]))]
        }
        return found.enumerated().map { index, entry in
            let end = index + 1 < found.count ? found[index + 1].line : lines.count
            return Reason(recipient: entry.address, text: reasonText(lines[entry.line..<end].prefix(linesOfReason)))
        }
    }

    /// From the server's answer on, where one is quoted.
    private static func reasonText(_ lines: ArraySlice<Substring>) -> String {
        let cleaned = lines.map { line -> Substring in
            let trimmed = line.drop { $0 == " " || $0 == "\t" }
            return trimmed.hasPrefix("<<< ") ? trimmed.dropFirst(4) : trimmed
        }
        if let line = cleaned.first(where: { StatusCode.replyCode(startOf: $0.prefix { $0 != " " }) != nil }),
            let code = StatusCode.replyCode(startOf: line.prefix { $0 != " " })?.code,
            // The answer may begin within the line before, as in `host mx.example.net: 550-No`.
            let answer = cleaned.firstIndex(where: { $0.split(separator: " ").contains { StatusCode.replyCode(startOf: $0)?.code == code } })
        {
            return cleaned[answer...].filter { !$0.hasPrefix(">>>") }.joined(separator: " ")
        }
        return cleaned.joined(separator: " ")
    }

    /// The address that stands alone on a line, or before a colon at its beginning, or in the command that a server refused.
    private static func leadingAddress(_ line: Substring) -> String? {
        var text = line.trimmingCharacters(in: .whitespaces)
        guard text.utf8.count <= 400, text.contains("@") else { return nil }
        let lower = text.lowercased()
        if let command = lower.range(of: "rcpt to:"), lower.hasPrefix(">>>") || lower.hasPrefix("rcpt to:") {
            text = String(text.suffix(lower.distance(from: command.upperBound, to: lower.endIndex)))
        }
        let head =
            text.hasPrefix("<") ? text.dropFirst().prefix { $0 != ">" } : text.prefix { !$0.isWhitespace && $0 != ":" && $0 != ";" && $0 != "," }
        guard MailboxText.isAddress(head) else { return nil }
        let rest = text.dropFirst(head.utf8.count == text.utf8.count ? text.count : head.count + (text.hasPrefix("<") ? 2 : 0))
        let isAlone = rest.trimmingCharacters(in: .whitespaces).isEmpty
        let introduces = rest.drop { $0 == " " }.first.map { $0 == ":" || $0 == "." || $0 == ";" || $0 == "(" || $0 == "-" } ?? false
        return isAlone || introduces ? String(head) : nil
    }
}
