import Foundation

/// Would Gmail accept this? A function of the mail and of what is known of its sender: it sends nothing and asks nobody.
struct ComplianceCheck: Sendable {
    let sample: ComplianceSample
    let headers: MailHeaders
    let html: HTMLScan?

    init(_ sample: ComplianceSample) {
        self.sample = sample
        headers = MailHeaders(sample.mail)
        html = sample.html.map(HTMLScan.init)
    }

    func report() -> ComplianceReport {
        var findings: [ComplianceRule.Identifier: ComplianceFinding] = [
            .from: from, .spf: spf, .dkim: dkim, .dmarc: dmarc, .alignment: alignment, .oneClick: oneClick, .signedOneClick: signedOneClick,
            .visibleUnsubscribe: visibleUnsubscribe, .complaints: complaints, .pointer: server(sample.domain.pointer, "address"),
            .tls: server(sample.domain.tls, "encryption"),
        ]
        findings.merge(ContentRules(sample: sample, html: html).findings) { first, _ in first }
        return ComplianceReport(findings, size: sample.mail.count, htmlSize: sample.html?.utf8.count ?? 0)
    }

    // MARK: - The sender

    private var from: ComplianceFinding {
        let written = headers.all("from")
        guard written.count == 1 else { return .fail("the mail has \(written.count) From headers; receivers want exactly one") }
        guard sample.senderDomain.contains(".") else { return .fail("the address has no domain of its own") }
        let name = sample.displayName.lowercased()
        if name.contains("@"), !name.contains(sample.address.lowercased()) {
            return .fail("the name before the address contains another address, as forged mail does")
        }
        return .pass("one address, \(sample.address)")
    }

    private var spf: ComplianceFinding {
        switch sample.domain.spf {
        case .pass: .pass("the record allows the server")
        case .fail(let why): .fail(why)
        case .unknown(let why): .warn("not known: \(why)")
        }
    }

    private var dkim: ComplianceFinding {
        switch sample.domain.signing {
        case .nobody: return .fail("nobody signs mail of this domain")
        case .providers(let domain):
            guard sample.domain.keys.isEmpty else { return keys(sample.domain.keys) }
            return domain.map { .pass("your provider signs, under \($0)") }
                ?? .warn("your provider's: whether it signs is not known until the domain has been checked")
        case .ours: return keys(sample.domain.keys)
        }
    }

    private func keys(_ keys: [DomainState.Key]) -> ComplianceFinding {
        let published = keys.filter(\.isPublished)
        guard !published.isEmpty else { return .fail("no key is published, so the signature does not verify") }
        guard let bits = published.filter({ $0.algorithm == .rsa }).map({ $0.bits ?? 0 }).max() else {
            return .warn("only an Ed25519 key is published; Gmail and Microsoft verify RSA alone")
        }
        guard bits >= 1_024 else { return .fail("the key has \(bits) bits; below 1024 it counts as none (RFC 8301)") }
        return bits >= 2_048 ? .pass("a key of \(bits) bits is published") : .warn("the key has \(bits) bits; 2048 are advised")
    }

    private var dmarc: ComplianceFinding {
        switch sample.domain.dmarc.finding {
        case .pass: .pass("the policy is p=\((sample.domain.dmarc.policy ?? .none).rawValue)")
        case .fail(let why): .fail(why)
        case .unknown(let why): .warn("not known: \(why)")
        }
    }

    private var alignment: ComplianceFinding {
        let sender = sample.senderDomain
        let (domain, policy) = (sample.domain, sample.domain.dmarc)
        func aligns(_ other: String, strict: Bool) -> Bool {
            strict
                ? DomainAlignment.isStrict(other, sender) : DomainAlignment.isRelaxed(other, with: sender, organisation: domain.organisation)
        }
        let signer: String? =
            switch domain.signing {
            case .ours(let name): name
            case .providers(let name): name
            case .nobody: nil
            }
        if let signer, dkim.verdict != .fail, aligns(signer, strict: policy.isStrictDKIM) { return .pass("the signature is of \(signer)") }
        if let envelope = domain.envelopeDomain, domain.spf == .pass, aligns(envelope, strict: policy.isStrictSPF) {
            return .pass("the envelope is of \(envelope)")
        }
        if case .providers(nil) = domain.signing { return .warn("not known: which domain your provider signs under has not been seen") }
        if signer == nil, domain.envelopeDomain == nil { return .fail("neither a signature nor the envelope is known to be of \(sender)") }
        if domain.organisation == nil, !policy.isStrictDKIM || !policy.isStrictSPF {
            return .warn("not known: which domain is the organisation's of \(sender) has not been found, for want of an answer of DNS")
        }
        return .fail("what authenticates is \(signer ?? domain.envelopeDomain ?? ""), the sender is \(sender)")
    }

    // MARK: - Leaving

    private var oneClick: ComplianceFinding {
        let links = headers.all("list-unsubscribe")
        guard let link = links.first else { return .fail("there is no List-Unsubscribe header") }
        guard headers.all("list-unsubscribe-post").contains("List-Unsubscribe=One-Click") else {
            return .fail("List-Unsubscribe-Post is not there, so no program unsubscribes with one click")
        }
        guard link.lowercased().contains("<https://") else { return .fail("List-Unsubscribe has no https address") }
        return .pass("both headers are there")
    }

    private var signedOneClick: ComplianceFinding {
        guard oneClick.verdict == .pass else { return .fail("the headers are not both there") }
        let wanted: Set<String> = ["list-unsubscribe", "list-unsubscribe-post"]
        let signatures = headers.signatures
        if signatures.contains(where: { wanted.isSubset(of: $0.covers) }) { return .pass("both headers are under the DKIM signature") }
        guard signatures.isEmpty else { return .fail("the DKIM signature does not cover both headers") }
        switch sample.domain.signing {
        case .ours: return .fail("the mail goes out without our signature")
        case .providers: return .none("your provider's: it signs after the mail has left us; the large ones cover these headers")
        case .nobody: return .fail("nobody signs mail of this domain")
        }
    }

    private var visibleUnsubscribe: ComplianceFinding {
        let inText = sample.text.contains(sample.unsubscribeLink)
        guard let html else { return inText ? .pass("the text has the link") : .fail("the text has no link to unsubscribe") }
        let inHTML = html.links.contains { $0.target == sample.unsubscribeLink } || html.text.contains(sample.unsubscribeLink)
        guard inHTML else { return .fail("the HTML, which people see, has no link to unsubscribe") }
        return inText ? .pass("both parts have the link") : .warn("the HTML has the link, the text part has not")
    }

    private var complaints: ComplianceFinding {
        let (complaints, accepted) = (sample.complaints, sample.accepted)
        switch ComplaintBreaker.level(complaints: complaints, accepted: accepted) {
        case .stop: return .fail("\(complaints) of \(accepted) mails brought complaints in \(ComplaintBreaker.window) days: 0.30 % or more")
        case .pause: return .warn("\(complaints) of \(accepted) mails brought complaints in \(ComplaintBreaker.window) days: 0.10 % or more")
        case nil: return .pass("\(complaints) of \(accepted) mails brought complaints in \(ComplaintBreaker.window) days")
        }
    }

    // MARK: - The server

    private func server(_ finding: DomainState.Finding, _ what: String) -> ComplianceFinding {
        guard sample.domain.isServerOurs else { return .none("your provider's: its server sends, and its \(what) is what receivers look at") }
        return switch finding {
        case .pass: .pass("as receivers want it")
        case .fail(let why): .fail(why)
        case .unknown(let why): .warn("not known: \(why)")
        }
    }
}
