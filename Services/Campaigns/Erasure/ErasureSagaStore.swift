import Contracts
import Foundation
import Postgres

/// The SQL of doing an erasure: which one is due, and what of it is acknowledged.
enum ErasureSagaStore {
    /// An erasure that this process alone looks at until its lease is over.
    struct Claim: Sendable {
        let id: ErasureID
        let tenant: TenantID
        let lead: LeadID
        let addressSealed: String
        let isOptedOut: Bool
        let stoppedAt: Date
        let step: Erasure.Step
        let attempts: Int
        /// When it was taken to come back; whoever finds another value there has lost the claim.
        let lease: Date
    }

    /// The erasure that has waited longest; nil when none is due.
    static func claim(at now: Date, lease: TimeInterval, in database: Database) async throws -> Claim? {
        let until = now.addingTimeInterval(lease)
        let rows = try await database.query(
            """
            with due as materialized (
                select tenant_id, id from erasures where finished_at is null and retry_at <= \(now)
                order by retry_at, id limit 1 for update skip locked)
            update erasures e set retry_at = \(until) from due d where e.tenant_id = d.tenant_id and e.id = d.id
            returning e.tenant_id, e.id, e.lead_id, e.address_sealed, e.is_opted_out, e.stopped_at, e.delivery_at, e.audit_at, e.campaigns_at,
                e.attempts
            """)
        return try rows.first.map { row in
            Claim(
                id: try row.decode("id"), tenant: try row.decode("tenant_id"), lead: try row.decode("lead_id"),
                addressSealed: try row.decode("address_sealed"), isOptedOut: try row.decode("is_opted_out"),
                stoppedAt: try row.decode("stopped_at"), step: try ErasureStore.steps(row).next ?? .campaigns, attempts: try row.decode("attempts"),
                lease: until)
        }
    }

    /// A peer has said that it is done.
    static func acknowledge(_ step: Erasure.Step, of claim: Claim, at now: Date, in database: Database) async throws {
        let column: SQL =
            switch step {
            case .delivery: "delivery_at"
            case .audit: "audit_at"
            case .campaigns: "campaigns_at"
            }
        try await database.query(
            """
            update erasures set \(column) = coalesce(\(column), \(now)), attempts = 0, failure = null,
                retry_at = case when retry_at = \(claim.lease) then \(now) else retry_at end
            where tenant_id = \(claim.tenant) and id = \(claim.id) and finished_at is null
            """)
    }

    /// The step has come further, and is to be asked for again.
    static func progressed(_ claim: Claim, until instant: Date, in database: Database) async throws {
        try await database.query(
            """
            update erasures set attempts = 0, failure = null, retry_at = \(instant)
            where tenant_id = \(claim.tenant) and id = \(claim.id) and finished_at is null and retry_at = \(claim.lease)
            """)
    }

    /// Keeps why the step failed.
    static func failed(_ claim: Claim, error: String, until instant: Date, in database: Database) async throws {
        try await database.query(
            """
            update erasures set attempts = attempts + 1, failure = \(error), retry_at = \(instant)
            where tenant_id = \(claim.tenant) and id = \(claim.id) and finished_at is null and retry_at = \(claim.lease)
            """)
    }

    /// Locks it; false when somebody else has finished it.
    static func isOpen(_ claim: Claim, in transaction: Transaction) async throws -> Bool {
        try await !transaction.query(
            "select id from erasures where tenant_id = \(claim.tenant) and id = \(claim.id) and finished_at is null for update"
        ).isEmpty
    }

    /// The last step is done: identifiers and times stay, and nothing else.
    static func finish(_ claim: Claim, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update erasures set campaigns_at = \(now), finished_at = \(now), address_sealed = null, is_opted_out = null, reason = null, attempts = 0,
                failure = null
            where tenant_id = \(claim.tenant) and id = \(claim.id)
            """)
    }
}
