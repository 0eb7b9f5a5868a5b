import Contracts
import Foundation
import Postgres

/// The SQL of domains.
struct DomainStore: Sendable {
    let database: Database

    /// A domain in a background task's hands.
    struct Due: Sendable {
        let tenant: TenantID
        let domain: SendingDomain
    }

    private static let columns: SQL =
        "id, workspace_id, name, token, dkim_selectors, state, attempts, report, version, created_at, checked_at, verified_at, next_check_at"

    // MARK: - Reading

    func find(_ domain: DomainID, of tenant: TenantID) async throws -> SendingDomain? {
        try await database.query(as: tenant, "select \(Self.columns) from domains where tenant_id = \(tenant) and id = \(domain)")
            .first.map(Self.domain)
    }

    /// By its name, in lower case.
    func find(named name: String, of tenant: TenantID) async throws -> SendingDomain? {
        try await database.query(as: tenant, "select \(Self.columns) from domains where tenant_id = \(tenant) and name = \(name)")
            .first.map(Self.domain)
    }

    /// In the order in which they were added, after `start`; of these workspaces, or of all.
    func list(of tenant: TenantID, in workspaces: [WorkspaceID]?, after start: DomainID?, limit: Int) async throws -> [SendingDomain] {
        let narrowed: SQL = workspaces.map { "and workspace_id = any(\($0))" } ?? ""
        return try await database.query(
            as: tenant,
            """
            select \(Self.columns) from domains where tenant_id = \(tenant) and id > \(start ?? DomainID.zero) \(narrowed)
            order by id limit \(limit)
            """
        ).map(Self.domain)
    }

    /// SMTP servers of the mailboxes at a domain.
    func servers(of domain: String, _ tenant: TenantID) async throws -> [String] {
        try await database.query(
            as: tenant,
            """
            select distinct smtp_host from mailboxes where tenant_id = \(tenant) and split_part(address, '@', 2) = \(domain)
            order by smtp_host limit 50
            """
        ).map { try $0.decode("smtp_host") }
    }

    /// What was last known of the domains of mailboxes; no state where the tenant has not added the domain.
    func senders(_ mailboxes: [MailboxID], of tenant: TenantID) async throws -> [SenderFacts] {
        try await database.query(
            as: tenant,
            """
            select m.id, split_part(m.address, '@', 2) as domain, m.smtp_host, d.state, d.report
            from mailboxes m left join domains d on d.tenant_id = m.tenant_id and d.name = split_part(m.address, '@', 2)
            where m.tenant_id = \(tenant) and m.id = any(\(mailboxes)) order by m.id
            """
        ).map { row in
            SenderFacts(
                mailbox: try row.decode("id"), domain: try row.decode("domain"), server: try row.decode("smtp_host"),
                state: try row.decodeOptional("state", as: String.self).flatMap(DomainStanding.State.init),
                report: try row.decodeOptional("report", as: String.self).map(Self.report))
        }
    }

    /// How many each company has, by its identifier after `start`; also none, for one that once had some.
    static func counts(after start: TenantID?, limit: Int, in database: Database) async throws -> [(tenant: TenantID, used: Int64)] {
        try await database.query(
            """
            select c.tenant_id, (select count(*) from domains d where d.tenant_id = c.tenant_id) as n from domain_companies c
            where \(start)::uuid is null or c.tenant_id > \(start)::uuid order by c.tenant_id limit \(limit)
            """
        ).map { (tenant: try $0.decode("tenant_id"), used: try $0.decode("n")) }
    }

    // MARK: - Writing

    /// False when the tenant has the domain.
    static func insert(_ domain: SendingDomain, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query("insert into domain_companies (tenant_id) values (\(tenant)) on conflict (tenant_id) do nothing")
        return try await transaction.query(
            """
            insert into domains (tenant_id, id, workspace_id, name, token, dkim_selectors, created_at, next_check_at)
            values (\(tenant), \(domain.id), \(domain.workspace), \(domain.name), \(domain.token), \(domain.selectors), \(domain.createdAt),
                    \(domain.nextCheckAt))
            on conflict (tenant_id, name) do nothing
            """
        ).affected > 0
    }

