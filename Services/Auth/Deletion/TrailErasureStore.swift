import Contracts
import Foundation
import Postgres

/// The SQL of what a deletion has still to have erased in the trail: rows that go when Audit has said that nothing is left.
enum TrailErasureStore {
    /// Somebody, or how they were asked to join, in one tree.
    struct Trace: Sendable, Equatable {
        let tenant: TenantID
        let type: String
        let subject: UUID
    }

    /// The trees of these people: of each company in which they ever were, and the platform's own, where what belongs to no company is kept. An
    /// invitation is named by the address it went to.
    static func insert(of people: [UserID], deletion: DeletionID, of tenant: TenantID, in transaction: Transaction) async throws {
        guard !people.isEmpty else { return }
        try await transaction.query(
            """
            insert into trail_erasures (tenant_id, deletion_tenant, deletion_id, subject_type, subject_id)
            select t.tenant_id, \(tenant), \(deletion), t.subject_type, t.subject_id from (
                select m.tenant_id, 'user' as subject_type, m.user_id as subject_id from users.tenant_users m where m.user_id = any(\(people))
                union
                select \(TenantID.zero), 'user', p.id from unnest(\(people)) as p (id)
                union
                select m.tenant_id, 'invitation', m.seat from users.tenant_users m
                where m.user_id = any(\(people)) and m.seat is not null and m.seat <> m.user_id) t
            on conflict do nothing
            """)
    }

    /// One that is still to be asked about; nil when none is.
    static func next(of claim: DeletionSagaStore.Claim, in database: Database) async throws -> Trace? {
        try await database.query(
            """
            select tenant_id, subject_type, subject_id from trail_erasures
            where deletion_tenant = \(claim.tenant) and deletion_id = \(claim.id) order by tenant_id, subject_type, subject_id limit 1
            """
        ).first.map { row in
            Trace(tenant: try row.decode("tenant_id"), type: try row.decode("subject_type"), subject: try row.decode("subject_id"))
        }
    }

    static func remove(_ trace: Trace, of claim: DeletionSagaStore.Claim, in database: Database) async throws {
        try await database.query(
            """
            delete from trail_erasures
            where deletion_tenant = \(claim.tenant) and deletion_id = \(claim.id) and tenant_id = \(trace.tenant)
              and subject_type = \(trace.type) and subject_id = \(trace.subject)
            """)
    }
}
