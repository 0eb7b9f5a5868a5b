import Contracts
import Foundation
import HTTP
import Postgres

/// Something that staff gave a company beside its plan.
struct Grant: Encodable, Sendable, Equatable {
    /// What staff ask for.
    struct New: Sendable {
        let access: BillingRPC.Access?
        let limits: [String: Int64?]
        let reason: String
        let endsAt: Date?
    }

    let id: EntityID<Grant>
    let access: BillingRPC.Access?
    /// By name; null is unlimited.
    let limits: [String: Int64?]
    let reason: String
    let grantedBy: String
    let startsAt: Date
    let endsAt: Date?
    var revokedAt: Date?

    init(_ new: New, id: UUID, by user: UserID, at now: Date) {
        self.id = EntityID(id)
        access = new.access
        limits = new.limits
        reason = new.reason
        grantedBy = user.description
        startsAt = now
        endsAt = new.endsAt
    }

    init(_ row: Row) throws {
        id = try row.decode("id")
        access = try row.decodeOptional("access", as: String.self).map(BillingRPC.Access.init(rawValue:))
        limits = try JSONDecoder().decode([String: Int64?].self, from: Data(try row.decode("limits", as: String.self).utf8))
        reason = try row.decode("reason")
        grantedBy = try row.decode("granted_by")
        startsAt = try row.decode("starts_at")
        endsAt = try row.decodeOptional("ends_at")
        revokedAt = try row.decodeOptional("revoked_at")
    }
}

/// The names of what a plan limits.
enum LimitName {
    static let all: Set<String> = ["mails", "users", "workspaces", "domains", "mailboxes", "leads", "api_calls_per_minute"]
    /// Far from where sums overflow.
    static let largest = PlanLimits.unlimitedMails

    /// The limits, or a 400 that names the one that cannot be.
    static func checked(_ limits: [String: Int64?]) throws(Problem) -> [String: Int64?] {
        for (name, limit) in limits {
            guard all.contains(name) else {
                throw Problem.invalid("limits must be of \(all.sorted().joined(separator: ", ")).", field: "limits")
            }
            guard limit.map({ (0...largest).contains($0) }) ?? true else {
                throw Problem.invalid("A limit must be null or 0 to \(largest).", field: "limits.\(name)")
            }
        }
        return limits
    }
}

/// The SQL of grants.
enum GrantStore {
    private static let columns: SQL = "g.id, g.access, g.limits::text as limits, g.reason, g.granted_by, g.starts_at, g.ends_at, g.revoked_at"

    /// False when nobody has told us of the company. Whoever changes what it may do holds its subscription.
    static func lockSubscription(of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query("select 1 as one from subscriptions where tenant_id = \(tenant) for update").isEmpty
    }

    static func insert(_ grant: Grant, of tenant: TenantID, in transaction: Transaction) async throws {
        let limits = PostgresJSON(text: String(decoding: try JSONEncoder().encode(grant.limits), as: UTF8.self))
        try await transaction.query(
            """
            insert into access_grants (tenant_id, id, access, limits, reason, granted_by, starts_at, ends_at)
            values (\(tenant), \(grant.id), \(grant.access?.rawValue), \(limits), \(grant.reason), \(grant.grantedBy), \(grant.startsAt),
                    \(grant.endsAt))
            """)
    }

    /// The grant that holds no longer; nil when it did not before either.
    static func revoke(_ id: UUID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Grant? {
        try await transaction.query(
            """
            update access_grants g set revoked_at = \(now)
            where g.tenant_id = \(tenant) and g.id = \(id) and g.revoked_at is null and (g.ends_at is null or g.ends_at > \(now))
            returning \(columns)
            """
        ).first.map(Grant.init)
    }

    /// The newest first, also those that hold no longer.
    static func list(of tenant: TenantID, in database: Database) async throws -> [Grant] {
        try await database.query(
            as: tenant, "select \(columns) from access_grants g where g.tenant_id = \(tenant) order by g.id desc limit 100"
        ).map(Grant.init)
    }
}
