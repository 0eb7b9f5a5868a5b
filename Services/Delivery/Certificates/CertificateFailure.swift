import Foundation

/// Why an order gave no certificate.
struct CertificateFailure: Error, Sendable, Equatable {
    enum Kind: String, Sendable, Codable {
        /// The authority looked at the host, and did not see what it should.
        case refused
        /// The authority takes no more orders for a while.
        case limited
        /// The authority cannot be asked, or fails.
        case authority
        /// Something is wrong here.
        case client
    }

    let kind: Kind
    /// What was said, for the log; of a refusal, for the host's owner too.
    let detail: String
    /// When the authority takes orders again, where it says so.
    var retryAfter: Date?

    init(_ kind: Kind, _ detail: String, retryAfter: Date? = nil) {
        self.kind = kind
        self.detail = String(String.UnicodeScalarView(detail.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }).prefix(500))
        self.retryAfter = retryAfter
    }

    /// A failure that was written down.
    struct Noted: Sendable, Equatable {
        let kind: Kind
        let detail: String

        /// For the host's owner, who can do something about a refusal only.
        var words: String {
            switch kind {
            case .refused: "The authority could not verify the host: \(detail)"
            case .limited: detail
            case .authority: "The certificate authority did not answer as it should; it is asked again."
            case .client: "The order failed on our side; it is tried again."
            }
        }
    }

    /// What the authority's words mean, as lego reports them on its last lines; RFC 8555, section 6.7.
    static func report(_ output: String, now: Date) -> CertificateFailure {
        let lines = output.split(whereSeparator: \.isNewline).filter { !$0.contains("[INFO]") && !$0.contains("[WARN]") }
        guard let line = lines.last(where: { $0.contains(problemPrefix) }), let start = line.range(of: problemPrefix) else {
            let last = lines.last.map(String.init) ?? "nothing was said"
            return CertificateFailure(.authority, last)
        }
        let rest = line[start.upperBound...]
        let word = rest.prefix { $0.isLetter }
        let detail = rest.dropFirst(word.count).drop { $0 == " " || $0 == ":" }.trimmingCharacters(in: .whitespaces.union([","]))
        return switch word {
        case "rateLimited": CertificateFailure(.limited, "The authority takes no more orders for the moment: \(detail)", retryAfter: date(in: detail))
        case "connection", "dns", "unauthorized", "incorrectResponse", "tls", "caa", "rejectedIdentifier", "unsupportedIdentifier":
            CertificateFailure(.refused, "\(word): \(detail)")
        default: CertificateFailure(.authority, "\(word): \(detail)")
        }
    }

    private static let problemPrefix = "urn:ietf:params:acme:error:"

    /// `2026-12-01 10:00:00 UTC` or `2026-12-01T10:00:00Z`.
    private static func date(in text: String) -> Date? {
        guard let found = text.firstMatch(of: /(\d{4}-\d{2}-\d{2})[ T](\d{2}:\d{2}:\d{2})(?: UTC|Z)/) else { return nil }
        return try? Date("\(found.1)T\(found.2)Z", strategy: .iso8601)
    }
}
