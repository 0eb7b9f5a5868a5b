import Contracts
import Foundation
import HTTP
import Logging
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Making, listing and taking back API keys, and finding out whose one is.
struct ApiKeys: Sendable {
    typealias Audit = @Sendable (_ action: String, [AuditRecord.Target], _ metadata: [String: String]) -> AuditRecord

    struct New: Sendable {
        let name: String
        let scopes: [String]
        let expiresAt: Date?
        let requestsPerMinute: Int
    }

    /// A key that was shown, with what it stands for.
    struct Holder: Sendable {
        let key: UUID
        let name: String
        let tenant: TenantID
        let user: UserID
        let scopes: [String]
        let requestsPerMinute: Int
        let lastUsedAt: Date?
    }

    /// How many living keys a company may have.
    static let limit = 100
    /// How stale `last_used_at` may be, so that reading does not mean writing.
    private static let usedPrecision: TimeInterval = 60

    private let api: Database
    private let worker: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let redis: RedisClient
    private let logger: Logger
    /// What the plans allow; it works in the background.
    let rates: PlanRates

    init(house: House) {
        api = house.api
        worker = house.worker
        outbox = house.outbox
        clock = house.clock
        redis = RedisClient(house.redis)
        logger = house.logger
        rates = PlanRates(house: house)
    }

    /// The newest first, before `start`.
    func list(of tenant: TenantID, before start: EntityID<ApiKey>?, limit: Int) async throws -> [ApiKey] {
        try await api.query(
            as: tenant,
            """
            select id, name, hint, scopes, requests_per_minute, created_at, expires_at, last_used_at from api_keys
            where tenant_id = \(tenant) and revoked_at is null and (\(start)::uuid is null or id < \(start)) order by id desc limit \(limit)
            """
        ).map { row in
            ApiKey(
                id: try row.decode("id"), name: try row.decode("name"), hint: try row.decode("hint"), scopes: try row.decode("scopes"),
                requestsPerMinute: try row.decode("requests_per_minute"), createdAt: try row.decode("created_at"),
                expiresAt: try row.decodeOptional("expires_at"), lastUsedAt: try row.decodeOptional("last_used_at"))
        }
    }

    /// The key and, this once, its secret; nil when the company has too many.
    func create(_ new: New, by identity: Identity, audit: Audit) async throws -> (key: ApiKey, secret: ApiKeySecret)? {
        let now = clock.now
        let secret = ApiKeySecret.random()
        let key = ApiKey(
            id: .init(.v7(at: now)), name: new.name, hint: secret.hint, scopes: new.scopes, requestsPerMinute: new.requestsPerMinute, createdAt: now,
            expiresAt: new.expiresAt, lastUsedAt: nil)
        let event = try PendingEvent(
            AuthEvents.ApiKeyCreated(key: key.id.uuid), at: now, tenant: identity.tenant, actor: identity.actor,
            audit: audit(
                "api_key.create", [.init(type: "api_key", id: key.id.description, name: key.name)], ["scopes": new.scopes.joined(separator: " ")]))
        let created = try await api.transaction(as: identity.tenant) { transaction in
            // One maker at a time, so that the limit holds.
            try await transaction.query("select pg_advisory_xact_lock(hashtextextended('api_keys:' || \(identity.tenant.description), 0))")
            let living: Int = try await transaction.query(
                "select count(*) as n from api_keys where tenant_id = \(identity.tenant) and revoked_at is null")[0].decode("n")
            guard living < Self.limit else { return false }
            try await transaction.query(
                """
                insert into api_keys (tenant_id, id, name, hint, digest, scopes, requests_per_minute, created_by, created_at, expires_at)
                values (\(identity.tenant), \(key.id), \(key.name), \(key.hint), \(secret.digest), \(key.scopes), \(key.requestsPerMinute),
                        \(identity.user), \(now), \(key.expiresAt))
                """)
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return created ? (key, secret) : nil
    }

    /// False when there is no such living one.
    func revoke(_ id: UUID, by identity: Identity, audit: Audit) async throws -> Bool {
        let now = clock.now
        let revoked = try await api.transaction(as: identity.tenant) { transaction in
            let rows = try await transaction.query(
                """
                update api_keys set revoked_at = \(now) where tenant_id = \(identity.tenant) and id = \(id) and revoked_at is null returning name
                """)
            guard let name: String = try rows.first?.decode("name") else { return false }
            let event = try PendingEvent(
                AuthEvents.ApiKeyRevoked(key: id), at: now, tenant: identity.tenant, actor: identity.actor,
                audit: audit("api_key.revoke", [.init(type: "api_key", id: id.text, name: name)], [:]))
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return revoked
    }

    /// Whose key this is, while it lives.
    func find(_ secret: ApiKeySecret) async throws -> Holder? {
        let now = clock.now
        let rows = try await worker.query(
            """
            select k.id, k.name, k.tenant_id, k.created_by, k.scopes, k.requests_per_minute, k.last_used_at
            from api_keys k join public.tenants t on t.id = k.tenant_id and t.deleted is null and t.suspended_at is null
            join users.users u on u.id = k.created_by and u.suspended_at is null
            where k.digest = \(secret.digest) and k.revoked_at is null and (k.expires_at is null or k.expires_at > \(now))
            """)
        guard let row = rows.first else { return nil }
        let holder = Holder(
            key: try row.decode("id"), name: try row.decode("name"), tenant: try row.decode("tenant_id"), user: try row.decode("created_by"),
            scopes: try row.decode("scopes"), requestsPerMinute: try row.decode("requests_per_minute"),
            lastUsedAt: try row.decodeOptional("last_used_at"))
        if holder.lastUsedAt.map({ now.timeIntervalSince($0) > Self.usedPrecision }) ?? true {
            try await worker.query("update api_keys set last_used_at = \(now) where tenant_id = \(holder.tenant) and id = \(holder.key)")
        }
        return holder
    }

    /// Counts a request against the key's minute and against the minute that the plan gives all of the company's keys together, whichever
    /// replica it came to; false when it is one too many. Where Redis is away nobody is refused: a limit is no reason to stand still.
    func mayProceed(_ holder: Holder) async -> Bool {
        let minute = Int(clock.now.timeIntervalSince1970 / 60)
        let planned = await rates.limit(of: holder.tenant)
        do {
            guard try await count("auth:rate:\(holder.key.text):\(minute)") <= Int64(holder.requestsPerMinute) else { return false }
            guard let planned else { return true }
            return try await count("auth:rate:\(holder.tenant):\(minute)") <= planned
        } catch {
            logger.debug("requests of a key not counted", metadata: ["error": "\(error)"])
            return true
        }
    }

    /// One more in a minute's counter, which goes by itself.
    private func count(_ key: String) async throws -> Int64 {
        let script = "local n = redis.call('INCR', KEYS[1]); if n == 1 then redis.call('EXPIRE', KEYS[1], 120) end; return n"
        return try await redis.command(["EVAL", script, "1", key]).integer ?? 0
    }
}
