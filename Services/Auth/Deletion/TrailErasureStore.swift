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

    /// Of a company that goes: all who ever were its members, also those who work on elsewhere, and all whom it ever asked to join; an invitation is
    /// named by the address it went to. Once its rows are gone, nothing here says any more who stands in its tree.
    static func insert(of tenant: TenantID, deletion: DeletionID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into trail_erasures (tenant_id, deletion_tenant, deletion_id, subject_type, subject_id)
            select t.tenant_id, t.tenant_id, \(deletion), t.subject_type, t.subject_id from (
                select m.tenant_id, 'user' as subject_type, m.user_id as subject_id from users.tenant_users m where m.tenant_id = \(tenant)
                union
                select i.tenant_id, 'invitation', i.id from trail_invitations i where i.tenant_id = \(tenant)) t
            on conflict do nothing
            """)
    }

    /// The trees of people whose accounts go: of each company in which they ever were or that asked them to join, and the platform's own, where what
    /// belongs to no company is kept. Whoever made the account after they were asked is found by the address, which counts only when it is proven:
    /// otherwise anybody could have somebody else's forgotten.
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
                select i.tenant_id, 'invitation', i.id from trail_invitations i where i.user_id = any(\(people))
                union
                select i.tenant_id, 'invitation', i.id from invitations i
                join users.users u on u.email = i.address and u.email_verified is not null where u.id = any(\(people))) t
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
