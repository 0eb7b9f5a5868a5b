import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Beginning, ending and seeing support's looks into a company.
struct SupportSessions: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target], _ metadata: [String: String]) -> AuditRecord

    /// What somebody wants to look into, and why.
    struct Wish: Sendable {
        let tenant: TenantID
        let reason: String
        let ticket: String
        let scope: [SupportScope]
        let length: TimeInterval
    }

    private let database: Database
    private let api: Database
    private let outbox: Outbox
    private let clock: WallClock

    init(house: House) {
        database = house.worker
        api = house.api
        outbox = house.outbox
        clock = house.clock
    }

    /// Nil when there is no such company.
    func begin(_ wish: Wish, by staff: Identity, audit: Audit) async throws -> SupportSession? {
        let now = clock.now
        let session = SupportSession(
            id: SupportSessionID(.v7(at: now)), tenant: wish.tenant, staffUser: staff.user, staffName: staff.name, reason: wish.reason,
            ticket: wish.ticket, scope: wish.scope, createdAt: now, expiresAt: now.addingTimeInterval(min(wish.length, SupportSession.longest)),
            state: .running,
            endedAt: nil, endedBecause: nil)
        let begun = try await database.transaction { transaction in
            guard try await MemberStore.lock(wish.tenant, in: transaction) else { return false }
            try await SupportSessionStore.insert(session, in: transaction)
            let told = ["reason": session.reason, "expires_at": WireJSON.format(session.expiresAt)]
            try await append(
                AuthEvents.SupportSessionBegun(supportSession: session.id.uuid), session, staff,
                audit("support_session.begin", [session.target], session.metadata.merging(told) { $1 }), in: transaction)
            return true
        }
        outbox.wake()
        return begun ? session : nil
    }

    /// False when it is over already, or another's.
    func end(_ id: UUID, by staff: Identity, audit: Audit) async throws -> Bool {
        let ended = try await database.transaction { transaction in
            guard let session = try await SupportSessionStore.end(id, of: staff.user, at: clock.now, in: transaction) else { return false }
            try await append(
                AuthEvents.SupportSessionEnded(supportSession: id), session, staff,
                audit("support_session.end", [session.target], session.metadata), in: transaction)
            return true
        }
        outbox.wake()
        return ended
    }

    /// The running one with this identifier, of this person.
    func running(_ id: UUID, of staff: UserID) async throws -> SupportSession? {
        try await SupportSessionStore.running(id, of: staff, at: clock.now, in: database)
    }

    /// Those of these that run.
    func living(_ sessions: [UUID]) async throws -> [UUID] {
        try await SupportSessionStore.living(sessions, at: clock.now, in: database)
    }

    /// All that were begun into a company: its own people see them.
    func list(of tenant: TenantID, before start: UUID?, limit: Int) async throws -> [SupportSession] {
        try await SupportSessionStore.list(of: tenant, before: start, limit: limit, at: clock.now, in: api)
    }

    /// What one of the operator's people has begun.
    func list(by staff: UserID, before start: UUID?, limit: Int) async throws -> [SupportSession] {
        try await SupportSessionStore.list(by: staff, before: start, limit: limit, at: clock.now, in: database)
    }

    private func append<E: Event>(
        _ event: E, _ session: SupportSession, _ staff: Identity, _ audit: AuditRecord, in transaction: Transaction
    ) async throws {
        let pending = try PendingEvent(event, at: clock.now, tenant: session.tenant, actor: staff.supportActor, audit: audit)
        try await outbox.append([pending], in: transaction)
    }
}

extension SupportSession {
    /// As the trail names it.
    var target: AuditRecord.Target { .init(type: "support_session", id: id.description) }

    /// What every entry about it says; Audit finds the session by the first.
    var metadata: [String: String] {
        ["support_session": id.description, "ticket": ticket, "scope": scope.map(\.rawValue).joined(separator: " ")]
    }
}
