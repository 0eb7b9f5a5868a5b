import Contracts
import Foundation
import Mail
import Postgres

/// The SQL of the keys that sign mail.
enum SigningKeyStore {
    private static let columns: SQL =
        "domain, selector, algorithm, public_key, state, created_at, activated_at, superseded_at, signs_until, retired_at, checked_at, seen_at, misses, removed_at, look_at"

    /// One change at a time of a domain's keys.
    static func lock(_ domain: String, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query("select pg_advisory_xact_lock(hashtextextended('signing_keys:' || \(tenant.description) || ':' || \(domain), 0))")
    }

    /// All of a domain, the oldest first.
    static func keys(of domain: String, _ tenant: TenantID) -> SQL {
        "select \(columns) from signing_keys where tenant_id = \(tenant) and domain = \(domain) order by created_at, selector"
    }

    /// In the order of domains and selectors, after `start`; of the domains that these workspaces have or send from, or of all.
    static func list(
        of tenant: TenantID, in workspaces: [WorkspaceID]?, domain: String?, after start: (domain: String, selector: String)?, limit: Int
    ) -> SQL {
        let narrowed: SQL =
            workspaces.map { workspaces in
                """
                and domain in (
                    select d.name from domains d where d.tenant_id = \(tenant) and d.workspace_id = any(\(workspaces))
                    union all
                    select split_part(m.address, '@', 2) from mailboxes m where m.tenant_id = \(tenant) and m.workspace_id = any(\(workspaces)))
                """
            } ?? ""
        return """
            select \(columns) from signing_keys where tenant_id = \(tenant) and (\(domain)::text is null or domain = \(domain)) \(narrowed)
              and (domain, selector) > (\(start?.domain ?? ""), \(start?.selector ?? "")) order by domain, selector limit \(limit)
            """
    }

    /// Which workspaces have a domain (`owns`), and which send from it.
    static func workspaces(of domain: String, _ tenant: TenantID) -> SQL {
        """
        select d.workspace_id, true as owns from domains d where d.tenant_id = \(tenant) and d.name = \(domain)
        union all
        select distinct m.workspace_id, false from mailboxes m where m.tenant_id = \(tenant) and split_part(m.address, '@', 2) = \(domain)
        """
    }

    static func countDomains(of tenant: TenantID) -> SQL {
        "select count(distinct domain) as n from signing_keys where tenant_id = \(tenant)"
    }

    /// No row is affected when the domain has a record of this name already, whoever it belongs to.
    static func insert(_ key: SigningKey, of tenant: TenantID, privateKeySealed: String) -> SQL {
        """
        insert into signing_keys (tenant_id, domain, selector, algorithm, public_key, private_key_sealed, state, created_at, look_at)
        values (\(tenant), \(key.domain), \(key.selector), \(key.algorithm), \(key.publicKey), \(privateKeySealed), \(key.state), \(key.createdAt),
                \(key.lookAt))
        on conflict do nothing
        """
    }

    /// Writes what a look or a person changed; what is retired loses its private half.
    static func update(_ key: SigningKey, of tenant: TenantID) -> SQL {
        let destruction: SQL = key.state == .retired ? ", private_key_sealed = null" : ""
        return """
            update signing_keys set state = \(key.state), activated_at = \(key.activatedAt), superseded_at = \(key.supersededAt),
                retired_at = \(key.retiredAt), checked_at = \(key.checkedAt), seen_at = \(key.seenAt), misses = \(key.misses),
                removed_at = \(key.removedAt), look_at = \(key.lookAt)\(destruction)
            where tenant_id = \(tenant) and domain = \(key.domain) and selector = \(key.selector)
            """
    }

    /// Domains with a key that is due to be looked at, the longest due first.
    static func due(now: Date, limit: Int) -> SQL {
        """
        select tenant_id, domain from signing_keys where look_at <= \(now) group by tenant_id, domain order by min(look_at), tenant_id, domain
        limit \(limit)
        """
    }

    /// Puts off what is due of a domain that could not be looked at.
    static func putOff(_ domain: String, of tenant: TenantID, until instant: Date, now: Date) -> SQL {
        "update signing_keys set look_at = \(instant) where tenant_id = \(tenant) and domain = \(domain) and look_at <= \(now)"
    }

    /// The active keys of a domain, with their sealed halves; that they may sign until `until` is written before they are read, unless what is
    /// written lasts beyond `enough`.
    static func take(_ domain: String, of tenant: TenantID, until: Date, enough: Date) -> SQL {
        """
        with extended as (
            update signing_keys set signs_until = \(until)
            where tenant_id = \(tenant) and domain = \(domain) and state = 'active' and (signs_until is null or signs_until < \(enough)))
        select selector, algorithm, private_key_sealed from signing_keys where tenant_id = \(tenant) and domain = \(domain) and state = 'active'
        order by created_at, selector
        """
    }

    static func key(_ row: Row) throws(PostgresError) -> SigningKey {
        SigningKey(
            domain: try row.decode("domain"), selector: try row.decode("selector"), algorithm: try row.decode("algorithm"),
            publicKey: try row.decode("public_key"), state: try row.decode("state"), createdAt: try row.decode("created_at"),
            activatedAt: try row.decodeOptional("activated_at"), supersededAt: try row.decodeOptional("superseded_at"),
            signsUntil: try row.decodeOptional("signs_until"), retiredAt: try row.decodeOptional("retired_at"),
            checkedAt: try row.decodeOptional("checked_at"), seenAt: try row.decodeOptional("seen_at"), misses: try row.decode("misses"),
            removedAt: try row.decodeOptional("removed_at"), lookAt: try row.decodeOptional("look_at"))
    }
}
