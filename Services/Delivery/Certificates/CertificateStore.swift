import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of tracking hosts' certificates, as requests and mail on its way see them.
struct CertificateStore: Sendable {
    let database: Database

    private static let columns: SQL =
        "host, domain_id, state, attempts, failure_kind, failure, authority, issued_at, expires_at, renew_at, usable_from, next_at"

    /// By the domains; none for one whose tracking name was never proven.
    func certificates(of domains: [DomainID], _ tenant: TenantID) async throws -> [DomainID: TrackingCertificate] {
        guard !domains.isEmpty else { return [:] }
        let found = try await database.query(
            as: tenant, "select \(Self.columns) from tracking_certificates where tenant_id = \(tenant) and domain_id = any(\(domains))"
        ).map(Self.certificate)
        return Dictionary(found.map { ($0.domain, $0) }) { first, _ in first }
    }

    /// Where links of mail from a domain lead: its tracking host, once its certificate is everywhere; nil before and after.
    func trackingHost(of name: String, _ tenant: TenantID, authority: String, at now: Date) async throws -> String? {
        try await database.query(
            as: tenant,
            """
            select d.tracking_host from domains d
            join tracking_certificates c on c.tenant_id = d.tenant_id and c.domain_id = d.id and c.host = d.tracking_host
            where d.tenant_id = \(tenant) and d.name = \(name) and c.state = 'issued' and c.authority = \(authority) and c.expires_at > \(now)
              and c.usable_from <= \(now)
            """
        ).first.flatMap { try $0.decodeOptional("tracking_host") }
    }

    static func certificate(_ row: Row) throws -> TrackingCertificate {
        let kind = try row.decodeOptional("failure_kind", as: String.self).flatMap(CertificateFailure.Kind.init)
        let detail: String? = try row.decodeOptional("failure")
        return TrackingCertificate(
            host: try row.decode("host"), domain: try row.decode("domain_id"), state: try row.decode("state"), attempts: try row.decode("attempts"),
            failure: kind.map { .init(kind: $0, detail: detail ?? "") }, authority: try row.decodeOptional("authority"),
            issuedAt: try row.decodeOptional("issued_at"), expiresAt: try row.decodeOptional("expires_at"),
            renewAt: try row.decodeOptional("renew_at"), usableFrom: try row.decodeOptional("usable_from"), nextAt: try row.decodeOptional("next_at"))
    }

    // MARK: - What the domain's check says

    /// The host's CNAME is proven, or is not (any more); in the transaction that writes so.
    static func follow(_ domain: SendingDomain, host: String?, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        guard let host else {
            try await transaction.query(
                """
                update tracking_certificates set state = 'waiting', next_at = null, order_id = null, challenge_until = null
                where tenant_id = \(tenant) and domain_id = \(domain.id) and state <> 'waiting'
                """)
            return
        }
        try await transaction.query(
            """
            insert into tracking_certificates as c (tenant_id, host, domain_id, organisation, state, next_at, created_at)
            values (\(tenant), \(host), \(domain.id), \(domain.report.organisation ?? domain.name), 'ordered', \(now), \(now))
            on conflict (tenant_id, host) do update set domain_id = excluded.domain_id, organisation = excluded.organisation,
                state = case when c.state <> 'waiting' then c.state when c.expires_at > \(now) then 'issued' else 'ordered' end,
                next_at = case when c.state <> 'waiting' then c.next_at when c.expires_at > \(now) then greatest(c.renew_at, \(now)) else \(now) end
            """)
    }

    // MARK: - What the authority asks

    /// The account that ordered for a host a moment ago, by its key's thumbprint.
    func thumbprint(for host: String, at directory: String, now: Date) async throws -> String? {
        try await database.query(
            """
            select a.thumbprint from tracking_certificates c join certificate_accounts a on a.directory = \(directory)
            where c.host = \(host) and c.challenge_until > \(now) limit 1
            """
        ).first.map { try $0.decode("thumbprint") }
    }
}
