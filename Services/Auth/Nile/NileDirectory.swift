import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// People and companies as Nile's routes show and change them, where none of our own routes does.
struct NileDirectory: Sendable {
    /// How many companies one person may own: each begins a trial.
    static let maximumOwned = 10

    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target]) -> AuditRecord

    private let database: Database
    private let api: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions
    private let factors: Factors

    init(house: House, sessions: Sessions, factors: Factors) {
        database = house.worker
        api = house.api
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
        guard let member = found, try await isYoungEnough(session, for: tenant) else { return nil }
        return Identity(
            tenant: tenant, user: session.user, name: session.name, role: member.role, isVerified: session.isVerified,
            workspaces: member.workspaces, session: session.id)
    }

    /// A session is as old as the company of the path lets it be, also where it is another one than the session's own.
    private func isYoungEnough(_ session: Session, for tenant: TenantID) async throws -> Bool {
        guard tenant != session.tenant, let policy = try await TenantPolicyStore.find(tenant, in: api) else { return true }
        let now = clock.now
        let begun = session.expiresAt.addingTimeInterval(-Session.absoluteLifetime)
        return now.timeIntervalSince(begun) < Double(policy.sessionAbsoluteHours) * 3_600
            && now.timeIntervalSince(session.lastSeenAt) < Double(policy.sessionIdleMinutes) * 60
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

    /// Makes a company with the session's person as owner; nil when they own as many as anybody may.
    func found(_ name: String, by session: Session, audit: Audit) async throws -> TenantID? {
        let now = clock.now
        let tenant = TenantID(.v7(at: now))
        let event = try PendingEvent(
            AuthEvents.TenantCreated(tenant: tenant, name: name), at: now, tenant: tenant,
            aggregate: Aggregate(kind: "tenant", id: tenant.description, version: 1), actor: .user(session.user, name: session.name),
            audit: audit("tenant.create", [.init(type: "tenant", id: tenant.description, name: name)]))
        let isMade = try await database.transaction { transaction in
            guard try await NileStore.owned(by: session.user, in: transaction) < Self.maximumOwned else { return false }
            try await NileStore.insert(tenant, name: name, at: now, in: transaction)
            try await MemberStore.add(
                session.user, email: session.email, to: tenant, as: .owner, workspaces: nil, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return isMade ? tenant : nil
    }

    func rename(to name: String, by identity: Identity, audit: Audit) async throws {
        let now = clock.now
        let event = try PendingEvent(
            AuthEvents.TenantRenamed(tenant: identity.tenant, company: name), at: now, tenant: identity.tenant, actor: identity.actor,
            audit: audit("tenant.rename", [.init(type: "tenant", id: identity.tenant.description, name: name)]))
        try await database.transaction { transaction in
            try await NileStore.rename(identity.tenant, to: name, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        // Sessions carry the company's name.
        await sessions.announceRevocation()
    }
}
