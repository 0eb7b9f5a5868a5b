/// One record that a domain publishes, or should, and how it stands.
struct DomainRecord: Codable, Sendable, Equatable {
    enum Purpose: String, Codable, Sendable {
        case ownership, spf, dkim, dmarc, mx, tracking
    }

    enum State: String, Codable, Sendable {
        case missing
        /// Something else is there, or something is wrong with it.
        case wrong
        case ok
        /// Not there, and nothing stops without it.
        case recommended
        /// DNS gave no answer.
        case unknown
    }

    let purpose: Purpose
    /// `TXT`, `MX` or `CNAME`.
    let type: String
    /// Whole, without a dot at its end.
    let name: String
    /// What to publish; nil when only the mail provider knows.
    let value: String?
    /// Campaigns are launched only with it.
    let isRequired: Bool
    let state: State
    /// What is published.
    let found: [String]
    let findings: [DomainFinding]
    /// Of SPF: the look-ups that a receiver needs for what is found.
    var lookups: Int?

    init(
        _ purpose: Purpose, type: String, name: String, value: String?, isRequired: Bool, found: [String], findings: [DomainFinding],
        isThere: Bool, lookups: Int? = nil
    ) {
        self.purpose = purpose
        self.type = type
        self.name = name
        self.value = value
        self.isRequired = isRequired
        // Other people's texts are shown as they are, but not without end.
        self.found = found.prefix(10).map { String($0.prefix(1_000)) }
        self.findings = findings
        self.lookups = lookups
        state =
            if findings.contains(where: \.code.isUndecided) {
                .unknown
            } else if !isThere {
                isRequired ? .missing : .recommended
            } else {
                findings.contains(where: \.isError) ? .wrong : .ok
            }
    }
}

/// What one check found, and what follows from it.
struct DomainReport: Codable, Sendable, Equatable {
    var records: [DomainRecord] = []
    /// About the domain as a whole.
    var findings: [DomainFinding] = []
    /// The organisation's domain by the tree walk of RFC 9989.
    var organisation: String?
    /// A record proves that the domain is this company's.
    var isOwned = false
    var spf = false
    var dkim = false
    var dmarc = false
    /// DNS did not answer everything: what was known before holds.
    var isUndecided = false

    /// Mail from it can be launched: what the large receivers ask of bulk senders.
    var isAuthenticated: Bool { spf && dkim && dmarc }

    /// Why it is not, one line a reason; empty when it is.
    var reasons: [DomainFinding] {
        let whole = findings.filter(\.isError)
        return whole + records.filter { $0.isRequired && $0.state != .ok }.flatMap { $0.findings.filter(\.isError) }
    }
}
