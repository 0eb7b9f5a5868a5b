import Contracts
import Crypto
import Foundation
import Logging
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Signing in and out, and finding out whose session a cookie is.
struct Sessions: Sendable {
    struct Started: Sendable {
        let session: Session
        let token: SessionToken
    }

    typealias Audit = @Sendable (_ action: String, AuditRecord.Outcome, [AuditRecord.Target]) -> AuditRecord

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let passwords: PasswordHasher
    private let appointments: StaffAppointments
    private let logger: Logger

    init(house: House, passwords: PasswordHasher) throws(SettingsError) {
        appointments = try StaffAppointments(house.settings)
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        logger = house.logger
        self.passwords = passwords
    }

    /// Nil for an unknown address and for a wrong password alike, after the same work.
    func signIn(
        _ email: EmailAddress?, password: Password?, replacing old: SessionToken?, origin: SessionStore.Origin, audit: Audit
    ) async throws -> Started? {
        let account: Account? = if let email { try await AccountStore.find(email, in: database) } else { nil }
        let hash: String? = if let account { try await AccountStore.passwordHash(of: account.id, in: database) } else { nil }
        let matches = if let password { try await passwords.verify(password, against: hash) } else { false }
        guard let account, matches else {
            try await recordFailure(email, audit: audit)
            return nil
        }
        let now = clock.now
        let token = SessionToken.random()
        let previous: Session? = if let old { try await SessionStore.find(old, now: now, in: database) } else { nil }
        let session = try await database.transaction { transaction -> Session? in
            guard let membership = try await AccountStore.membership(of: account.id, in: transaction) else { return nil }
            let session = Session(
                id: SessionID(.v7(at: now)), user: account.id, email: account.email, name: account.name,
                isVerified: account.verifiedAt != nil, tenant: membership.tenant, tenantName: membership.tenantName, role: membership.role,
                lastSeenAt: now, expiresAt: now.addingTimeInterval(Session.absoluteLifetime))
            try await SessionStore.insert(session, token: token, origin: origin, at: now, in: transaction)
            try await appointments.appoint(account, at: now, outbox: outbox, in: transaction)
            // A new identifier at every sign-in: whoever planted or knew the old one has nothing.
            if let previous { _ = try await SessionStore.revoke(previous.id, at: now, in: transaction) }
            let event = try PendingEvent(
                AuthEvents.SessionStarted(user: session.user, session: session.id), at: now, tenant: session.tenant,
                actor: .user(session.user, name: session.name),
                audit: audit("session.start", .success, [.init(type: "session", id: session.id.description)]))
            try await outbox.append([event], in: transaction)
            return session
        }
        outbox.wake()
        return session.map { Started(session: $0, token: token) }
    }

    /// The living session of a cookie.
    func find(_ token: SessionToken) async throws -> Session? {
        let now = clock.now
        guard let session = try await SessionStore.find(token, now: now, in: database) else { return nil }
        if now.timeIntervalSince(session.lastSeenAt) > Session.seenPrecision {
            try await SessionStore.touch(session.id, at: now, in: database)
        }
        return session
    }

    /// Ends the session of a cookie; a cookie without one changes nothing.
    func signOut(_ token: SessionToken, audit: Audit) async throws {
        let now = clock.now
        guard let session = try await SessionStore.find(token, now: now, in: database) else { return }
        let event = try PendingEvent(
            AuthEvents.SessionEnded(user: session.user, session: session.id), at: now, tenant: session.tenant,
            actor: .user(session.user, name: session.name),
            audit: audit("session.end", .success, [.init(type: "session", id: session.id.description)]))
        try await database.transaction { transaction in
            guard try await SessionStore.revoke(session.id, at: now, in: transaction) else { return }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    /// Belongs to no tenant, since nobody is signed in; carries a digest, since the address may be anybody's.
    private func recordFailure(_ email: EmailAddress?, audit: Audit) async throws {
        let digest = SHA256.hash(data: Data((email?.text ?? "").utf8)).prefix(8)
        let event = try PendingEvent(
            AuthEvents.SignInFailed(addressDigest: Data(digest).hexadecimal), at: clock.now, tenant: nil,
            actor: EventActor(kind: .system, id: "anonymous"),
            audit: audit("session.start", .failure, [.init(type: "address", id: Data(digest).hexadecimal)]))
        try await database.transaction { try await outbox.append([event], in: $0) }
        outbox.wake()
    }
}
