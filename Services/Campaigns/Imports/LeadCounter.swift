import Contracts
import Postgres

/// How many leads a company has, kept beside them: whoever makes or removes leads changes the number in the same commit.
///
/// Its row is the company's lock for that: lock it first, then insert, and the plan's limit holds however many try at once.
enum LeadCounter {
    /// Adds to the number (or takes from it), as one statement of the transaction that makes or removes the leads.
    static func add(_ number: Int64, of tenant: TenantID) -> SQL {
        """
        insert into lead_counts (tenant_id, leads) values (\(tenant), greatest(0, \(number)))
        on conflict (tenant_id) do update set leads = greatest(0, lead_counts.leads + \(number))
        """
    }

    /// The number, locked until the transaction ends.
    static func lock(of tenant: TenantID, in transaction: Transaction) async throws -> Int64 {
        try await transaction.query(
            """
            insert into lead_counts as c (tenant_id, leads) values (\(tenant), 0)
            on conflict (tenant_id) do update set leads = c.leads returning c.leads
            """)[0].decode("leads")
    }

    /// How many each company has, by its identifier after `start`: what Billing shows beside the plan's limit. The limit itself is held here.
    static func counts(after start: TenantID?, limit: Int, in database: Database) async throws -> [(tenant: TenantID, used: Int64)] {
        try await database.query(
            """
            select tenant_id, leads from lead_counts where \(start)::uuid is null or tenant_id > \(start)::uuid order by tenant_id limit \(limit)
            """
        ).map { (tenant: try $0.decode("tenant_id"), used: try $0.decode("leads")) }
    }

    /// How many more the company may have under the plan's limit, locked until the transaction ends; nil when there is no limit.
    static func room(under limit: Int64?, of tenant: TenantID, in transaction: Transaction) async throws -> Int64? {
        let leads = try await lock(of: tenant, in: transaction)
        return limit.map { max(0, $0 - leads) }
    }
}
