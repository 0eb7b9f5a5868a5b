import DNS

/// Looks at everything a domain publishes, once, in bounded time; changes nothing.
struct DomainChecker: Sendable {
    /// What the operator of this installation asks for.
    struct Rules: Sendable {
        /// Goes into everybody's SPF; nil when mail leaves through the mailboxes' own providers only.
        var include: String?
        /// Where tracked links lead.
        var trackingTarget: String
        /// MX may name servers inside, as in development.
        var allowsPrivateServers = false
    }

    /// What there is to know about a domain before DNS is asked.
    struct Subject: Sendable {
        let domain: String
        let token: String
        /// SMTP servers of the mailboxes at the domain.
        var servers: [String] = []
        /// Selectors that its owner named.
        var selectors: [String] = []
        var publications: [DKIMPublication] = []

        var providers: [MailProvider] {
            servers.compactMap(MailProvider.of).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }

        /// What SPF has to name: who sends; `mx` when that is nobody whom we know.
        func senders(_ rules: Rules) -> [String] {
            let names = providers.compactMap(\.include) + [rules.include].compactMap(\.self)
            let includes = names.reduce(into: [String]()) { if !$0.contains("include:\($1)") { $0.append("include:\($1)") } }
            return includes.isEmpty ? ["mx"] : includes
        }

        var allSelectors: [String] {
            (selectors + providers.flatMap(\.selectors)).reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
        }
    }

    let resolver: DNSResolver
    let rules: Rules
    var patience = Duration.seconds(15)

    func check(_ subject: Subject) async -> DomainReport {
        let dns = CheckedDNS(resolver, patience: patience)
        let domain = subject.domain
        async let spf = SPFCheck(dns: dns, domain: domain, wanted: subject.senders(rules)).run()
        async let dmarc = DMARCCheck(dns: dns, domain: domain).run()
        async let exchange = MailExchangeCheck(
            dns: dns, domain: domain, suggestion: subject.providers.compactMap(\.exchange).first, allowsPrivate: rules.allowsPrivateServers
        ).run()
        async let tracking = TrackingCheck(dns: dns, domain: domain, target: rules.trackingTarget).run()
        let dkim = await DKIMCheck(dns: dns, domain: domain, publications: subject.publications, selectors: subject.allSelectors).run()
        let ownership = await OwnershipCheck(dns: dns, domain: domain, token: subject.token).run(isProvenByKey: dkim.hasOwnKey)
        var report = DomainReport()
        let policy = await dmarc
        report.records = await [ownership.record, spf] + dkim.records + [policy.record, exchange, tracking]
        report.organisation = policy.organisation
        report.isOwned = ownership.isProven
        report.spf = await spf.state == .ok
        report.dkim = dkim.isSigned
        report.dmarc = policy.isCovered
        if await dns.query(domain, .txt).outcome == .noSuchDomain {
            report.findings.append(DomainFinding(.domainNotFound, "DNS knows no domain \(domain)."))
        }
        report.isUndecided = report.records.contains { $0.isRequired && $0.state == .unknown }
        return report
    }
}
