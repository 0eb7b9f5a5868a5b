import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// Proofs that an address is its owner's: a link and a 6-digit code, 30 minutes, single use, five tries.
struct Verifications: Sendable {
    /// What goes into the mail, and nowhere else.
    struct Proof: Sendable {
        let token: String
        let code: String
    }

    /// What somebody brings back.
    enum Presented: Sendable {
        case token(String)
        case code(String, email: EmailAddress)
    }

    static let lifetime: TimeInterval = 30 * 60
    static let maximumAttempts = 5
    static let pause: TimeInterval = 60
    static let maximumAnHour = 3

    let keyring: Keyring
    let clock: WallClock

    /// A minute since the last one, and not more than three within an hour.
    func mayIssue(for user: UserID, in transaction: Transaction) async throws -> Bool {
        let now = clock.now
        let rows = try await transaction.query(
            """
            select count(*) as hour, count(*) filter (where created_at > \(now.addingTimeInterval(-Self.pause))) as minute
            from email_verifications where user_id = \(user) and created_at > \(now.addingTimeInterval(-3_600))
            """)
        let hour: Int = try rows[0].decode("hour")
        let minute: Int = try rows[0].decode("minute")
        return minute == 0 && hour < Self.maximumAnHour
    }

    /// A new proof; earlier ones of the person stop working.
    func issue(for user: UserID, address: EmailAddress, in transaction: Transaction) async throws -> Proof {
        let now = clock.now
        let identifier = UUID.v7(at: now)
        let token = randomBytes(32).base64URL
        let code = String(String(Int.random(in: 1_000_000..<2_000_000)).dropFirst())
        try await transaction.pipeline([
            "update email_verifications set consumed_at = \(now) where user_id = \(user) and consumed_at is null",
            """
            insert into email_verifications (id, user_id, address, token_digest, code_tag, created_at, expires_at)
            values (\(identifier), \(user), \(address.text), \(digest(token)), \(try tag(code, of: identifier)), \(now),
                    \(now.addingTimeInterval(Self.lifetime)))
            """,
        ])
        return Proof(token: token, code: code)
    }

    /// Uses a proof up and says whose it was; a wrong code costs one of five tries.
    func consume(_ presented: Presented, in transaction: Transaction) async throws -> UserID? {
        switch presented {
        case .token(let token): try await consumeToken(token, in: transaction)
        case .code(let code, let email): try await consumeCode(code, email, in: transaction)
        }
    }

    private func consumeToken(_ token: String, in transaction: Transaction) async throws -> UserID? {
        let now = clock.now
        let rows = try await transaction.query(
            """
            update email_verifications set consumed_at = \(now)
            where token_digest = \(digest(token)) and consumed_at is null and expires_at > \(now) returning user_id
            """)
        return try rows.first?.decode("user_id")
    }

    private func consumeCode(_ code: String, _ email: EmailAddress, in transaction: Transaction) async throws -> UserID? {
        let now = clock.now
        // Counting the try and reading the row is one statement, so parallel guesses share the five.
        let rows = try await transaction.query(
            """
            update email_verifications v set attempts = attempts + 1
            from users.users u
            where u.email = \(email.text) and u.deleted is null and v.user_id = u.id and v.consumed_at is null and v.expires_at > \(now)
              and v.attempts < \(Self.maximumAttempts)
            returning v.id, v.user_id, v.code_tag
            """)
        guard let row = rows.first else { return nil }
        let identifier: UUID = try row.decode("id")
        let stored: String = try row.decode("code_tag")
        guard keyring.isAuthentic(stored, message: message(code, of: identifier), purpose: Self.purpose) else { return nil }
        try await transaction.query("update email_verifications set consumed_at = \(now) where id = \(identifier)")
        return try row.decode("user_id")
    }

    private static let purpose = "email_verifications.code"

    private func digest(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }

    private func tag(_ code: String, of identifier: UUID) throws -> String {
        try keyring.authenticate(message(code, of: identifier), purpose: Self.purpose)
    }

    private func message(_ code: String, of identifier: UUID) -> Data {
        Data("\(identifier.uuidString)|\(code)".utf8)
    }
}
