import Contracts
import Foundation
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Second factors: an authenticator app's codes, and recovery codes for the day on which it is gone.
struct Factors: Sendable {
    /// How long somebody has to look at the phone.
    static let challengeLifetime: TimeInterval = 300
    static let challengeAttempts = 5

    typealias Audit = @Sendable (_ action: String, AuditRecord.Outcome, [AuditRecord.Target]) -> AuditRecord

    struct Enrolment: Sendable {
        let secret: String
        let address: String
    }

    struct Confirmed: Sendable {
        let recoveryCodes: [String]
        let token: SessionToken
    }

    /// What somebody shows.
    enum Presented: Sendable {
        case code(String)
        case recoveryCode(String)
    }

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let keyring: Keyring
    private let throttle: Throttle
    private let mails: MailStore
    private let baseURL: String

    init(house: House, throttle: Throttle, mails: MailStore, baseURL: String) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        keyring = house.keyring
        self.throttle = throttle
        self.mails = mails
        self.baseURL = baseURL
    }

    /// Whether the person must show one to sign in.
    func isEnabled(for user: UserID) async throws -> Bool {
        try await FactorStore.isEnabled(for: user, in: database)
    }

    func recoveryCodesLeft(of user: UserID) async throws -> Int {
        try await FactorStore.recoveryCodesLeft(of: user, in: database)
    }

    /// A new secret, which counts once a code of it was shown; nil when there is a factor already.
    func begin(_ session: Session) async throws -> Enrolment? {
        let secret = randomBytes(20)
        let sealed = try keyring.seal(secret, for: Self.place(session.user))
        let now = clock.now
        guard try await database.transaction({ try await FactorStore.begin(session.user, secretSealed: sealed, at: now, in: $0) }) else { return nil }
        return Enrolment(
            secret: Base32.encode(secret), address: OneTimeCode.address(secret: secret, account: session.email, issuer: "PenguinMails"))
    }

    /// Makes the factor count, with fresh recovery codes and a new token for the session; nil for a wrong code.
    func confirm(_ session: Session, code: String, audit: Audit) async throws -> Confirmed? {
        let now = clock.now
        let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode.random(randomBytes(15)) }
        let token = SessionToken.random()
        let confirmed = try await database.transaction { transaction -> Bool in
            guard let factor = try await FactorStore.find(session.user, in: transaction), factor.confirmedAt == nil,
                try await takeCode(code, factor, of: session.user, in: transaction),
                try await FactorStore.confirm(session.user, at: now, in: transaction)
            else { return false }
            try await FactorStore.setRecoveryCodes(codes.map(RecoveryCode.digest), of: session.user, at: now, in: transaction)
            try await SessionStore.rotate(session.id, to: token, authenticatedAt: now, assurance: 2, in: transaction)
            try await tell(session, isEnabled: true, audit("factor.enable", .success, [Self.target(session.user)]), in: transaction)
            return true
        }
        outbox.wake()
        return confirmed ? Confirmed(recoveryCodes: codes, token: token) : nil
    }

    /// New recovery codes for old; nil for a wrong code.
    func renewRecoveryCodes(_ session: Session, code: String, audit: Audit) async throws -> [String]? {
        let now = clock.now
        let codes = (0..<RecoveryCode.count).map { _ in RecoveryCode.random(randomBytes(15)) }
        let renewed = try await guarded(session.user) { transaction in
            guard try await prove(.code(code), of: session.user, in: transaction) else { return false }
            try await FactorStore.setRecoveryCodes(codes.map(RecoveryCode.digest), of: session.user, at: now, in: transaction)
            let event = try PendingEvent(
                AuthEvents.FactorChanged(user: session.user, isEnabled: true), at: now, tenant: session.tenant,
                actor: .user(session.user, name: session.name), audit: audit("factor.renew_recovery_codes", .success, [Self.target(session.user)]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return renewed ? codes : nil
    }

    /// Takes the factor away; the session goes on with a new token and what a password alone may do. Nil for a wrong code.
    func disable(_ session: Session, with presented: Presented, audit: Audit) async throws -> SessionToken? {
        let token = SessionToken.random()
        let disabled = try await guarded(session.user) { transaction in
            guard try await prove(presented, of: session.user, in: transaction) else { return false }
            try await FactorStore.remove(session.user, in: transaction)
            try await SessionStore.rotate(session.id, to: token, authenticatedAt: session.authenticatedAt, assurance: 1, in: transaction)
            try await tell(session, isEnabled: false, audit("factor.disable", .success, [Self.target(session.user)]), in: transaction)
            return true
        }
        outbox.wake()
        return disabled ? token : nil
    }

    // MARK: - Signing in

    /// Asks for the factor of somebody who knew the password.
    func challenge(_ user: UserID) async throws -> String {
        try await database.transaction {
            try await FactorStore.insertChallenge(for: user, at: clock.now, lifetime: Self.challengeLifetime, in: $0)
        }
    }

    /// Whose challenge was met; nil for a wrong code, one that was used, or a challenge that is over.
    func answer(_ challengeToken: String, with presented: Presented) async throws -> UserID? {
        let now = clock.now
        // The try counts whatever comes of it, so it is a commit of its own.
        let challenge = try await database.transaction {
            try await FactorStore.attempt(challengeToken, at: now, limit: Self.challengeAttempts, in: $0)
        }
        guard let challenge else { return nil }
        let isMet = try await guarded(challenge.user) { transaction in
            guard try await prove(presented, of: challenge.user, in: transaction) else { return false }
            try await FactorStore.consume(challenge, at: now, in: transaction)
            return true
        }
        return isMet ? challenge.user : nil
    }

    /// Guessing at one account's factor is slowed down whatever challenge it is tried in.
    private func guarded(_ user: UserID, _ work: (Transaction) async throws -> Bool) async throws -> Bool {
        let attempt = Throttle.Attempt.factor(of: user.description)
        if let seconds = try await throttle.pause(before: attempt) { throw Throttled(seconds: seconds) }
        let succeeded = try await database.transaction { try await work($0) }
        if succeeded { try await throttle.succeeded(attempt) } else { try await throttle.failed(attempt) }
        return succeeded
    }

    private func prove(_ presented: Presented, of user: UserID, in transaction: Transaction) async throws -> Bool {
        guard let factor = try await FactorStore.find(user, in: transaction), factor.confirmedAt != nil else { return false }
        switch presented {
        case .code(let code): return try await takeCode(code, factor, of: user, in: transaction)
        case .recoveryCode(let code):
            return try await FactorStore.takeRecoveryCode(RecoveryCode.digest(code), of: user, at: clock.now, in: transaction)
        }
    }

    private func takeCode(_ code: String, _ factor: FactorStore.Factor, of user: UserID, in transaction: Transaction) async throws -> Bool {
        let secret = try keyring.open(factor.secretSealed, for: Self.place(user))
        guard let step = OneTimeCode.match(code, secret, at: clock.now, after: factor.lastStep) else { return false }
        return try await FactorStore.take(step: step, of: user, in: transaction)
    }

    private func tell(_ session: Session, isEnabled: Bool, _ audit: AuditRecord, in transaction: Transaction) async throws {
        let now = clock.now
        if let owner = EmailAddress(session.email) {
            try await mails.enqueue(.factorChanged(isEnabled: isEnabled, name: session.name, baseURL: baseURL), to: owner, at: now, in: transaction)
        }
        let event = try PendingEvent(
            AuthEvents.FactorChanged(user: session.user, isEnabled: isEnabled), at: now, tenant: session.tenant,
            actor: .user(session.user, name: session.name), audit: audit)
        try await outbox.append([event], in: transaction)
    }

    private static func place(_ user: UserID) -> Keyring.Place {
        Keyring.Place(purpose: "totp_factors.secret", row: user.description, tenant: nil)
    }

    private static func target(_ user: UserID) -> AuditRecord.Target {
        .init(type: "user", id: user.description)
    }
}
