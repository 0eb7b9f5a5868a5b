import Contracts
import Foundation
import Postgres

/// The SQL of warm-ups and their strategies.
struct WarmupStore: Sendable {
    /// Of requests.
    let database: Database

    /// A mailbox as its warm-up needs it.
    struct Entry: Sendable {
        let mailbox: MailboxID
        let workspace: WorkspaceID
        let address: String
        let state: String
        let dailyLimit: Int?
        var warmup: Warmup?

        var target: Int { dailyLimit ?? Warmup.defaultTarget }

        static let columns: SQL = "m.id, m.workspace_id, m.address, m.state, m.daily_limit, \(Warmup.columns)"

        init(row: Row) throws(PostgresError) {
            mailbox = try row.decode("id")
            workspace = try row.decode("workspace_id")
            address = try row.decode("address")
            state = try row.decode("state")
            dailyLimit = try row.decodeOptional("daily_limit")
            warmup = try Warmup(row: row)
        }
    }

    func find(_ mailbox: MailboxID, of tenant: TenantID) async throws -> Entry? {
        try await database.query(
            as: tenant,
            """
            select \(Entry.columns) from mailboxes m left join warmup_strategies s on s.name = m.ramp
            where m.tenant_id = \(tenant) and m.id = \(mailbox)
            """
        ).first.map { try Entry(row: $0) }
    }

    /// As ``find(_:of:)``, kept from others to the end of the transaction.
    static func lock(_ mailbox: MailboxID, of tenant: TenantID, in transaction: Transaction) async throws -> Entry? {
        try await transaction.query(
            """
            select \(Entry.columns) from mailboxes m left join warmup_strategies s on s.name = m.ramp
            where m.tenant_id = \(tenant) and m.id = \(mailbox) for no key update of m
            """
        ).first.map { try Entry(row: $0) }
    }

    /// Writes where a mailbox stands, and its goal where one is given; no warm-up ends it.
    static func write(
        _ warmup: Warmup?, target: Int?, of mailbox: MailboxID, _ tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            update mailboxes set ramp = \(warmup?.strategy.name), ramp_started_at = \(warmup?.startedAt), warmup_paused_at = \(warmup?.pausedAt),
                warmup_paused_seconds = \(warmup?.pausedSeconds ?? 0), warmup_lag_days = \(warmup?.lagDays ?? 0),
                warmup_judged_days = \(warmup?.judgedDays ?? 0), warmup_judgement = \(warmup?.judgement?.rawValue),
                daily_limit = coalesce(\(target), daily_limit), updated_at = \(now)
            where tenant_id = \(tenant) and id = \(mailbox)
            """)
    }

    // MARK: - Strategies

    static func strategy(_ name: String, in transaction: Transaction) async throws -> WarmupStrategy? {
        try await transaction.query("select \(WarmupStrategy.columns) from warmup_strategies s where s.name = \(name)").first
            .map { try WarmupStrategy(row: $0) }
    }

    /// The slowest first.
    static func strategies(in database: Database) async throws -> [WarmupStrategy] {
        try await database.query(
            "select \(WarmupStrategy.columns) from warmup_strategies s order by cardinality(s.shares) desc, s.name limit 100"
        ).map { try WarmupStrategy(row: $0) }
    }

    static func write(_ strategy: WarmupStrategy, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into warmup_strategies (name, title, description, least, shares, updated_at)
            values (\(strategy.name), \(strategy.title), \(strategy.description), \(strategy.least), \(strategy.shares), \(now))
            on conflict (name) do update set title = excluded.title, description = excluded.description, least = excluded.least,
                shares = excluded.shares, updated_at = excluded.updated_at
            """)
    }
}
