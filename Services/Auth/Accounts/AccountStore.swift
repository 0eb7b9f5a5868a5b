import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of people, companies and memberships.
struct AccountStore: Sendable {
    struct NewAccount: Sendable {
        let user: UserID
        let tenant: TenantID
        let email: EmailAddress
        let name: String
        let company: String
        let passwordHash: String
        let at: Date
    }

    /// The person with this address; sign-up, sign-in and verification look people up before any tenant is known.
    static func find(_ email: EmailAddress, in transaction: Transaction) async throws -> Account? {
        let rows = try await transaction.query(
            "select id, email, name, email_verified, suspended_at from users.users where email = \(email.text) and deleted is null")
        return try rows.first.map(account)
    }

    /// Makes person, company, membership and password; false when somebody else just took the address.
    static func insert(_ new: NewAccount, in transaction: Transaction) async throws -> Bool {
        let rows = try await transaction.query(
            """
            insert into users.users (id, email, name, created, updated) values (\(new.user), \(new.email.text), \(new.name), \(new.at), \(new.at))
            on conflict (email) where deleted is null do nothing returning id
            """)
        guard !rows.isEmpty else { return false }
        let payload = try PostgresJSON(["crypt": "scrypt", "hash": new.passwordHash])
        try await transaction.pipeline([
            "insert into public.tenants (id, name, created, updated) values (\(new.tenant), \(new.company), \(new.at), \(new.at))",
            """
            insert into users.tenant_users (tenant_id, user_id, roles, email, created, updated)
            values (\(new.tenant), \(new.user), \(["owner"]), \(new.email.text), \(new.at), \(new.at))
            """,
            """
            insert into credentials (id, user_id, method, payload, created, updated)
            values (\(UUID.v7(at: new.at)), \(new.user), 'EMAIL_PASSWORD', \(payload), \(new.at), \(new.at))
            """,
        ])
        return true
    }

    /// Makes a person without a company of their own; false when somebody else just took the address.
    static func insertPerson(_ account: Account, passwordHash: String, at instant: Date, in transaction: Transaction) async throws -> Bool {
        let rows = try await transaction.query(
            """
            insert into users.users (id, email, name, email_verified, created, updated)
            values (\(account.id), \(account.email), \(account.name), \(account.verifiedAt), \(instant), \(instant))
            on conflict (email) where deleted is null do nothing returning id
            """)
        guard !rows.isEmpty else { return false }
        try await PasswordStore.set(passwordHash, of: account.id, at: instant, in: transaction)
        return true
    }

    /// Whoever changes how a person signs in, and whoever signs in, hold the person's row until they have committed.
    static func hold(_ user: UserID, in transaction: Transaction) async throws {
        try await transaction.query("select id from users.users where id = \(user) for no key update")
    }

    /// The stored password as the transaction sees it.
    static func passwordHash(of user: UserID, in transaction: Transaction) async throws -> String? {
        let rows = try await transaction.query(
            """
            select payload ->> 'hash' as hash from credentials
            where user_id = \(user) and method = 'EMAIL_PASSWORD' and deleted is null
            """)
        return try rows.first?.decodeOptional("hash")
    }

    /// The stored password of a person, if there is one.
    static func passwordHash(of user: UserID, in database: Database) async throws -> String? {
        let rows = try await database.query(
            """
            select payload ->> 'hash' as hash from credentials
            where user_id = \(user) and method = 'EMAIL_PASSWORD' and deleted is null
            """)
        return try rows.first?.decodeOptional("hash")
    }

    static func find(_ email: EmailAddress, in database: Database) async throws -> Account? {
        let rows = try await database.query(
            "select id, email, name, email_verified, suspended_at from users.users where email = \(email.text) and deleted is null")
        return try rows.first.map(account)
    }

    static func find(_ user: UserID, in transaction: Transaction) async throws -> Account? {
        let rows = try await transaction.query(
            "select id, email, name, email_verified, suspended_at from users.users where id = \(user) and deleted is null")
        return try rows.first.map(account)
    }

    /// The company a person works in; the oldest membership first. `isOpen`: only one that is not suspended.
    static func membership(of user: UserID, isOpen: Bool = false, in transaction: Transaction) async throws -> Membership? {
        let rows = try await transaction.query(
            """
            select m.tenant_id, t.name, m.roles[1] as role from users.tenant_users m join public.tenants t on t.id = m.tenant_id
            where m.user_id = \(user) and m.deleted is null and t.deleted is null and (not \(isOpen) or t.suspended_at is null)
            order by m.created, m.tenant_id limit 1
            """)
        return try rows.first.map { row in
            Membership(tenant: try row.decode("tenant_id"), tenantName: try row.decode("name"), role: try row.decode("role"))
        }
    }

    /// Sets the proof of the address; false when it was proven before.
    static func markVerified(_ user: UserID, at instant: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update users.users set email_verified = \(instant), updated = \(instant)
            where id = \(user) and email_verified is null and deleted is null
            """
        ).affected > 0
    }

    private static func account(_ row: Row) throws(PostgresError) -> Account {
        Account(
            id: try row.decode("id"), email: try row.decode("email"), name: try row.decodeOptional("name") ?? "",
            verifiedAt: try row.decodeOptional("email_verified"), suspendedAt: try row.decodeOptional("suspended_at"))
    }
}
