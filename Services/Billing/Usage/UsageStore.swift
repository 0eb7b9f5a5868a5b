import Contracts
import Foundation
import Postgres

/// The SQL of what was used.
enum UsageStore {
    static func resources(of tenant: TenantID, in database: Database) async throws -> [BillingRPC.Resource: ResourceUsage] {
        let rows = try await database.query(
            as: tenant, "select c.resource, c.used, c.reserved, c.counted_at from resource_counts c where c.tenant_id = \(tenant)")
        var usage: [BillingRPC.Resource: ResourceUsage] = [:]
        for row in rows {
            let resource: BillingRPC.Resource = try row.decode("resource")
            usage[resource] = ResourceUsage(
                used: try row.decode("used"), reserved: try row.decode("reserved"), countedAt: try row.decodeOptional("counted_at"))
        }
        return usage
    }

    /// Packs that hold in the period.
    static func packs(of tenant: TenantID, in period: BillingPeriod, in database: Database) async throws -> PackUsage {
        let row = try await database.query(
            as: tenant,
            """
            select count(*) as number, coalesce(sum(p.mails - p.mails_refunded), 0)::bigint as mails from pack_purchases p
            where p.tenant_id = \(tenant) and p.period_start = \(period.start) and p.refunded_at is null
            """)[0]
        return PackUsage(count: try row.decode("number"), mails: try row.decode("mails"))
    }
}
