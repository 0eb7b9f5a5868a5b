import Contracts
import Foundation
import Postgres

/// The SQL that reads reputations for a tenant's requests.
struct ReputationStore: Sendable {
    /// Of requests.
    let database: Database

    /// Whose figures are asked for.
    enum Subject: Sendable, Hashable {
        case domain(String)
        case mailbox(MailboxID)

        var scope: ReputationScope {
            switch self {
            case .domain: .domain
            case .mailbox: .mailbox
            }
        }

        var text: String {
            switch self {
            case .domain(let name): name
            case .mailbox(let id): id.description
            }
        }
    }

    /// A mailbox as its reputation needs it; nil when the tenant has none.
    func mailbox(_ id: MailboxID, of tenant: TenantID) async throws -> (workspace: WorkspaceID, address: String)? {
        try await database.query(
            as: tenant, "select workspace_id, address from mailboxes where tenant_id = \(tenant) and id = \(id)"
        ).first.map { (try $0.decode("workspace_id"), try $0.decode("address")) }
    }

    /// The workspaces whose mailboxes send from a domain.
    func workspaces(of domain: String, _ tenant: TenantID) async throws -> [WorkspaceID] {
        try await database.query(
            as: tenant,
            "select distinct workspace_id from mailboxes where tenant_id = \(tenant) and split_part(address, '@', 2) = \(domain)"
        ).map { try $0.decode("workspace_id") }
    }

    /// The counts of each day from `first` to `last` (see ``CivilDay``) on which there were any.
    func days(of subject: Subject, _ tenant: TenantID, from first: Int, to last: Int) async throws -> [Int: ReputationCounts] {
        let condition: SQL =
            switch subject {
            case .domain(let name): "domain = \(name)"
            case .mailbox(let id): "mailbox_id = \(id)"
            }
        let rows = try await database.query(
            as: tenant,
            """
            select day::text as day, sum(accepted)::bigint as accepted, sum(refused)::bigint as refused, sum(hard_bounces)::bigint as hard_bounces,
                sum(soft_bounces)::bigint as soft_bounces, sum(complaints)::bigint as complaints, sum(unsubscribes)::bigint as unsubscribes,
                sum(replies)::bigint as replies
            from reputation_days
            where tenant_id = \(tenant) and \(condition) and day between \(CivilDay.text(of: first))::date and \(CivilDay.text(of: last))::date
            group by day
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (CivilDay.number(of: try row.decode("day", as: String.self)) ?? 0, try ReputationCounts(row: row))
            })
    }

    /// The hold over a domain, or over the whole company.
    func hold(over domain: String?, of tenant: TenantID) async throws -> ComplaintHold? {
        try await database.query(
            as: tenant,
            """
            select \(ComplaintHold.columns) from complaint_holds
            where tenant_id = \(tenant) and (scope = 'tenant' or subject = \(domain)) order by level desc, scope desc limit 1
            """
        ).first.map { try ComplaintHold(row: $0) }
    }

    func holds(of tenant: TenantID) async throws -> [ComplaintHold] {
        try await database.query(
            as: tenant, "select \(ComplaintHold.columns) from complaint_holds where tenant_id = \(tenant) order by scope desc, subject limit 500"
        ).map { try ComplaintHold(row: $0) }
    }

    /// What blacklists say of a domain and of the operator's own servers that its mailboxes, or the one, send through.
    func blacklists(of domain: String, mailbox: MailboxID?, _ tenant: TenantID) async throws -> [BlacklistResult] {
        try await database.query(
            as: tenant,
            """
            select b.kind, b.subject, b.zone, b.host, b.status, b.codes, b.meaning, b.listed_since, b.checked_at, b.failed_at, b.failure
            from blacklist_results b
            where b.tenant_id = \(tenant) and (b.kind = 'domain' and b.subject = \(domain) or b.kind = 'ip' and b.host in (
                select lower(m.smtp_host) from mailboxes m where m.tenant_id = \(tenant)
                  and (m.id = \(mailbox) or \(mailbox)::uuid is null and split_part(m.address, '@', 2) = \(domain))))
            order by b.kind, b.subject, b.zone
            """
        ).map { try BlacklistResult(row: $0) }
    }
}

enum ReputationScope: String, Sendable, Codable, CaseIterable {
    case domain, mailbox
}