    static func set(selectors: [String], of domain: DomainID, _ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "update domains set dkim_selectors = \(selectors), version = version + 1 where tenant_id = \(tenant) and id = \(domain)"
        ).affected > 0
    }

    static func delete(_ domain: DomainID, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query("delete from domains where tenant_id = \(tenant) and id = \(domain)").affected > 0
    }

    /// What is sent from a domain has changed: it is looked at again at once.
    static func checkSoon(_ name: String, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query("update domains set next_check_at = \(now) where tenant_id = \(tenant) and name = \(name)")
    }

    /// Makes a check somebody's who asks for it; false when one was asked for since `earliest`. The next by itself is after this one's end.
    func ask(_ domain: DomainID, of tenant: TenantID, since earliest: Date, at now: Date) async throws -> Bool {
        try await database.query(
            as: tenant,
            """
            update domains set asked_at = \(now), attempts = case when state in ('pending', 'broken') then 0 else attempts end,
                next_check_at = \(now.addingTimeInterval(120))
            where tenant_id = \(tenant) and id = \(domain) and (asked_at is null or asked_at <= \(earliest))
            """
        ).affected > 0
    }

    /// Takes domains that are due; whoever dies with one leaves it to others in two minutes.
    func takeDue(at now: Date, limit: Int) async throws -> [Due] {
        try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from domains where next_check_at <= \(now) order by next_check_at limit \(limit) for update skip locked)
            update domains d set next_check_at = \(now.addingTimeInterval(120)) from picked p where d.tenant_id = p.tenant_id and d.id = p.id
            returning d.tenant_id, d.id, d.workspace_id, d.name, d.token, d.dkim_selectors, d.state, d.attempts, d.report, d.version, d.created_at,
                d.checked_at, d.verified_at, d.next_check_at
            """
        ).map { Due(tenant: try $0.decode("tenant_id"), domain: try Self.domain($0)) }
    }

    /// The domain as it is now, held until the transaction ends.
    static func lock(_ domain: DomainID, of tenant: TenantID, in transaction: Transaction) async throws -> SendingDomain? {
        try await transaction.query("select \(columns) from domains where tenant_id = \(tenant) and id = \(domain) for no key update").first.map(
            Self.domain)
    }

    static func write(_ domain: SendingDomain, trackingHost: String?, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update domains set state = \(domain.standing.state.rawValue), attempts = \(domain.standing.attempts),
                report = \(try PostgresJSON(domain.report)), tracking_host = \(trackingHost), version = \(domain.version),
                checked_at = \(domain.checkedAt), verified_at = \(domain.verifiedAt), next_check_at = \(domain.nextCheckAt)
            where tenant_id = \(tenant) and id = \(domain.id)
            """)
    }

    // MARK: - Owners

    /// Whether the domain is this company's, now that its proof was seen. Somebody else's proof is looked at again at once.
    static func claim(_ domain: SendingDomain, by tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into domain_owners (name, tenant_id, domain_id, proven_at) values (\(domain.name), \(tenant), \(domain.id), \(now))
            on conflict (name) do nothing
            """)
        let isOurs = try await !transaction.query("select 1 as one from domain_owners where name = \(domain.name) and tenant_id = \(tenant)").isEmpty
        if !isOurs {
            try await transaction.query(
                """
                update domains d set next_check_at = least(d.next_check_at, \(now)) from domain_owners o
                where o.name = \(domain.name) and d.tenant_id = o.tenant_id and d.id = o.domain_id
                """)
        }
        return isOurs
    }

    static func isOwner(_ domain: DomainID, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query("select 1 as one from domain_owners where tenant_id = \(tenant) and domain_id = \(domain)").isEmpty
    }

    /// The proof is gone: others may have the domain.
    static func release(_ domain: DomainID, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("delete from domain_owners where tenant_id = \(tenant) and domain_id = \(domain)")
    }

    // MARK: - Rows

    private static func domain(_ row: Row) throws -> SendingDomain {
        SendingDomain(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), name: try row.decode("name"), token: try row.decode("token"),
            selectors: try row.decode("dkim_selectors"),
            standing: DomainStanding(state: try row.decode("state"), attempts: try row.decode("attempts")),
            report: try report(try row.decode("report")), version: try row.decode("version"), createdAt: try row.decode("created_at"),
            checkedAt: try row.decodeOptional("checked_at"), verifiedAt: try row.decodeOptional("verified_at"),
            nextCheckAt: try row.decode("next_check_at"))
    }

    /// Before the first check there is none.
    private static func report(_ text: String) throws -> DomainReport {
        text == "{}" ? DomainReport() : try WireJSON.decoder().decode(DomainReport.self, from: Data(text.utf8))
    }
}

/// What is known of a mailbox's domain.
struct SenderFacts: Sendable {
    let mailbox: MailboxID
    let domain: String
    let server: String
    let state: DomainStanding.State?
    let report: DomainReport?
}
