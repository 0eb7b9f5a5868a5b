/// One line of the table by which failed deliveries are judged: all that it names must be so.
struct FailureRule: Sendable {
    /// A status with holes: `5.7.x`, `x.2.2`.
    struct Pattern: Sendable, ExpressibleByStringLiteral {
        private let parts: [Int?]

        init(stringLiteral value: String) {
            parts = value.split(separator: ".").map { Int($0) }
        }

        func matches(_ status: StatusCode) -> Bool {
            let numbers = [status.class, status.subject, status.detail]
            return zip(parts, numbers).allSatisfy { $0 == nil || $0 == $1 }
        }
    }

    let id: String
    let kind: InboundVerdict.Kind
    let confidence: Double
    /// One of them; empty: any, also none.
    var statuses: [Pattern] = []
    /// Only where the status is missing or says nothing.
    var isForUnspecific = false
    var codes: [Int] = []
    /// One of the phrases.
    var any: [String] = []
    var all: [String] = []
    var none: [String] = []

    func matches(_ evidence: FailureEvidence) -> Bool {
        if isForUnspecific, evidence.status?.isSpecific == true { return false }
        if !statuses.isEmpty {
            guard let status = evidence.status, statuses.contains(where: { $0.matches(status) }) else { return false }
        }
        if !codes.isEmpty {
            guard let code = evidence.code, codes.contains(code) else { return false }
        }
        return (any.isEmpty || evidence.text.containsAny(any)) && all.allSatisfy(evidence.text.contains) && !evidence.text.containsAny(none)
    }
}

/// The judgement on one failed delivery; the same for a reply of SMTP, a report, and the text of a bounce.
enum FailureJudge {
    static let unknown = "failure.unknown"

    /// The first rule that matches; what is temporary never becomes a judgement on the address.
    static func judge(_ evidence: FailureEvidence) -> (kind: InboundVerdict.Kind, rule: String, confidence: Double) {
        if evidence.isTransient {
            let rule = FailureRules.transient.first { $0.matches(evidence) }
            return rule.map { ($0.kind, $0.id, $0.confidence) } ?? (.softBounce, "transient", 0.9)
        }
        guard let rule = FailureRules.permanent.first(where: { $0.matches(evidence) }) else { return (.unknown, unknown, 0) }
        return (rule.kind, rule.id, rule.confidence)
    }
}
