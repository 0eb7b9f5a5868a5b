import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The SQL of stored passwords and of the chances to set a new one.
enum PasswordStore {
    /// Sets the password, whether there was one or not.
    static func set(_ hash: String, of user: UserID, at instant: Date, in transaction: Transaction) async throws {
        let payload = try PostgresJSON(["crypt": "scrypt", "hash": hash])
        try await transaction.query(
            """
            insert into credentials (id, user_id, method, payload, created, updated)
            values (\(UUID.v7(at: instant)), \(user), 'EMAIL_PASSWORD', \(payload), \(instant), \(instant))
            on conflict (user_id, method) where deleted is null do update set payload = excluded.payload, updated = excluded.updated
            """)
    }

    /// Takes the password away.
    static func remove(of user: UserID, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            "update credentials set deleted = \(instant) where user_id = \(user) and method = 'EMAIL_PASSWORD' and deleted is null")
    }

    /// Replaces a hash by a stronger one of the same password, unless the password was changed meanwhile.
    static func rehash(_ old: String, to new: String, of user: UserID, at instant: Date, in database: Database) async throws {
        try await database.query(
            """
            update credentials set payload = \(try PostgresJSON(["crypt": "scrypt", "hash": new])), updated = \(instant)
            where user_id = \(user) and method = 'EMAIL_PASSWORD' and deleted is null and payload ->> 'hash' = \(old)
            """)
    }

    /// A chance for the person; earlier ones end. Nil when one was mailed a moment ago, or three within the hour, unless it is forced.
    static func issueReset(for user: UserID, at now: Date, isForced: Bool = false, in transaction: Transaction) async throws -> String? {
        let rows = try await transaction.query(
            """
            select count(*) as hour, count(*) filter (where created_at > \(now.addingTimeInterval(-Verifications.pause))) as minute
            from password_resets where user_id = \(user) and created_at > \(now.addingTimeInterval(-3_600))
            """)
        let (minute, hour) = (try rows[0].decode("minute", as: Int.self), try rows[0].decode("hour", as: Int.self))
        guard isForced || minute == 0 && hour < Verifications.maximumAnHour else { return nil }
        let token = randomBytes(32).base64URL
        try await transaction.pipeline([
            "update password_resets set consumed_at = \(now) where user_id = \(user) and consumed_at is null",
            """
            insert into password_resets (id, user_id, token_digest, created_at, expires_at)
            values (\(UUID.v7(at: now)), \(user), \(digest(token)), \(now), \(now.addingTimeInterval(Passwords.resetLifetime)))
            """,
        ])
        return token
    }

    /// Whose chance this is while it is open; looking does not use it.
    static func owner(of token: String, at now: Date, in database: Database) async throws -> UserID? {
        try await database.query(
            "select user_id from password_resets where token_digest = \(digest(token)) and consumed_at is null and expires_at > \(now)"
        ).first?.decode("user_id")
    }

    /// Uses the chance up and says whose it was; of two at the same time one gets nil.
    static func consumeReset(_ token: String, at now: Date, in transaction: Transaction) async throws -> UserID? {
        try await transaction.query(
            """
            update password_resets set consumed_at = \(now)
            where token_digest = \(digest(token)) and consumed_at is null and expires_at > \(now) returning user_id
            """
        ).first?.decode("user_id")
    }

    private static func digest(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }
}
