import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// People as Nile's routes show and change them, where none of our own routes does.
struct NileDirectory: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target]) -> AuditRecord

    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions
    private let factors: Factors

    init(house: House, sessions: Sessions, factors: Factors) {
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        self.sessions = sessions
        self.factors = factors
    }

    func person(_ user: UserID) async throws -> NilePerson? {
        try await NileStore.person(user, in: database)
    }

    func hasFactor(_ user: UserID) async throws -> Bool {
        try await factors.isEnabled(for: user)
    }

    /// Whether a challenge can still be met.
    func isOpen(challenge: String) async throws -> Bool {
        try await NileStore.isOpen(challenge: challenge, at: clock.now, limit: Factors.challengeAttempts, in: database)
    }

    /// Who the session's person is in one of their companies, as of now; nil when it is none of theirs.
    func identity(of session: Session, in tenant: TenantID) async throws -> Identity? {
        let found = try await database.transaction { transaction -> Member? in
            guard try await MemberStore.isOpen(tenant, in: transaction) else { return nil }
            return try await MemberStore.find(session.user, of: tenant, in: transaction)
        }
        guard let member = found else { return nil }
        return Identity(
            tenant: tenant, user: session.user, name: session.name, role: member.role, isVerified: session.isVerified,
            workspaces: member.workspaces, session: session.id)
    }

    func change(_ profile: NileProfile, of session: Session, audit: Audit) async throws {
        let now = clock.now
        let event = try PendingEvent(
            AuthEvents.ProfileChanged(user: session.user), at: now, tenant: session.tenant, actor: .user(session.user, name: session.name),
            audit: audit("user.change_profile", [.init(type: "user", id: session.user.description)]))
        try await database.transaction { transaction in
            try await NileStore.update(session.user, profile, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        // Sessions carry the name.
        await sessions.announceRevocation()
    }
}
