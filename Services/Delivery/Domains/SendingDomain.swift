import Contracts
import Foundation

/// A domain that a company sends from, as its owner sees it.
struct SendingDomain: Sendable {
    let id: DomainID
    let workspace: WorkspaceID
    let name: String
    /// Shown as a part of the record that proves ownership.
    let token: String
    var selectors: [String]
    var standing: DomainStanding
    var report: DomainReport
    var version: Int64
    let createdAt: Date
    var checkedAt: Date?
    var verifiedAt: Date?
    var nextCheckAt: Date
    /// Lists leave the records out.
    var showsRecords = true
    /// How the certificate of its tracking host stands; nil where nobody asked.
    var certificate: TrackingCertificate.View?
}

extension SendingDomain: Encodable {
    private enum CodingKeys: String, CodingKey {
        case id, workspace, domain, state, isAuthenticated, isOwned, spf, dkim, dmarc, organisation, dkimSelectors, findings, records, createdAt
        case checkedAt, verifiedAt, nextCheckAt, trackingCertificate
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(workspace, forKey: .workspace)
        try container.encode(name, forKey: .domain)
        try container.encode(standing.state, forKey: .state)
        try container.encode(standing.isAuthenticated, forKey: .isAuthenticated)
        try container.encode(report.isOwned, forKey: .isOwned)
        try container.encode(report.spf, forKey: .spf)
        try container.encode(report.dkim, forKey: .dkim)
        try container.encode(report.dmarc, forKey: .dmarc)
        try container.encode(report.organisation, forKey: .organisation)
        try container.encode(selectors, forKey: .dkimSelectors)
        try container.encode(report.findings, forKey: .findings)
        if showsRecords { try container.encode(report.records, forKey: .records) }
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(checkedAt, forKey: .checkedAt)
        try container.encode(verifiedAt, forKey: .verifiedAt)
        try container.encode(nextCheckAt, forKey: .nextCheckAt)
        try container.encodeIfPresent(certificate, forKey: .trackingCertificate)
    }
}
