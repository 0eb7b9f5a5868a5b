/// Whether a mail would be taken, rule by rule.
struct ComplianceReport: Sendable, Equatable, Encodable {
    enum Verdict: String, Sendable, Codable {
        case pass, warn, fail
        case notApplicable = "not_applicable"
    }

    enum Overall: String, Sendable, Codable {
        case accepted = "would_be_accepted"
        case atRisk = "at_risk"
        case refused = "would_be_refused"
    }

    struct Item: Sendable, Equatable, Encodable {
        let rule: ComplianceRule.Identifier
        let title: String
        let verdict: Verdict
        /// Why, in a sentence.
        let reason: String
        /// What to do; null when there is nothing to.
        let advice: String?
        let sources: [ComplianceRule.Source]
    }

    struct ProviderVerdict: Sendable, Equatable, Encodable {
        let provider: ComplianceRule.Provider
        let overall: Overall
        /// The rules that decided.
        let because: [ComplianceRule.Identifier]
    }

    let overall: Overall
    let providers: [ProviderVerdict]
    /// Bytes of the whole mail, and of its HTML.
    let size: Int
    let htmlSize: Int
    let items: [Item]

    init(_ findings: [ComplianceRule.Identifier: ComplianceFinding], size: Int, htmlSize: Int) {
        items = ComplianceRule.all.compactMap { rule in
            findings[rule.id].map { finding in
                let needsAction = finding.verdict == .warn || finding.verdict == .fail
                return Item(
                    rule: rule.id, title: rule.title, verdict: finding.verdict, reason: finding.reason, advice: needsAction ? rule.advice : nil,
                    sources: rule.sources)
            }
        }
        let found = items
        providers = ComplianceRule.Provider.allCases.map { provider in
            let own = found.filter { $0.sources.contains { $0.provider == provider } }
            let overall = Self.overall(own)
            let decisive: Verdict? =
                switch overall {
                case .refused: .fail
                case .atRisk: .warn
                case .accepted: nil
                }
            return ProviderVerdict(provider: provider, overall: overall, because: own.filter { $0.verdict == decisive }.map(\.rule))
        }
        overall = Self.overall(items)
        self.size = size
        self.htmlSize = htmlSize
    }

    private static func overall(_ items: [Item]) -> Overall {
        if items.contains(where: { $0.verdict == .fail }) { return .refused }
        return items.contains { $0.verdict == .warn } ? .atRisk : .accepted
    }
}

/// What one rule found.
struct ComplianceFinding: Sendable, Equatable {
    let verdict: ComplianceReport.Verdict
    let reason: String

    static func pass(_ reason: String) -> Self { Self(verdict: .pass, reason: reason) }
    static func warn(_ reason: String) -> Self { Self(verdict: .warn, reason: reason) }
    static func fail(_ reason: String) -> Self { Self(verdict: .fail, reason: reason) }
    static func none(_ reason: String) -> Self { Self(verdict: .notApplicable, reason: reason) }
}
