import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

enum TrailViewKind {}
typealias TrailViewID = EntityID<TrailViewKind>

/// A search that a company's people keep under a name.
struct TrailView: Encodable, Sendable, Equatable {
    let id: TrailViewID
    let name: String
    let q: String
    let order: TrailSearch.Order
    let createdBy: UserID
    let createdAt: Date
}

/// Keeping searches; all who read the trail see them.
struct TrailViews: Sendable {
    /// Of one company.
    static let most = 100

    /// Of the `_api` role.
    let api: Database
    /// Of the `_worker` role.
    let worker: Database
    let acts: OwnActs
    let clock: WallClock

    /// By name.
    func list(of tenant: TenantID) async throws -> [TrailView] {
        try await api.query(
            as: tenant,
            """
            select id, name, q, sort, created_by, created_at from trail_views where tenant_id = \(tenant)
            order by lower(name) limit \(Self.most)
            """
        ).map { row in
            TrailView(
                id: try row.decode("id"), name: try row.decode("name"), q: try row.decode("q"), order: try row.decode("sort"),
                createdBy: try row.decode("created_by"), createdAt: try row.decode("created_at"))
        }
    }

    /// Problems `name_taken` and `too_many_views`.
    func keep(_ name: String, _ query: SearchQuery, order: TrailSearch.Order, by identity: Identity, audit: AuditRecord) async throws -> TrailView {
        let tenant = identity.tenant
        let now = clock.now
        let view = TrailView(
            id: TrailViewID(.v7(at: now)), name: name, q: query.text, order: order, createdBy: identity.user, createdAt: now)
        var audit = audit
        audit.targets = [.init(type: "audit_view", id: view.id.description)]
        let record = audit
        do {
            try await worker.transaction { transaction in
                // One at a time for a company, so that what was counted still holds at the insert.
                try await transaction.query("select pg_advisory_xact_lock(hashtextextended('trail_views:' || \(tenant.description), 0))")
                let kept: Int = try await transaction.query("select count(*) as n from trail_views where tenant_id = \(tenant)")[0].decode("n")
                guard kept < Self.most else {
                    throw Problem.unprocessable(
                        kind: "too_many_views", title: "\(Self.most) searches are kept.", detail: "Delete one that nobody needs any more.")
                }
                try await transaction.query(
                    """
                    insert into trail_views (tenant_id, id, name, q, sort, created_by, created_at)
                    values (\(tenant), \(view.id), \(name), \(query.text), \(order), \(identity.user), \(now))
                    """)
                try await acts.record(record, of: tenant, by: identity.actor, in: transaction)
            }
        } catch let error as PostgresError where error.code == .uniqueViolation {
            throw Problem.conflict(kind: "name_taken", title: "A search of this name is kept already.", detail: "Give it another name.")
        }
        return view
    }

    /// False when there is none.
    func delete(_ view: TrailViewID, by identity: Identity, audit: AuditRecord) async throws -> Bool {
        let tenant = identity.tenant
        return try await worker.transaction { transaction in
            let gone = try await transaction.query("delete from trail_views where tenant_id = \(tenant) and id = \(view)").affected
            guard gone == 1 else { return false }
            try await acts.record(audit, of: tenant, by: identity.actor, in: transaction)
            return true
        }
    }

    /// Forgets what a company kept; `worker` is of the `_worker` role.
    static func purge(_ tenant: TenantID, in worker: Database) async throws {
        try await worker.query("delete from trail_views where tenant_id = \(tenant)")
    }
}
