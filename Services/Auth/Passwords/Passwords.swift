import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Forgotten, reset and changed passwords.
struct Passwords: Sendable {
    /// How long a mailed chance is good.
    static let resetLifetime: TimeInterval = 3_600

    typealias Audit = @Sendable (_ action: String, AuditRecord.Outcome, [AuditRecord.Target]) -> AuditRecord

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let hasher: PasswordHasher
    private let sessions: Sessions
    private let mails: MailStore
    private let baseURL: String

    init(house: House, hasher: PasswordHasher, sessions: Sessions, mails: MailStore, baseURL: String) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        self.hasher = hasher
        self.sessions = sessions
        self.mails = mails
        self.baseURL = baseURL
    }

    /// Mails a chance to set a new password, unless the address is unknown or was mailed a moment ago; looks the same in every case.
    func forget(_ email: EmailAddress, audit: Audit) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            guard let account = try await AccountStore.find(email, in: transaction),
                let token = try await PasswordStore.issueReset(for: account.id, at: now, in: transaction)
            else { return }
            // To the stored address, never to the one that was typed.
            guard let owner = EmailAddress(account.email) else { return }
            try await mails.enqueue(.passwordReset(token: token, name: account.name, baseURL: baseURL), to: owner, at: now, in: transaction)
            try await append(
                AuthEvents.PasswordForgotten(user: account.id), of: account.id,
                audit("password.forget", .success, [Self.target(account.id)]), in: transaction)
        }
        outbox.wake()
    }

    /// Whose chance this is while it is open; looking does not use it.
    func owner(of token: String) async throws -> UserID? {
        try await PasswordStore.owner(of: token, at: clock.now, in: database)
    }

    /// Sets a new password with a mailed chance and ends every session; false when the chance is used, old, or nobody's.
    ///
    /// A second factor stays: whoever reads somebody's mail must not get past it. The chance came by mail, so it proves the address too.
    func reset(_ token: String, to password: Password, audit: Audit) async throws -> Bool {
        // Before the work of hashing, so that guessing costs us nothing.
        guard try await owner(of: token) != nil else { return false }
        let hash = try await hasher.hash(password)
        let now = clock.now
        let user = try await database.transaction { transaction -> UserID? in
            guard let user = try await PasswordStore.consumeReset(token, at: now, in: transaction) else { return nil }
            try await AccountStore.hold(user, in: transaction)
            try await PasswordStore.set(hash, of: user, at: now, in: transaction)
            // Whoever had the account may have linked a provider to come back by.
            try await OpenIDStore.unlinkAll(of: user, in: transaction)
            _ = try await AccountStore.markVerified(user, at: now, in: transaction)
            _ = try await sessions.revokeAll(of: user, except: nil, in: transaction)
            try await tellOwner(user, at: now, in: transaction)
            try await append(
                AuthEvents.PasswordChanged(user: user), of: user, audit("password.reset", .success, [Self.target(user)]), in: transaction)
            return user
        }
        outbox.wake()
        await sessions.announceRevocation()
        return user != nil
    }

    /// Sets a new password for whoever is signed in and knows the old one; other sessions end, this one gets a new token. Nil for a wrong password.
    func change(
        _ session: Session, from current: Password?, to password: Password, client: String?, audit: Audit
    ) async throws -> SessionToken? {
        guard try await sessions.proves(current, session: session, client: client, audit: audit) else { return nil }
        let hash = try await hasher.hash(password)
        let now = clock.now
        let token = SessionToken.random()
        try await database.transaction { transaction in
            try await PasswordStore.set(hash, of: session.user, at: now, in: transaction)
            _ = try await sessions.revokeAll(of: session.user, except: session.id, in: transaction)
            try await SessionStore.rotate(session.id, to: token, authenticatedAt: now, assurance: session.assurance, in: transaction)
            try await tellOwner(session.user, at: now, in: transaction)
            try await append(
                AuthEvents.PasswordChanged(user: session.user), of: session.user,
                audit("password.change", .success, [Self.target(session.user)]), in: transaction)
        }
        outbox.wake()
        await sessions.announceRevocation()
        return token
    }

    /// The password counts no more; the person is mailed a chance to set another one.
    func invalidate(_ user: UserID, in transaction: Transaction) async throws {
        let now = clock.now
        try await AccountStore.hold(user, in: transaction)
        try await PasswordStore.remove(of: user, at: now, in: transaction)
        try await OpenIDStore.unlinkAll(of: user, in: transaction)
        guard let account = try await AccountStore.find(user, in: transaction), let owner = EmailAddress(account.email),
            let token = try await PasswordStore.issueReset(for: user, at: now, isForced: true, in: transaction)
        else { return }
        try await mails.enqueue(.passwordReset(token: token, name: account.name, baseURL: baseURL), to: owner, at: now, in: transaction)
    }

    private func tellOwner(_ user: UserID, at now: Date, in transaction: Transaction) async throws {
        guard let account = try await AccountStore.find(user, in: transaction), let owner = EmailAddress(account.email) else { return }
        try await mails.enqueue(.passwordChanged(name: account.name, baseURL: baseURL), to: owner, at: now, in: transaction)
    }

    private func append<E: Event>(_ event: E, of user: UserID, _ audit: AuditRecord, in transaction: Transaction) async throws {
        let membership = try await AccountStore.membership(of: user, in: transaction)
        try await outbox.append(
            [try PendingEvent(event, at: clock.now, tenant: membership?.tenant, actor: .user(user), audit: audit)], in: transaction)
    }

    private static func target(_ user: UserID) -> AuditRecord.Target {
        .init(type: "user", id: user.description)
    }
}
