import Contracts
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
    private let throttle: Throttle
    private let cache: SessionCache
    private let revocations: RevocationChannel
    private let factors: Factors
    private let failures: FailedSignIn
    private let logger: Logger

    init(house: House, passwords: PasswordHasher, throttle: Throttle, factors: Factors, revocations: RevocationChannel) throws(SettingsError) {
        self.revocations = revocations
        cache = revocations.cache
        self.throttle = throttle
        self.factors = factors
        failures = FailedSignIn(keyring: house.keyring)
        appointments = try StaffAppointments(house.settings)
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        logger = house.logger
        self.passwords = passwords
    }

    /// What comes of a right or wrong password.
    enum SignIn: Sendable {
        case started(Started)
        /// The password was right; the second factor decides. There is no session yet.
        case needsFactor(challenge: String)
        case refused
        /// The password was right, and the account is suspended or belongs to no company that is open.
        case barred
    }

    /// Refused for an unknown address and for a wrong password alike, after the same work; throws ``Throttled`` for both when it was tried too
    /// often.
    func signIn(
        _ email: EmailAddress?, password: Password?, replacing old: SessionToken?, origin: SessionStore.Origin, audit: Audit
    ) async throws -> SignIn {
        let attempt = Throttle.Attempt.signIn(email?.text ?? "", from: origin.address)
        if let seconds = try await throttle.pause(before: attempt) { throw Throttled(seconds: seconds) }
        let account: Account? = if let email { try await AccountStore.find(email, in: database) } else { nil }
        let hash: String? = if let account { try await AccountStore.passwordHash(of: account.id, in: database) } else { nil }
        let matches = if let password { try await passwords.verify(password, against: hash) } else { false }
        guard let account, let password, let hash, matches else {
            try await throttle.failed(attempt)
            try await recordFailure(email, of: account?.id, audit: audit)
            return .refused
        }
        try await throttle.succeeded(attempt)
        guard account.suspendedAt == nil else { return .barred }
        if try await factors.isEnabled(for: account.id) {
            await rehashIfNeeded(password, hash, of: account.id)
            return .needsFactor(challenge: try await factors.challenge(account.id))
        }
        let started = try await start(account, assurance: 1, knowing: hash, replacing: old, origin: origin, audit: audit)
        await rehashIfNeeded(password, hash, of: account.id)
        return started.map(SignIn.started) ?? .barred
    }

    /// Signs in whoever meets the challenge; nil for a wrong code. The challenge is good for a few tries and minutes.
    func signIn(
        meeting challenge: String, with presented: Factors.Presented, replacing old: SessionToken?, origin: SessionStore.Origin, audit: Audit
    ) async throws -> Started? {
        guard let user = try await factors.answer(challenge, with: presented),
            let account = try await database.transaction({ try await AccountStore.find(user, in: $0) }), account.suspendedAt == nil
        else { return nil }
        return try await start(account, assurance: 2, replacing: old, origin: origin, audit: audit)
    }

    /// A session for whoever proved to be this person; nil when there is no open company to act for.
    ///
    /// `knowing`: the stored password that was shown; nil too when it was changed or taken away meanwhile, as by a reset.
    func start(
        _ account: Account, assurance: Int, knowing hash: String? = nil, replacing old: SessionToken?, origin: SessionStore.Origin, audit: Audit
    ) async throws -> Started? {
        let now = clock.now
        let token = SessionToken.random()
        let previous: Session? = if let old { try await SessionStore.find(old, now: now, in: database) } else { nil }
        let session = try await database.transaction { transaction -> Session? in
            // A reset waits for this row, or this waits for the reset: its revocation meets either no session or this one.
            try await AccountStore.hold(account.id, in: transaction)
            if let hash, try await AccountStore.passwordHash(of: account.id, in: transaction) != hash { return nil }
            guard let membership = try await AccountStore.membership(of: account.id, isOpen: true, in: transaction) else { return nil }
            let session = Session(
                id: SessionID(.v7(at: now)), user: account.id, email: account.email, name: account.name,
                isVerified: account.verifiedAt != nil, tenant: membership.tenant, tenantName: membership.tenantName, role: membership.role,
                lastSeenAt: now, authenticatedAt: now, assurance: assurance, expiresAt: now.addingTimeInterval(Session.absoluteLifetime))
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
        if previous != nil { await announceRevocation() }
        return session.map { Started(session: $0, token: token) }
    }

    /// A password hashed when hashing was cheaper is hashed again now that it is known; a failure here is no failure of signing in.
    private func rehashIfNeeded(_ password: Password, _ hash: String, of user: UserID) async {
        guard passwords.isOutdated(hash) else { return }
        do {
            try await PasswordStore.rehash(hash, to: try await passwords.hash(password), of: user, at: clock.now, in: database)
        } catch {
            logger.notice("password not rehashed", metadata: ["error": "\(error)"])
        }
    }

    // MARK: - What a session's holder may do with it

    /// Whether `password` is the person's, under the same brake as signing in.
    func proves(_ password: Password?, session: Session, client: String?, audit: Audit) async throws -> Bool {
        let attempt = Throttle.Attempt.signIn(session.email, from: client)
        if let seconds = try await throttle.pause(before: attempt) { throw Throttled(seconds: seconds) }
        let hash = try await AccountStore.passwordHash(of: session.user, in: database)
        if let password, try await passwords.verify(password, against: hash) {
            try await throttle.succeeded(attempt)
            return true
        }
        try await throttle.failed(attempt)
        try await recordFailure(EmailAddress(session.email), of: session.user, audit: audit)
        return false
    }

    /// "Password again": the session is fresh for a while, under a new token. Nil for a wrong password.
    func stepUp(_ session: Session, password: Password?, client: String?, audit: Audit) async throws -> SessionToken? {
        guard try await proves(password, session: session, client: client, audit: audit) else { return nil }
        let token = SessionToken.random()
        let now = clock.now
        let event = try PendingEvent(
            AuthEvents.SessionStarted(user: session.user, session: session.id), at: now, tenant: session.tenant,
            actor: .user(session.user, name: session.name),
            audit: audit("session.step_up", .success, [.init(type: "session", id: session.id.description)]))
        try await database.transaction { transaction in
            try await SessionStore.rotate(session.id, to: token, authenticatedAt: now, assurance: session.assurance, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        await announceRevocation()
        return token
    }

    /// The companies the person works in.
    func memberships(of session: Session) async throws -> [Membership] {
        try await MemberStore.memberships(of: session.user, in: database)
    }

    /// Acts for another of the person's companies from now on, under a new token; nil when it is none of theirs.
    func enter(_ tenant: TenantID, _ session: Session, audit: Audit) async throws -> SessionToken? {
        let token = SessionToken.random()
        let event = try PendingEvent(
            AuthEvents.SessionStarted(user: session.user, session: session.id), at: clock.now, tenant: tenant,
            actor: .user(session.user, name: session.name),
            audit: audit("session.switch_tenant", .success, [.init(type: "session", id: session.id.description)]))
        let entered = try await database.transaction { transaction in
            guard try await MemberStore.isOpen(tenant, in: transaction), try await MemberStore.find(session.user, of: tenant, in: transaction) != nil
            else { return false }
            try await SessionStore.enter(tenant, session.id, token: token, in: transaction)
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        await announceRevocation()
        return entered ? token : nil
    }

    /// The devices on which the person is signed in.
    func list(of session: Session, after start: SessionView.Place?, limit: Int) async throws -> [SessionView] {
        try await SessionStore.list(of: session.user, now: clock.now, after: start, limit: limit, in: database).map { view in
            var view = view
            view.isCurrent = view.id == session.id
            return view
        }
    }

    /// Ends one of the person's sessions; false when there is no such one.
    func revoke(_ target: SessionID, by session: Session, audit: Audit) async throws -> Bool {
        let now = clock.now
        let event = try PendingEvent(
            AuthEvents.SessionsRevoked(user: session.user, sessions: [target]), at: now, tenant: session.tenant,
            actor: .user(session.user, name: session.name), audit: audit("session.revoke", .success, [.init(type: "session", id: target.description)])
        )
        let ended = try await database.transaction { transaction in
            guard try await SessionStore.revoke(target, of: session.user, at: now, in: transaction) else { return false }
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        await announceRevocation()
        return ended
    }

    /// Ends the person's sessions, all of them or all but this one; how many.
    func revokeAll(by session: Session, keepingThis: Bool, audit: Audit) async throws -> Int {
        let ended = try await database.transaction { transaction in
            let ended = try await revokeAll(of: session.user, except: keepingThis ? session.id : nil, in: transaction)
            guard !ended.isEmpty else { return 0 }
            // However many there were, it was one act, and whose they were says what it was done to.
            var record = audit("session.revoke", .success, [.init(type: "user", id: session.user.description)])
            record.metadata["sessions"] = String(ended.count)
            let event = try PendingEvent(
                AuthEvents.SessionsRevoked(user: session.user, sessions: ended), at: clock.now, tenant: session.tenant,
                actor: .user(session.user, name: session.name), audit: record)
            try await outbox.append([event], in: transaction)
            return ended.count
        }
        outbox.wake()
        await announceRevocation()
        return ended
    }

    /// Ends sessions in a transaction that has a reason of its own; say ``announceRevocation()`` after its commit. Who knew the old password and
    /// was about to show the second factor begins anew.
    func revokeAll(of user: UserID, except kept: SessionID?, in transaction: Transaction) async throws -> [SessionID] {
        try await FactorStore.endChallenges(of: user, at: clock.now, in: transaction)
        return try await SessionStore.revokeAll(of: user, except: kept, at: clock.now, in: transaction)
    }

    /// Every replica forgets what it knows of sessions.
    func announceRevocation() async {
        await revocations.announce()
    }

    /// The living session of a cookie, for a request like many: a revocation counts at once, everything else within a second.
    func find(_ token: SessionToken) async throws -> Session? {
        if let known = cache.find(token) { return known }
        let generation = cache.generation
        guard let session = try await read(token) else { return nil }
        cache.keep(session, for: token, since: generation)
        return session
    }

    /// The living session of a cookie, from the database: for whatever changes sessions or credentials.
    func read(_ token: SessionToken) async throws -> Session? {
        let now = clock.now
        guard let session = try await SessionStore.find(token, now: now, in: database) else { return nil }
        if now.timeIntervalSince(session.lastSeenAt) > Session.seenPrecision {
            try await SessionStore.touch(session.id, at: now, in: database)
        }
        return session
    }

    /// Those of these that still live.
    func living(_ sessions: [SessionID]) async throws -> [SessionID] {
        try await SessionStore.living(sessions, now: clock.now, in: database)
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
        await announceRevocation()
    }

    /// Belongs to no tenant, since nobody is signed in.
    private func recordFailure(_ email: EmailAddress?, of account: UserID?, audit: Audit) async throws {
        let event = try PendingEvent(
            AuthEvents.SignInFailed(addressDigest: failures.digest(of: email)), at: clock.now, tenant: nil,
            actor: EventActor(kind: .system, id: "anonymous"),
            audit: audit("session.start", .failure, [FailedSignIn.target(email, of: account)]))
        try await database.transaction { try await outbox.append([event], in: $0) }
        outbox.wake()
    }
}
