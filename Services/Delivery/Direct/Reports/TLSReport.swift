import Foundation

/// A day's report about one domain, in the form of RFC 8460, 4.4.
struct TLSReport: Sendable, Equatable, Encodable {
    struct DateRange: Sendable, Equatable, Encodable {
        let start: String
        let end: String

        enum CodingKeys: String, CodingKey {
            case start = "start-datetime"
            case end = "end-datetime"
        }
    }

    struct Policy: Sendable, Equatable, Encodable {
        let type: TLSPolicyType
        let lines: [String]
        let domain: String
        let hosts: [String]

        enum CodingKeys: String, CodingKey {
            case type = "policy-type"
            case lines = "policy-string"
            case domain = "policy-domain"
            case hosts = "mx-host"
        }
    }

    struct Summary: Sendable, Equatable, Encodable {
        let successful: Int64
        let failed: Int64

        enum CodingKeys: String, CodingKey {
            case successful = "total-successful-session-count"
            case failed = "total-failure-session-count"
        }
    }

    /// What is not known is left out.
    struct Failure: Sendable, Equatable, Encodable {
        let result: TLSReportResult
        let sender: String?
        let host: String?
        let receiver: String?
        let sessions: Int64
        let reason: String?

        enum CodingKeys: String, CodingKey {
            case result = "result-type"
            case sender = "sending-mta-ip"
            case host = "receiving-mx-hostname"
            case receiver = "receiving-ip"
            case sessions = "failed-session-count"
            case reason = "failure-reason-code"
        }
    }

    struct Part: Sendable, Equatable, Encodable {
        let policy: Policy
        let summary: Summary
        let failures: [Failure]

        enum CodingKeys: String, CodingKey {
            case policy, summary
            case failures = "failure-details"
        }
    }

    let organization: String
    let range: DateRange
    let contact: String
    let identifier: String
    let policies: [Part]

    enum CodingKeys: String, CodingKey {
        case organization = "organization-name"
        case range = "date-range"
        case contact = "contact-info"
        case identifier = "report-id"
        case policies
    }

    /// Who reports: the name of the operator's servers.
    init(
        about domain: String, on day: String, from host: String, lines: [TLSReportStore.Line], policies texts: [TLSPolicyType: TLSReportCounts.Text]
    ) {
        organization = host
        contact = "postmaster@\(host)"
        range = DateRange(start: "\(day)T00:00:00Z", end: "\(day)T23:59:59Z")
        identifier = "\(day)_\(domain)@\(host)"
        policies = TLSPolicyType.allCases.compactMap { type in
            let mine = lines.filter { $0.policyType == type }
            guard !mine.isEmpty else { return nil }
            let failed = mine.filter { $0.resultType != .success }
            func known(_ text: String) -> String? { text.isEmpty ? nil : text }
            return Part(
                policy: Policy(type: type, lines: texts[type]?.lines ?? [], domain: domain, hosts: texts[type]?.hosts ?? []),
                summary: Summary(
                    successful: mine.filter { $0.resultType == .success }.reduce(0) { $0 + $1.sessions },
                    failed: failed.reduce(0) { $0 + $1.sessions }),
                failures: failed.map {
                    Failure(
                        result: $0.resultType, sender: known($0.sendingIp), host: known($0.mxHost), receiver: known($0.receivingIp),
                        sessions: $0.sessions, reason: known($0.reason))
                })
        }
    }
}
