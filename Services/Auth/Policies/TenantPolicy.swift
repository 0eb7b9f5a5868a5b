import Contracts
import Foundation
import Postgres

/// What a company asks of its people.
struct TenantPolicy: Codable, Sendable, Equatable {
    /// A session that nobody used for so long has ended.
    var sessionIdleMinutes: Int
    /// A session ends after so long, used or not.
    var sessionAbsoluteHours: Int
    /// What a new password must have at least, in characters.
    var passwordMinimumLength: Int

    /// Holds where a company has said nothing.
    static let standard = TenantPolicy(
        sessionIdleMinutes: Int(Session.idleLifetime / 60), sessionAbsoluteHours: Int(Session.absoluteLifetime / 3_600),
        passwordMinimumLength: Password.minimumLength)

    /// The field that is out of bounds, with what it should be; nil when all is well.
    var fault: (field: String, detail: String)? {
        let bounds: [(field: String, value: Int, range: ClosedRange<Int>)] = [
            ("session_idle_minutes", sessionIdleMinutes, 5...10_080), ("session_absolute_hours", sessionAbsoluteHours, 1...720),
            ("password_minimum_length", passwordMinimumLength, Password.minimumLength...64),
        ]
        return bounds.first { !$0.range.contains($0.value) }.map { field, _, range in
            (field, "\(field) must be \(range.lowerBound) to \(range.upperBound).")
        }
    }

    /// What changed, field by field, for the trail.
    func changes(from old: TenantPolicy) -> [AuditRecord.Change] {
        [
            ("session_idle_minutes", old.sessionIdleMinutes, sessionIdleMinutes),
            ("session_absolute_hours", old.sessionAbsoluteHours, sessionAbsoluteHours),
            ("password_minimum_length", old.passwordMinimumLength, passwordMinimumLength),
        ].filter { $0.1 != $0.2 }.map { .init(path: $0.0, before: "\($0.1)", after: "\($0.2)") }
    }
}

/// The SQL of policies.
enum TenantPolicyStore {
    static func find(_ tenant: TenantID, in database: Database) async throws -> TenantPolicy? {
        try await database.query(
            as: tenant,
            """
            select session_idle_minutes, session_absolute_hours, password_minimum_length from tenant_policies where tenant_id = \(tenant)
            """
        ).first.map(policy)
    }

    /// The one before, if there was any.
    static func set(_ new: TenantPolicy, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> TenantPolicy? {
        let old = try await transaction.query(
            """
            select session_idle_minutes, session_absolute_hours, password_minimum_length from tenant_policies
            where tenant_id = \(tenant) for update
            """
        ).first.map(policy)
        try await transaction.query(
            """
            insert into tenant_policies (tenant_id, session_idle_minutes, session_absolute_hours, password_minimum_length, updated_at)
            values (\(tenant), \(new.sessionIdleMinutes), \(new.sessionAbsoluteHours), \(new.passwordMinimumLength), \(now))
            on conflict (tenant_id) do update set session_idle_minutes = excluded.session_idle_minutes,
                session_absolute_hours = excluded.session_absolute_hours, password_minimum_length = excluded.password_minimum_length,
                updated_at = excluded.updated_at
            """)
        return old
    }

    /// The longest minimum among the person's companies, and that of staff where the person is one of them.
    static func passwordMinimum(of user: UserID, in database: Database) async throws -> Int {
        let found: Int? = try await database.query(
            """
            select max(n)::bigint as n from (
                select p.password_minimum_length as n from users.tenant_users m join tenant_policies p on p.tenant_id = m.tenant_id
                where m.user_id = \(user) and m.deleted is null
                union all select \(PasswordRules.staffMinimum)::integer from staff where user_id = \(user)) as asked
            """)[0].decodeOptional("n")
        return found ?? Password.minimumLength
    }

    private static func policy(_ row: Row) throws -> TenantPolicy {
        TenantPolicy(
            sessionIdleMinutes: try row.decode("session_idle_minutes"), sessionAbsoluteHours: try row.decode("session_absolute_hours"),
            passwordMinimumLength: try row.decode("password_minimum_length"))
    }
}
