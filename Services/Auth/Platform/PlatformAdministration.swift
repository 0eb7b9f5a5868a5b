import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// What the operator's people do to accounts: each act with a reason, in the trail of the company it touches, and never in somebody's name.
struct PlatformAdministration: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target], _ metadata: [String: String]) -> AuditRecord

    enum Refusal: Error, Equatable {
        case notFound
        /// The operator's people are not suspended by each other, only taken off the staff.
        case isStaff
    }

    private let database: Database
    private let api: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let sessions: Sessions
    private let passwords: Passwords

    init(house: House, sessions: Sessions, passwords: Passwords) {
        database = house.worker
        api = house.api
        outbox = house.outbox
        clock = house.clock
        self.sessions = sessions
        self.passwords = passwords
    }

    func users(startingWith prefix: String, after start: UserID?, limit: Int) async throws -> [PlatformUser] {
        try await PlatformDirectory.users(startingWith: prefix, after: start, limit: limit, in: database)
    }

    func user(_ id: UserID) async throws -> PlatformUser? {
        try await PlatformDirectory.user(id, in: database)
    }

    func tenants(startingWith prefix: String, after start: TenantID?, limit: Int) async throws -> [PlatformTenant] {
        try await PlatformDirectory.tenants(startingWith: prefix, after: start, limit: limit, in: database)
    }

    func tenant(_ id: TenantID) async throws -> PlatformTenant? {
        try await PlatformDirectory.tenant(id, in: database)
    }

    /// A company's people in the order of their joining; nil when there is no such company.
    func members(of tenant: TenantID, after start: Member.Place?, limit: Int) async throws -> [Member]? {
        guard try await PlatformDirectory.tenant(tenant, in: database) != nil else { return nil }
        return try await MemberStore.list(of: tenant, after: start, limit: limit, in: database)
    }

    // MARK: - People

    /// Nobody signs in as this person until it is resumed; what is open ends. Doing it twice is doing it once.
    func suspend(_ user: UserID, reason: String, by staff: Identity, audit: Audit) async throws {
        let now = clock.now
        try await change(user, "user.suspend", ["reason": reason], by: staff, audit) { transaction in
            try await Self.refuseStaff(user, in: transaction)
            try await transaction.query(
                """
                update users.users set suspended_at = \(now), suspended_reason = \(reason), updated = \(now)
                where id = \(user) and deleted is null and suspended_at is null
                """)
            _ = try await sessions.revokeAll(of: user, except: nil, in: transaction)
        }
    }

    func resume(_ user: UserID, by staff: Identity, audit: Audit) async throws {
        let now = clock.now
        try await change(user, "user.resume", [:], by: staff, audit) { transaction in
            try await transaction.query(
                "update users.users set suspended_at = null, suspended_reason = null, updated = \(now) where id = \(user) and deleted is null")
        }
    }

    func revokeSessions(of user: UserID, reason: String, by staff: Identity, audit: Audit) async throws {
        try await change(user, "user.revoke_sessions", ["reason": reason], by: staff, audit) { transaction in
            if staff.staff != .superAdmin { try await Self.refuseStaff(user, in: transaction) }
            _ = try await sessions.revokeAll(of: user, except: nil, in: transaction)
        }
    }

    /// The password counts no more, sessions end, and the person is mailed a chance to set another; nobody else ever sees it.
    func forceReset(of user: UserID, reason: String, by staff: Identity, audit: Audit) async throws {
        try await change(user, "user.force_reset", ["reason": reason], by: staff, audit) { transaction in
            if staff.staff != .superAdmin { try await Self.refuseStaff(user, in: transaction) }
            try await passwords.invalidate(user, in: transaction)
            _ = try await sessions.revokeAll(of: user, except: nil, in: transaction)
        }
    }

    private func change(
        _ user: UserID, _ action: String, _ metadata: [String: String], by staff: Identity, _ audit: Audit,
        _ work: (Transaction) async throws -> Void
    ) async throws {
        try await database.transaction { transaction in
            guard let account = try await AccountStore.find(user, in: transaction) else { throw Refusal.notFound }
            try await work(transaction)
            let membership = try await AccountStore.membership(of: user, in: transaction)
            let event = try PendingEvent(
                AuthEvents.UserAdministered(user: user, act: action), at: clock.now, tenant: membership?.tenant, actor: staff.supportActor,
                audit: audit(action, [.init(type: "user", id: user.description, name: account.email)], metadata))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        await sessions.announceRevocation()
    }

    /// One stolen account of support must not lock out everybody who could stop it.
    private static func refuseStaff(_ user: UserID, in transaction: Transaction) async throws {
        guard try await transaction.query("select 1 as one from staff where user_id = \(user)").isEmpty else { throw Refusal.isStaff }
    }

    // MARK: - Companies

    /// Its people's sessions end, its keys open nothing, and its mail is held (Delivery hears of it); nothing is lost.
    func suspend(_ tenant: TenantID, reason: String, by staff: Identity, audit: Audit) async throws {
        try await setSuspension(of: tenant, reason: reason, by: staff, audit: audit)
    }

    func resume(_ tenant: TenantID, by staff: Identity, audit: Audit) async throws {
        try await setSuspension(of: tenant, reason: nil, by: staff, audit: audit)
    }

    private func setSuspension(of tenant: TenantID, reason: String?, by staff: Identity, audit: Audit) async throws {
        let now = clock.now
        let since: Date? = reason == nil ? nil : now
        try await database.transaction { transaction in
            let rows = try await transaction.query(
                """
                update public.tenants set suspended_at = \(since), suspended_reason = \(reason), suspension_version = suspension_version + 1,
                    updated = \(now)
                where id = \(tenant) and deleted is null and (suspended_at is null) <> \(reason == nil) returning name, suspension_version
                """)
            guard let row = rows.first else {
                guard try await MemberStore.lock(tenant, in: transaction) else { throw Refusal.notFound }
                return
            }
            if reason != nil {
                try await transaction.query("update sessions set revoked_at = \(now) where tenant_id = \(tenant) and revoked_at is null")
            }
            let aggregate = Aggregate(kind: "tenant_suspension", id: tenant.description, version: try row.decode("suspension_version"))
            let record = audit(
                reason == nil ? "tenant.resume" : "tenant.suspend",
                [.init(type: "tenant", id: tenant.description, name: try row.decode("name"))], reason.map { ["reason": $0] } ?? [:])
            // The mail of a company on its way out stays held, also when the platform has nothing against it any more.
            let isLeaving = try await DeletionStore.isLeaving(tenant, in: transaction)
            let event = try PendingEvent(
                AuthEvents.TenantSuspensionChanged(tenant: tenant, isSuspended: reason != nil || isLeaving), at: now, tenant: tenant,
                aggregate: aggregate,
                actor: staff.supportActor, audit: record)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        await sessions.announceRevocation()
    }

    // MARK: - Features

    /// What is switched for a company; what is not named here has its default.
    func features(of tenant: TenantID) async throws -> [String: Bool] {
        let rows = try await api.query(as: tenant, "select name, is_enabled from feature_flags where tenant_id = \(tenant) order by name limit 1000")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("name"), try $0.decode("is_enabled")) })
    }

    func setFeature(_ name: String, isEnabled: Bool, of tenant: TenantID, by staff: Identity, audit: Audit) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            guard try await MemberStore.lock(tenant, in: transaction) else { throw Refusal.notFound }
            try await transaction.query(
                """
                insert into feature_flags (tenant_id, name, is_enabled, updated_at) values (\(tenant), \(name), \(isEnabled), \(now))
                on conflict (tenant_id, name) do update set is_enabled = excluded.is_enabled, updated_at = excluded.updated_at
                """)
            let event = try PendingEvent(
                AuthEvents.FeatureSwitched(tenant: tenant, name: name, isEnabled: isEnabled), at: now, tenant: tenant, actor: staff.supportActor,
                audit: audit(
                    "tenant.switch_feature", [.init(type: "tenant", id: tenant.description)], ["feature": name, "enabled": "\(isEnabled)"]))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }
}

extension Identity {
    /// One of the operator's people, as the trail names them: as themselves.
    var supportActor: EventActor { EventActor(kind: .support, id: user.description, name: name) }
}
