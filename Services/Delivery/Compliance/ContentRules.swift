import Foundation

/// The rules about what a mail says and where it leads.
struct ContentRules: Sendable {
    let sample: ComplianceSample
    let html: HTMLScan?

    /// Gmail shows so many bytes of HTML.
    static let clippedAt = 102 * 1_024
    /// Larger mail is refused by many servers.
    static let refusedAt = 25 * 1_024 * 1_024

    var findings: [ComplianceRule.Identifier: ComplianceFinding] {
        [
            .size: size, .textPart: textPart, .imageOnly: imageOnly, .hosts: hosts, .shorteners: shorteners, .https: https, .mismatch: mismatch,
            .tracking: tracking, .replyPrefix: replyPrefix, .subjectForm: subjectForm,
        ]
    }

    // MARK: - Size and form

    private var size: ComplianceFinding {
        guard sample.mail.count < Self.refusedAt else { return .fail("the mail has \(sample.mail.count) bytes; servers take 25 MB at most") }
        let bytes = sample.html?.utf8.count ?? 0
        guard bytes <= Self.clippedAt else { return .warn("the HTML has \(bytes / 1_024) KB; Gmail shows the first 102 and hides the rest") }
        return .pass("\((sample.mail.count + 1_023) / 1_024) KB")
    }

    private var textPart: ComplianceFinding {
        sample.text.contains { !$0.isWhitespace } ? .pass("there is a text part") : .warn("the text part is empty")
    }

    private var imageOnly: ComplianceFinding {
        guard let html else { return .none("the mail has no HTML") }
        guard html.images > 0 else { return .pass("there are no pictures") }
        let words = html.text.split(whereSeparator: \.isWhitespace).count
        return words >= 20 ? .pass("\(words) words beside \(html.images) pictures") : .warn("\(words) words beside \(html.images) pictures")
    }

    // MARK: - Links

    private var links: [MailLink] {
        (html?.links.compactMap { MailLink($0.target) } ?? []) + MailLink.all(in: sample.text)
    }

    private func named(_ links: [MailLink]) -> String {
        Set(links.map(\.host)).sorted().prefix(5).joined(separator: ", ")
    }

    private var hosts: ComplianceFinding {
        let bad = links.filter(\.isAddress)
        return bad.isEmpty ? .pass("all links name a host") : .fail("links lead to addresses in digits: \(named(bad))")
    }

    private var shorteners: ComplianceFinding {
        let bad = links.filter(\.isShortener)
        return bad.isEmpty ? .pass("no link goes through a shortener") : .warn("links go through shorteners: \(named(bad))")
    }

    private var https: ComplianceFinding {
        let bad = links.filter { $0.scheme == "http" }
        return bad.isEmpty ? .pass("all links are https") : .warn("links are plain http: \(named(bad))")
    }

    private var mismatch: ComplianceFinding {
        let bad = (html?.links ?? []).compactMap { link -> String? in
            guard let target = MailLink(link.target), let claimed = MailLink.claimedHost(in: link.text) else { return nil }
            let isTracked = sample.domain.trackingDomain.map { DomainAlignment.isStrict($0, target.host) } ?? false
            guard !isTracked, !DomainAlignment.isRelaxed(target.host, claimed) else { return nil }
            return "\(claimed) leads to \(target.host)"
        }
        return bad.isEmpty
            ? .pass("links lead where they say") : .fail("a link says one thing and leads to another: \(bad.prefix(3).joined(separator: ", "))")
    }

    private var tracking: ComplianceFinding {
        if sample.domain.trackingDomain == nil, let host = sample.domain.uncertifiedTrackingDomain {
            return .none("\(host) has no certificate yet, so links stand under the platform's own host")
        }
        guard let domain = sample.domain.trackingDomain else { return .none("clicks are not tracked through a domain of your own") }
        return DomainAlignment.isRelaxed(domain, sample.senderDomain)
            ? .pass("\(domain) belongs to the sender's domain") : .warn("\(domain) does not belong to \(sample.senderDomain)")
    }

    // MARK: - The subject

    private var replyPrefix: ComplianceFinding {
        let subject = sample.subject.trimmingCharacters(in: .whitespaces).lowercased()
        let prefix = ["re:", "fw:", "fwd:", "aw:", "wg:", "antw:", "tr:", "sv:"].first { subject.hasPrefix($0) }
        guard let prefix else { return .pass("the subject claims no earlier mail") }
        return sample.isReply ? .pass("it stands in a thread") : .warn("the subject begins with \(prefix) but answers nothing")
    }

    private var subjectForm: ComplianceFinding {
        let subject = sample.subject.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !subject.isEmpty else { return .warn("there is no subject") }
        if subject.count > 150 { return .warn("the subject has \(subject.count) characters; people see about 70") }
        let letters = subject.filter(\.isLetter)
        if letters.count >= 8, letters.count(where: \.isUppercase) * 10 >= letters.count * 8 { return .warn("the subject shouts in capitals") }
        if ["!!", "??", "$$", "!?"].contains(where: subject.contains) { return .warn("the subject has rows of marks") }
        if subject.contains("{{") { return .warn("the subject has a placeholder that was not filled") }
        return .pass("\(subject.count) characters")
    }
}
