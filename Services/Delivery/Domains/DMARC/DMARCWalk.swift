import DNS

/// The tree walk of RFC 9989 (4.10): from a domain up to the root, in at most eight questions.
struct DMARCWalk: Sendable {
    /// What stands at one name on the way.
    struct Step: Sendable, Equatable {
        let domain: String
        /// Every text that is a record of DMARC.
        let records: [String]
        /// Those that are meant to be one.
        let lookalikes: [String]

        /// Of several none counts.
        var record: String? { records.count == 1 ? records[0] : nil }
    }

    private static let mostQuestions = 8

    let dns: CheckedDNS

    /// The names that are asked about, in their order: after the first, no more than seven labels are left.
    static func names(from domain: String) -> [String] {
        var labels = domain.split(separator: ".").map(String.init)
        var names = [domain]
        if labels.count >= mostQuestions { labels = labels.suffix(mostQuestions) }
        while labels.count > 1, names.count < mostQuestions {
            labels.removeFirst()
            names.append(labels.joined(separator: "."))
        }
        return names
    }

    func walk(from domain: String) async throws(DNSFailure) -> [Step] {
        var steps: [Step] = []
        for name in Self.names(from: domain) {
            let texts = try await dns.query("_dmarc.\(name)", .txt).records().texts
            let step = Step(
                domain: name, records: texts.filter(DMARCRecord.isDMARC), lookalikes: texts.filter(DMARCRecord.looksLikeDMARC))
            steps.append(step)
            if let list = step.record.flatMap({ TagList($0) }), DMARCRecord.publicSuffix(list) != "u" { break }
        }
        return steps
    }

    /// The domain of the organisation that a walk found.
    static func organisation(_ steps: [Step]) -> String {
        let start = steps.first?.domain ?? ""
        let valid = steps.filter { $0.record != nil }
        for step in valid {
            guard let list = step.record.flatMap({ TagList($0) }) else { continue }
            switch DMARCRecord.publicSuffix(list) {
            case "n": return step.domain
            case "y" where step.domain != start:
                // One label below the registry's.
                let count = step.domain.split(separator: ".").count + 1
                return start.split(separator: ".").suffix(count).joined(separator: ".")
            default: continue
            }
        }
        return valid.min { $0.domain.split(separator: ".").count < $1.domain.split(separator: ".").count }?.domain ?? start
    }

    /// The record that applies to the domain at which the walk began: its own, its organisation's, or the registry's.
    static func applying(_ steps: [Step]) -> Step? {
        guard let start = steps.first else { return nil }
        if start.record != nil { return start }
        let organisation = organisation(steps)
        return steps.first { $0.domain == organisation && $0.record != nil } ?? steps.last { $0.record != nil }
    }
}
