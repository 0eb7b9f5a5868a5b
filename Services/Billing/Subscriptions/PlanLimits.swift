import Contracts
import Foundation
import Postgres

/// What a tenant may use; nil is unlimited. The plan's word, or a grant's instead of it.
struct PlanLimits: Sendable, Equatable {
    /// What stands for unlimited where a number must: beyond what anybody can send, and far from where sums overflow.
    static let unlimitedMails: Int64 = 1_000_000_000_000_000

    var mails: Int64
    var users: Int64?
    var workspaces: Int64?
    var domains: Int64?
    var mailboxes: Int64?
    var leads: Int64?
    var apiCallsPerMinute: Int64?

    init(_ plan: Plan, _ grant: AccessGrant? = nil) {
        let granted = grant?.limits ?? [:]
        // A name that is granted with nil is unlimited; one that is not granted is the plan's.
        func limit(_ name: String, _ planned: Int64?) -> Int64? { granted[name] ?? planned }
        mails = limit("mails", plan.mailsPerPeriod) ?? Self.unlimitedMails
        users = limit("users", plan.users)
        workspaces = limit("workspaces", plan.workspaces)
        domains = limit("domains", plan.domains)
        mailboxes = limit("mailboxes", plan.mailboxes)
        leads = limit("leads", plan.leads)
        apiCallsPerMinute = limit("api_calls_per_minute", plan.apiCallsPerMinute)
    }
}

extension AccessGrant {
    /// The part of a query that brings what is granted at `now` to a tenant whose row is called `s`, as `granted_access`, `granted_until` and
    /// `granted_limits`: the newest grant that speaks of access, and of each limit the newest that speaks of it.
    static func join(at now: Date) -> SQL {
        let holds: SQL = """
            g.tenant_id = s.tenant_id and g.revoked_at is null and g.starts_at <= \(now) and (g.ends_at is null or g.ends_at > \(now))
            """
        return """
            left join lateral (
                select (array_agg(g.access order by g.starts_at desc, g.id desc) filter (where g.access is not null))[1] as granted_access,
                       (array_agg(g.ends_at order by g.starts_at desc, g.id desc) filter (where g.access is not null))[1] as granted_until
                from access_grants g where \(holds)) a on true
            left join lateral (
                select jsonb_object_agg(l.key, l.value order by g.starts_at, g.id)::text as granted_limits
                from access_grants g cross join lateral jsonb_each(g.limits) l where \(holds)) l on true
            """
    }

    /// Nil when nothing is granted.
    static func joined(_ row: Row) throws -> AccessGrant? {
        let access = try row.decodeOptional("granted_access", as: String.self).map(BillingRPC.Access.init(rawValue:))
        let limits = try row.decodeOptional("granted_limits", as: String.self)
        guard access != nil || limits != nil else { return nil }
        return AccessGrant(
            access: access, limits: try limits.map { try JSONDecoder().decode([String: Int64?].self, from: Data($0.utf8)) } ?? [:],
            endsAt: try row.decodeOptional("granted_until"))
    }
}
