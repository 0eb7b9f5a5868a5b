import Contracts
import Foundation
import Postgres

/// The SQL of deletions as people see them. Whoever changes one locks the company first.
enum DeletionStore {
    /// Locks the company and makes what is said of its gates from now on the last word; its name, nil when there is no such company.
    static func raiseGateVersion(of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> String? {
        try await transaction.query(
            """
            update public.tenants set suspension_version = suspension_version + 1, updated = \(now)
            where id = \(tenant) and deleted is null returning name
            """
        ).first?.decode("name")
    }

    static func name(of workspace: WorkspaceID, of tenant: TenantID, in transaction: Transaction) async throws -> String? {
        try await transaction.query(
            "select name from workspaces where tenant_id = \(tenant) and id = \(workspace) and closed_at is null"
        ).first?.decode("name")
    }

    static func insert(
        _ id: DeletionID, of tenant: TenantID, workspace: WorkspaceID?, name: String, by user: UserID, at now: Date, dueAt: Date,
        in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into deletions (tenant_id, id, workspace_id, name, requested_by, requested_at, due_at, next_attempt_at)
            values (\(tenant), \(id), \(workspace), \(name), \(user), \(now), \(dueAt), \(now))
            """)
    }

    /// False when it has begun, was undone before, or is done: until it begins it can be undone, also after the 30 days.
    static func undo(_ id: DeletionID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            update deletions set undone_at = \(now), next_attempt_at = \(now)
            where tenant_id = \(tenant) and id = \(id) and begun_at is null and undone_at is null and completed_at is null
            """
        ).affected > 0
    }

    static func find(_ id: DeletionID, of tenant: TenantID, in transaction: Transaction) async throws -> Deletion? {
        try await transaction.query("select \(columns) from deletions d where d.tenant_id = \(tenant) and d.id = \(id)").first.map(deletion)
    }

    /// The one that is on its way for this target.
    static func open(_ workspace: WorkspaceID?, of tenant: TenantID, in transaction: Transaction) async throws -> Deletion? {
        try await transaction.query(
            """
            select \(columns) from deletions d
            where d.tenant_id = \(tenant) and d.workspace_id is not distinct from \(workspace)::uuid
              and d.undone_at is null and d.completed_at is null
            """
        ).first.map(deletion)
    }

    /// Whether the company is on its way out: then its mail is held, whatever else is said of it.
    static func isLeaving(_ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await open(nil, of: tenant, in: transaction) != nil
    }

    /// The newest first, before `start`: the company's, and of its workspaces those that the caller may use (nil is all).
    static func list(
        of tenant: TenantID, workspaces: [WorkspaceID]?, before start: DeletionID?, limit: Int, in database: Database
    ) async throws -> [Deletion] {
        try await database.query(
            as: tenant,
            """
            select \(columns) from deletions d
            where d.tenant_id = \(tenant) and (\(start)::uuid is null or d.id < \(start))
              and (d.workspace_id is null or \(workspaces)::uuid[] is null or d.workspace_id = any(\(workspaces)::uuid[]))
            order by d.id desc limit \(limit)
            """
        ).map(deletion)
    }

    private static let columns: SQL = """
        d.id, d.workspace_id, d.name, d.requested_by, d.requested_at, d.due_at, d.begun_at, d.undone_at, d.completed_at,
        array(select s.step from deletion_steps s where s.tenant_id = d.tenant_id and s.deletion_id = d.id and s.acknowledged_at is not null
            order by s.acknowledged_at, s.step) as steps
        """

    private static func deletion(_ row: Row) throws -> Deletion {
        let begunAt: Date? = try row.decodeOptional("begun_at")
        let undoneAt: Date? = try row.decodeOptional("undone_at")
        let completedAt: Date? = try row.decodeOptional("completed_at")
        return Deletion(
            id: try row.decode("id"), workspace: try row.decodeOptional("workspace_id"), name: try row.decode("name"),
            requestedBy: try row.decode("requested_by"), requestedAt: try row.decode("requested_at"), dueAt: try row.decode("due_at"),
            state: undoneAt != nil ? .undone : completedAt != nil ? .completed : begunAt != nil ? .running : .pending, undoneAt: undoneAt,
            completedAt: completedAt, steps: try row.decode("steps"))
    }
}
