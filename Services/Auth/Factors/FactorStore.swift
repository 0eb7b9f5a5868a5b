import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The SQL of second factors and of the challenges that ask for them.
enum FactorStore {
    struct Factor: Sendable {
        let secretSealed: String
        let confirmedAt: Date?
        let lastStep: Int64
    }

    struct Challenge: Sendable {
        let id: UUID
        let user: UserID
    }

    static func find(_ user: UserID, in transaction: Transaction) async throws -> Factor? {
        try await transaction.query("select secret_sealed, confirmed_at, last_step from totp_factors where user_id = \(user)").first.map { row in
            Factor(
                secretSealed: try row.decode("secret_sealed"), confirmedAt: try row.decodeOptional("confirmed_at"),
                lastStep: try row.decode("last_step"))
        }
    }

    static func isEnabled(for user: UserID, in database: Database) async throws -> Bool {
        try await !database.query("select 1 as one from totp_factors where user_id = \(user) and confirmed_at is not null").isEmpty
    }

    /// Begins anew where the last attempt was not confirmed; false when there is a confirmed one.
    static func begin(_ user: UserID, secretSealed: String, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into totp_factors as f (user_id, secret_sealed, created_at) values (\(user), \(secretSealed), \(now))
            on conflict (user_id) do update set secret_sealed = excluded.secret_sealed, created_at = excluded.created_at, last_step = 0
                where f.confirmed_at is null
            """
        ).affected > 0
    }

    /// Takes a code's step, once: of two with the same code one gets false, since a step is only ever followed by a later one.
    static func take(step: Int64, of user: UserID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query("update totp_factors set last_step = \(step) where user_id = \(user) and last_step < \(step)").affected > 0
    }

    static func confirm(_ user: UserID, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query("update totp_factors set confirmed_at = \(now) where user_id = \(user) and confirmed_at is null").affected > 0
    }

    static func remove(_ user: UserID, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            "delete from totp_factors where user_id = \(user)", "delete from recovery_codes where user_id = \(user)",
        ])
    }

    /// Replaces the person's recovery codes.
    static func setRecoveryCodes(_ digests: [Data], of user: UserID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.pipeline([
            "delete from recovery_codes where user_id = \(user)",
            """
            insert into recovery_codes (id, user_id, digest, created_at)
            select id, \(user), digest, \(now) from unnest(\(digests.map { _ in UUID.v7(at: now) }), \(digests)) as c (id, digest)
            """,
        ])
    }

    /// Uses a recovery code up; of two with the same one gets false.
    static func takeRecoveryCode(_ digest: Data, of user: UserID, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            "update recovery_codes set used_at = \(now) where user_id = \(user) and used_at is null and digest = \(digest)"
        ).affected > 0
    }

    static func recoveryCodesLeft(of user: UserID, in database: Database) async throws -> Int {
        try await database.query("select count(*) as n from recovery_codes where user_id = \(user) and used_at is null")[0].decode("n")
    }

    // MARK: - Challenges

    static func insertChallenge(for user: UserID, at now: Date, lifetime: TimeInterval, in transaction: Transaction) async throws -> String {
        let token = randomBytes(32).base64URL
        try await transaction.query(
            """
            insert into factor_challenges (id, user_id, token_digest, created_at, expires_at)
            values (\(UUID.v7(at: now)), \(user), \(digest(token)), \(now), \(now.addingTimeInterval(lifetime)))
            """)
        return token
    }

    /// Counts a try at an open challenge; nil when there is none, or no try is left. Parallel tries share the number.
    static func attempt(_ token: String, at now: Date, limit: Int, in transaction: Transaction) async throws -> Challenge? {
        try await transaction.query(
            """
            update factor_challenges set attempts = attempts + 1
            where token_digest = \(digest(token)) and consumed_at is null and expires_at > \(now) and attempts < \(limit) returning id, user_id
            """
        ).first.map { Challenge(id: try $0.decode("id"), user: try $0.decode("user_id")) }
    }

    /// Whoever knew the password until now has to show the next one first.
    static func endChallenges(of user: UserID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query("update factor_challenges set consumed_at = \(now) where user_id = \(user) and consumed_at is null")
    }

    static func consume(_ challenge: Challenge, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query("update factor_challenges set consumed_at = \(now) where id = \(challenge.id)")
    }

    private static func digest(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }
}
