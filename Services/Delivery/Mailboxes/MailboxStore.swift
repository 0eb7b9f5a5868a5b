import Contracts
import Foundation
import Mail
import Postgres
import Streams

/// The SQL of mailboxes.
struct MailboxStore: Sendable {
    let database: Database

    private static let columns: SQL = """
        m.id, m.workspace_id, m.address, m.display_name, m.authentication, m.smtp_host, m.smtp_port, m.smtp_security, m.smtp_username, m.state,
        m.state_reason, m.daily_limit, m.hourly_limit, m.gap_seconds, m.ramp, m.opens_at, m.created_at, m.transport, c.provider as consent_provider,
        c.state as consent_state, c.state_reason as consent_reason, c.granted_at as consent_at, c.scopes as consent_scopes
        """
    private static let tables: SQL =
        "mailboxes m left join mailbox_consents c on c.tenant_id = m.tenant_id and c.mailbox_id = m.id and m.authentication = 'oauth'"

    /// False when the tenant has a mailbox with this address.
    static func insert(
        _ mailbox: Mailbox, of tenant: TenantID, _ secret: MailboxSecret, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                   authentication, password_sealed, created_at, updated_at)
            values (\(tenant), \(mailbox.id), \(mailbox.workspace), \(mailbox.address), \(mailbox.displayName), \(mailbox.smtp.host),
                    \(mailbox.smtp.port), \(mailbox.smtp.security), \(mailbox.smtp.username), \(secret.kind),
                    \(secret.sealed), \(mailbox.createdAt), \(mailbox.createdAt))
            on conflict (tenant_id, address) do nothing
            """
        ).affected > 0
    }

    /// New credentials that were tested: a mailbox that was stopped sends again; one that is paused stays so, with its reason.
    static func update(
        _ mailbox: MailboxID, of tenant: TenantID, _ server: SMTPServer, username: String, _ secret: MailboxSecret, at instant: Date,
        in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update mailboxes set smtp_host = \(server.host), smtp_port = \(server.port), smtp_security = \(server.security),
                smtp_username = \(username), authentication = \(secret.kind), password_sealed = \(secret.sealed), transport = 'smtp', failures = 0,
                state = case when state = 'paused' then state else 'active' end,
                state_reason = case when state = 'paused' then state_reason end,
                complaint_held = complaint_held and state = 'paused', version = version + 1, updated_at = \(instant)
            where tenant_id = \(tenant) and id = \(mailbox)
            """
        ).affected > 0
    }

    /// A new pace counts from now on; what was sent before it counts too.
    static func set(_ limits: MailboxLimits, of mailbox: MailboxID, _ tenant: TenantID, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update mailboxes set daily_limit = \(limits.daily), hourly_limit = \(limits.hourly), gap_seconds = \(limits.gapSeconds),
                ramp_started_at = case when \(limits.ramp)::text is null then null when ramp = \(limits.ramp) then ramp_started_at else now() end,
                warmup_paused_at = case when ramp = \(limits.ramp) then warmup_paused_at end,
                warmup_paused_seconds = case when ramp = \(limits.ramp) then warmup_paused_seconds else 0 end,
                warmup_lag_days = case when ramp = \(limits.ramp) then warmup_lag_days else 0 end,
                warmup_judged_days = case when ramp = \(limits.ramp) then warmup_judged_days else 0 end,
                warmup_judgement = case when ramp = \(limits.ramp) then warmup_judgement end,
                ramp = \(limits.ramp), opens_at = null, updated_at = \(instant)
            where tenant_id = \(tenant) and id = \(mailbox)
            """)
    }

    /// False when it was not in one of the states `before`. What its owner has seen does not pause it again.
    static func set(
        state: String, reason: String?, of mailbox: MailboxID, _ tenant: TenantID, from before: [String], at instant: Date,
        in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query("delete from mailbox_days where tenant_id = \(tenant) and mailbox_id = \(mailbox)")
        return try await transaction.query(
            """
            update mailboxes set state = \(state), state_reason = \(reason), state_since = \(instant), failures = 0, complaint_held = false,
                updated_at = \(instant)
            where tenant_id = \(tenant) and id = \(mailbox) and state = any(\(before))
            """
        ).affected > 0
    }

    func find(_ mailbox: MailboxID, of tenant: TenantID) async throws -> Mailbox? {
        try await database.query(
            as: tenant, "select \(Self.columns) from \(Self.tables) where m.tenant_id = \(tenant) and m.id = \(mailbox)"
        ).first.map(Self.mailbox)
    }

    /// Those that there are, in the order of their identifiers.
    func find(_ mailboxes: [MailboxID], of tenant: TenantID) async throws -> [Mailbox] {
        try await database.query(
            as: tenant, "select \(Self.columns) from \(Self.tables) where m.tenant_id = \(tenant) and m.id = any(\(mailboxes)) order by m.id"
        ).map(Self.mailbox)
    }

    /// In the order in which they were made, after `start`; of these workspaces, or of all.
    func list(of tenant: TenantID, in workspaces: [WorkspaceID]?, after start: MailboxID?, limit: Int) async throws -> [Mailbox] {
        let narrowed: SQL = workspaces.map { "and m.workspace_id = any(\($0))" } ?? ""
        return try await database.query(
            as: tenant,
            """
            select \(Self.columns) from \(Self.tables)
            where m.tenant_id = \(tenant) and m.id > \(start ?? MailboxID.zero) \(narrowed) order by m.id limit \(limit)
            """
        ).map(Self.mailbox)
    }

    /// How many each company has, by its identifier after `start`; none for one whose last ones went with a workspace. Those that never had any are
    /// left out.
    static func counts(after start: TenantID?, limit: Int, in database: Database) async throws -> [(tenant: TenantID, used: Int64)] {
        try await database.query(
            """
            select c.tenant_id, sum(c.n)::bigint as n from (
                (select tenant_id, count(*) as n from mailboxes where \(start)::uuid is null or tenant_id > \(start)::uuid
                 group by tenant_id order by tenant_id limit \(limit))
                union all
                (select tenant_id, 0 as n from mailbox_purges where \(start)::uuid is null or tenant_id > \(start)::uuid
                 order by tenant_id limit \(limit))) c
            group by c.tenant_id order by c.tenant_id limit \(limit)
            """
        ).map { (tenant: try $0.decode("tenant_id"), used: try $0.decode("n")) }
    }

    /// Stops sending, unless its settings have changed since they were tried.
    func stop(_ mailbox: SendingMailbox, reason: String, at instant: Date, outbox: Outbox) async throws {
        let words = String(reason.prefix(500))
        let event = try PendingEvent(
            DeliveryEvents.MailboxStopped(mailbox: mailbox.id, reason: words), at: instant, tenant: mailbox.tenant, actor: .system("delivery"),
            audit: AuditRecord(
                action: "mailbox.stop", outcome: .failure, targets: [.init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)],
                metadata: ["reason": words]))
        try await database.transaction { transaction in
            let stopped = try await transaction.query(
                """
                update mailboxes set state = 'stopped', state_reason = \(words), updated_at = \(instant)
                where tenant_id = \(mailbox.tenant) and id = \(mailbox.id) and version = \(mailbox.version) and state = 'active'
                """)
            if stopped.affected > 0 { try await outbox.append([event], in: transaction) }
        }
    }

    private static func consent(_ row: Row) throws -> ConsentView? {
        guard try row.decodeOptional("consent_state", as: String.self) != nil else { return nil }
        return ConsentView(
            provider: try row.decode("consent_provider"), state: try row.decode("consent_state"),
            stateReason: try row.decodeOptional("consent_reason"),
            grantedAt: try row.decode("consent_at"), scopes: try row.decode("consent_scopes", as: String.self).split(separator: " ").map(String.init))
    }

    private static func mailbox(_ row: Row) throws -> Mailbox {
        Mailbox(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), address: try row.decode("address"),
            displayName: try row.decode("display_name"), kind: try row.decode("authentication"),
            smtp: .init(
                host: try row.decode("smtp_host"), port: try row.decode("smtp_port"), security: try row.decode("smtp_security"),
                username: try row.decode("smtp_username")),
            consent: try consent(row),
            transport: try row.decode("transport"),
            state: try row.decode("state"), stateReason: try row.decodeOptional("state_reason"),
            limits: MailboxLimits(
                daily: try row.decodeOptional("daily_limit"), hourly: try row.decodeOptional("hourly_limit"),
                gapSeconds: try row.decode("gap_seconds"), ramp: try row.decodeOptional("ramp")),
            opensAt: try row.decodeOptional("opens_at"), createdAt: try row.decode("created_at"))
    }
}
