import Contracts
import Crypto
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// A new address for an account: it counts when both the old and the new one have said so, whoever holds the session.
struct EmailChanges: Sendable {
    static let lifetime: TimeInterval = 3_600

    typealias Audit = @Sendable (_ action: String, AuditRecord.Outcome, [AuditRecord.Target]) -> AuditRecord

    /// What a confirmation led to.
    enum Confirmation: Sendable, Equatable {
        /// The other side has still to say so.
        case waiting
        case changed
        /// Used, replaced, or too old; or somebody else took the address meanwhile.
        case gone
    }

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions
    private let mails: MailStore
    private let baseURL: String

    init(house: House, sessions: Sessions, mails: MailStore, baseURL: String) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        self.sessions = sessions
        self.mails = mails
        self.baseURL = baseURL
    }

    /// Mails a link to both addresses; an earlier change ends. Where the new address is somebody's, its owner hears of it instead, and it looks
    /// the same. False when one was begun a moment ago.
    func begin(_ session: Session, to address: EmailAddress, audit: Audit) async throws -> Bool {
        let now = clock.now
        let (old, new) = (randomBytes(32).base64URL, randomBytes(32).base64URL)
        let begun = try await database.transaction { transaction in
            let recent = try await transaction.query(
                "select count(*) as n from email_changes where user_id = \(session.user) and created_at > \(now.addingTimeInterval(-Verifications.pause))"
            )
            guard try recent[0].decode("n", as: Int.self) == 0, let current = EmailAddress(session.email) else { return false }
            try await transaction.pipeline([
                "update email_changes set ended_at = \(now) where user_id = \(session.user) and ended_at is null",
                """
                insert into email_changes (id, user_id, address, old_token_digest, new_token_digest, created_at, expires_at)
                values (\(UUID.v7(at: now)), \(session.user), \(address.text), \(Self.digest(old)), \(Self.digest(new)), \(now),
                        \(now.addingTimeInterval(Self.lifetime)))
                """,
            ])
            try await mails.enqueue(
                .emailChange(token: old, address: address.text, isOld: true, name: session.name, baseURL: baseURL), to: current, at: now,
                in: transaction)
            if try await AccountStore.find(address, in: transaction) == nil {
                try await mails.enqueue(
                    .emailChange(token: new, address: address.text, isOld: false, name: session.name, baseURL: baseURL), to: address, at: now,
                    in: transaction)
            } else {
                try await mails.enqueue(.alreadyRegistered(baseURL: baseURL), to: address, at: now, in: transaction)
            }
            let event = try PendingEvent(
                AuthEvents.EmailChangeBegun(user: session.user), at: now, tenant: session.tenant, actor: .user(session.user, name: session.name),
                audit: audit("email.change_request", .success, [.init(type: "user", id: session.user.description)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return begun
    }

    /// One side says yes; the second yes changes the address and ends every session.
    func confirm(_ token: String, audit: Audit) async throws -> Confirmation {
        let now = clock.now
        let confirmation: Confirmation
        do {
            confirmation = try await confirm(Self.digest(token), at: now, audit)
        } catch let error as PostgresError where error.code == .uniqueViolation {
            // Somebody else took the address between our look and our commit.
            confirmation = .gone
        }
        outbox.wake()
        if confirmation == .changed { await sessions.announceRevocation() }
        return confirmation
    }

    private func confirm(_ digest: Data, at now: Date, _ audit: Audit) async throws -> Confirmation {
        try await database.transaction { transaction in
            // One statement, so that both sides at once see each other.
            let rows = try await transaction.query(
                """
                update email_changes set
                    old_confirmed_at = case when old_token_digest = \(digest) then \(now)::timestamptz else old_confirmed_at end,
                    new_confirmed_at = case when new_token_digest = \(digest) then \(now)::timestamptz else new_confirmed_at end
                where (old_token_digest = \(digest) or new_token_digest = \(digest)) and ended_at is null and expires_at > \(now)
                returning id, user_id, address, old_confirmed_at is not null and new_confirmed_at is not null as complete
                """)
            guard let row = rows.first else { return .gone }
            guard try row.decode("complete") else { return .waiting }
            let (id, user, address) = (
                try row.decode("id", as: UUID.self), try row.decode("user_id", as: UserID.self), try row.decode("address", as: String.self)
            )
            try await transaction.query("update email_changes set ended_at = \(now) where id = \(id)")
            let free = try await transaction.query("select 1 as one from users.users where email = \(address) and deleted is null").isEmpty
            guard free else { return .gone }
            try await transaction.pipeline([
                "update users.users set email = \(address), email_verified = \(now), updated = \(now) where id = \(user) and deleted is null",
                "update users.tenant_users set email = \(address), updated = \(now) where user_id = \(user) and deleted is null",
                // What was mailed to the old address opens nothing any more.
                "update password_resets set consumed_at = \(now) where user_id = \(user) and consumed_at is null",
                "update email_verifications set consumed_at = \(now) where user_id = \(user) and consumed_at is null",
            ])
            _ = try await sessions.revokeAll(of: user, except: nil, in: transaction)
            let membership = try await AccountStore.membership(of: user, in: transaction)
            let event = try PendingEvent(
                AuthEvents.EmailChanged(user: user), at: now, tenant: membership?.tenant, actor: .user(user),
                audit: audit("email.change", .success, [.init(type: "user", id: user.description)]))
            try await outbox.append([event], in: transaction)
            return .changed
        }
    }

    private static func digest(_ token: String) -> Data {
        Data(SHA256.hash(data: Data(token.utf8)))
    }
}
