import Contracts
import Foundation
import Postgres

/// The SQL of erasures as people see them.
enum ErasureStore {
    /// What must be known of a lead to erase it.
    struct Person: Sendable {
        let address: String
        let status: LeadStatus
    }

    /// Locks a lead until the transaction ends; nil when there is none.
    static func lock(_ lead: LeadID, of tenant: TenantID, in transaction: Transaction) async throws -> Person? {
        try await transaction.query("select email, status from leads where tenant_id = \(tenant) and id = \(lead) for update").first.map { row in
            Person(address: try row.decode("email"), status: try row.decode("status"))
        }
    }

    /// A lead that is being erased counts as suppressed: nothing enrols it again, and no import makes it active.
    static func silence(_ lead: LeadID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update leads set status = 'suppressed', status_changed_at = \(now), updated_at = \(now), revision = revision + 1
            where tenant_id = \(tenant) and id = \(lead) and status = 'active'
            """)
    }

    static func insert(
        _ id: ErasureID, of lead: LeadID, tenant: TenantID, address: String, addressSealed: String, isOptedOut: Bool, reason: String?,
        ticket: String?, by user: UserID, at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into erasures (tenant_id, id, lead_id, address_sealed, is_opted_out, reason, ticket, requested_by, requested_at, stopped_at,
                retry_at, segments)
            values (\(tenant), \(id), \(lead), \(addressSealed), \(isOptedOut), \(reason), \(ticket), \(user), \(now), \(now), \(now),
                array(select s.id from segments s where s.tenant_id = \(tenant) and position(\(address) in lower(s.filter::text)) > 0
                    order by s.id limit 100))
            """)
    }

    /// The erasure of a lead, on its way or done.
    static func find(of lead: LeadID, tenant: TenantID, in transaction: Transaction) async throws -> Erasure? {
        try await transaction.query("select \(columns) from erasures where tenant_id = \(tenant) and lead_id = \(lead)").first.map(erasure)
    }

    static func find(_ id: ErasureID, of tenant: TenantID, in database: Database) async throws -> Erasure? {
        try await database.query(as: tenant, "select \(columns) from erasures where tenant_id = \(tenant) and id = \(id)").first.map(erasure)
    }

    /// The newest first, those before `cursor`.
    static func list(of tenant: TenantID, before cursor: ErasureID?, limit: Int, in database: Database) async throws -> [Erasure] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from erasures where tenant_id = \(tenant) and (\(cursor)::uuid is null or id < \(cursor))
            order by id desc limit \(limit)
            """
        ).map(erasure)
    }

    private static let columns: SQL = """
        id, lead_id, reason, ticket, requested_by, requested_at, stopped_at, delivery_at, audit_at, campaigns_at, finished_at, attempts, failure,
        segments
        """

    private static func erasure(_ row: Row) throws -> Erasure {
        let finishedAt: Date? = try row.decodeOptional("finished_at")
        return Erasure(
            id: try row.decode("id"), lead: try row.decode("lead_id"), state: finishedAt == nil ? .running : .finished,
            reason: try row.decodeOptional("reason"), ticket: try row.decodeOptional("ticket"), requestedBy: try row.decode("requested_by"),
            requestedAt: try row.decode("requested_at"), steps: try steps(row), segments: try row.decode("segments"), finishedAt: finishedAt,
            attempts: try row.decode("attempts"), failure: try row.decodeOptional("failure"))
    }

    static func steps(_ row: Row) throws -> Erasure.Steps {
        Erasure.Steps(
            stoppedAt: try row.decode("stopped_at"), deliveryAt: try row.decodeOptional("delivery_at"), auditAt: try row.decodeOptional("audit_at"),
            campaignsAt: try row.decodeOptional("campaigns_at"))
    }
}
