import Contracts
import Foundation
import Postgres

/// A company's own account at Stripe, on which it charges its own clients: what is kept of it is what Stripe last said.
struct ConnectAccount: Sendable, Equatable {
    let account: String
    let country: String?
    var state: State
    let createdAt: Date
    let syncedAt: Date?

    /// What Stripe says that the account may do, and what it still wants to know.
    struct State: Sendable, Equatable {
        var detailsSubmitted = false
        var chargesEnabled = false
        var payoutsEnabled = false
        var requirements: [String] = []
        var disabledReason: String?
        /// The owner took the account from us, at this moment.
        var deauthorizedAt: Date?
    }

    /// Whether clients can be charged on it: what Stripe says, never that somebody came back from its form.
    var mayCharge: Bool { state.chargesEnabled && state.deauthorizedAt == nil }
}

extension ConnectAccount.State {
    /// What is due now stands before what will be; the reason in Stripe's own words.
    init(_ account: StripeAccount) {
        self.init(
            detailsSubmitted: account.detailsSubmitted ?? false, chargesEnabled: account.chargesEnabled ?? false,
            payoutsEnabled: account.payoutsEnabled ?? false,
            requirements: Set((account.requirements?.currentlyDue ?? []) + (account.requirements?.pastDue ?? [])).sorted(),
            disabledReason: account.requirements?.disabledReason)
    }
}

/// What a company sees of it.
struct ConnectAnswer: Encodable, Sendable {
    let account: String?
    let country: String?
    /// `none`, `onboarding`, `restricted`, `enabled` or `deauthorized`.
    let state: String
    let detailsSubmitted: Bool
    let chargesEnabled: Bool
    let payoutsEnabled: Bool
    let requirements: [String]
    let disabledReason: String?
    let asOf: Date

    init(_ found: ConnectAccount?, now: Date) {
        account = found?.account
        country = found?.country
        detailsSubmitted = found?.state.detailsSubmitted ?? false
        chargesEnabled = found?.mayCharge ?? false
        payoutsEnabled = found?.state.payoutsEnabled ?? false
        requirements = found?.state.requirements ?? []
        disabledReason = found?.state.disabledReason
        asOf = found?.syncedAt ?? now
        state =
            if let found {
                if found.state.deauthorizedAt != nil {
                    "deauthorized"
                } else if found.mayCharge {
                    "enabled"
                } else {
                    found.state.detailsSubmitted ? "restricted" : "onboarding"
                }
            } else {
                "none"
            }
    }
}

/// The SQL of connected accounts.
enum ConnectStore {
    private static let columns: SQL = """
        c.account, c.country, c.details_submitted, c.charges_enabled, c.payouts_enabled, c.requirements::text as requirements, c.disabled_reason,
        c.deauthorized_at, c.created_at, c.synced_at
        """

    static func find(_ tenant: TenantID, in database: Database) async throws -> ConnectAccount? {
        try await database.query(as: tenant, "select \(columns) from connect_accounts c where c.tenant_id = \(tenant)").first.map(account)
    }

    /// The account's row with whose it is, locked until the transaction ends.
    static func lock(_ account: String, in transaction: Transaction) async throws -> (tenant: TenantID, account: ConnectAccount)? {
        try await transaction.query("select c.tenant_id, \(columns) from connect_accounts c where c.account = \(account) for update").first.map {
            (tenant: try $0.decode("tenant_id"), account: try Self.account($0))
        }
    }

    /// False when the tenant has one that is not taken from us; one that is makes room.
    ///
    /// Inserts of one tenant take turns: two of the same row at once meet in both unique indexes, and `on conflict` forgives only one of them.
    static func insert(
        _ account: String, country: String?, of tenant: TenantID, at now: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('connect_accounts:' || \(tenant.description), 0))")
        return try await transaction.query(
            """
            insert into connect_accounts as c (tenant_id, account, country, created_at) values (\(tenant), \(account), \(country), \(now))
            on conflict (tenant_id) do update set account = excluded.account, country = excluded.country, created_at = excluded.created_at,
                details_submitted = false, charges_enabled = false, payouts_enabled = false, requirements = '[]', disabled_reason = null,
                deauthorized_at = null, synced_at = null
            where c.deauthorized_at is not null and c.account <> excluded.account
            """
        ).affected > 0
    }

    static func write(_ state: ConnectAccount.State, of account: String, at now: Date, in transaction: Transaction) async throws {
        let requirements = try PostgresJSON(state.requirements)
        try await transaction.query(
            """
            update connect_accounts set details_submitted = \(state.detailsSubmitted), charges_enabled = \(state.chargesEnabled),
                payouts_enabled = \(state.payoutsEnabled), requirements = \(requirements), disabled_reason = \(state.disabledReason),
                deauthorized_at = \(state.deauthorizedAt), synced_at = \(now)
            where account = \(account)
            """)
    }

    private static func account(_ row: Row) throws -> ConnectAccount {
        let requirements: String = try row.decode("requirements")
        return ConnectAccount(
            account: try row.decode("account"), country: try row.decodeOptional("country"),
            state: .init(
                detailsSubmitted: try row.decode("details_submitted"), chargesEnabled: try row.decode("charges_enabled"),
                payoutsEnabled: try row.decode("payouts_enabled"),
                requirements: try JSONDecoder().decode([String].self, from: Data(requirements.utf8)),
                disabledReason: try row.decodeOptional("disabled_reason"), deauthorizedAt: try row.decodeOptional("deauthorized_at")),
            createdAt: try row.decode("created_at"), syncedAt: try row.decodeOptional("synced_at"))
    }
}
