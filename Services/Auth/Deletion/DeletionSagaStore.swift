import Contracts
import Foundation
import Postgres

/// The SQL of doing a deletion: which one is due, and what of it is acknowledged.
enum DeletionSagaStore {
    /// A deletion that this process alone looks at until its lease is over.
    struct Claim: Sendable {
        let id: DeletionID
        let tenant: TenantID
        /// Nil: the whole company.
        let workspace: WorkspaceID?
        let next: Deletion.Next
        /// When it was taken to come back; whoever finds another value there has lost the claim.
        let lease: Date
    }

    /// What Delivery should hear of a gate at this moment; the version says which word is the last.
    struct Gate: Sendable {
        let isOpen: Bool
        let reason: String?
        let version: Int64
    }

    /// The deletion that has waited longest, with what is to be done of it; nil when none is due.
    static func claim(at now: Date, lease: TimeInterval, in transaction: Transaction) async throws -> Claim? {
        let due = try await transaction.query(
            """
            select d.tenant_id, d.id, d.workspace_id, d.due_at, d.undone_at is not null as undone, (
                select t.suspended_at is not null from public.tenants t where t.id = d.tenant_id) as held
            from deletions d
            where d.completed_at is null and next_attempt_at <= \(now) order by next_attempt_at, id limit 1 for update skip locked
            """)
        guard let row = due.first else { return nil }
        let (id, tenant): (DeletionID, TenantID) = (try row.decode("id"), try row.decode("tenant_id"))
        let workspace: WorkspaceID? = try row.decodeOptional("workspace_id")
        let steps = try await transaction.query(
            """
            select step, acknowledged_at from deletion_steps
            where tenant_id = \(tenant) and deletion_id = \(id) and acknowledged_at is not null
            """)
        var acknowledged: [Deletion.Step: Date] = [:]
        for row in steps {
            let step: Deletion.Step = try row.decode("step")
            acknowledged[step] = try row.decode("acknowledged_at", as: Date.self)
        }
        let next = Deletion.next(
            ofTenant: workspace == nil, acknowledged: acknowledged, now: now, dueAt: try row.decode("due_at"), isUndone: try row.decode("undone"),
            isHeld: try row.decode("held"))
        let until =
            switch next {
            case .run, .nothing: now.addingTimeInterval(lease)
            case .wait(let until): until
            }
        let completedAt: Date? = next == .nothing ? now : nil
        try await transaction.query(
            """
            update deletions set next_attempt_at = \(until), completed_at = \(completedAt)
            where tenant_id = \(tenant) and id = \(id)
            """)
        return Claim(id: id, tenant: tenant, workspace: workspace, next: next, lease: until)
    }

    static func gate(of claim: Claim, in database: Database) async throws -> Gate {
        let row = try await database.query(
            """
            select t.suspension_version, t.suspended_at is not null as suspended, exists (
                select from deletions d where d.tenant_id = t.id and d.workspace_id is not distinct from \(claim.workspace)::uuid
                  and d.undone_at is null and d.completed_at is null) as leaving
            from public.tenants t where t.id = \(claim.tenant)
            """)[0]
        let isLeaving: Bool = try row.decode("leaving")
        // The platform suspends companies, not their workspaces.
        let isSuspended = try claim.workspace == nil && row.decode("suspended", as: Bool.self)
        return Gate(
            isOpen: !isLeaving && !isSuspended, reason: isLeaving ? "being deleted" : isSuspended ? "suspended by the platform" : nil,
            version: try row.decode("suspension_version"))
    }

    /// The point of no return; false when it was undone meanwhile.
    static func begin(_ claim: Claim, at now: Date, in transaction: Transaction) async throws -> Bool {
        // The company first, as everybody does.
        try await transaction.query("select id from public.tenants where id = \(claim.tenant) for update")
        return try await transaction.query(
            """
            update deletions set begun_at = coalesce(begun_at, \(now))
            where tenant_id = \(claim.tenant) and id = \(claim.id) and undone_at is null and completed_at is null
            """
        ).affected > 0
    }

    static func acknowledge(_ step: Deletion.Step, of claim: Claim, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into deletion_steps as s (tenant_id, deletion_id, step, acknowledged_at)
            values (\(claim.tenant), \(claim.id), \(step), \(now))
            on conflict (tenant_id, deletion_id, step) do update set acknowledged_at = coalesce(s.acknowledged_at, excluded.acknowledged_at),
                last_error = null
            """)
        if step.isLast(ofTenant: claim.workspace == nil) {
            try await transaction.query(
                """
                update deletions set completed_at = \(now) where tenant_id = \(claim.tenant) and id = \(claim.id) and completed_at is null
                """)
        }
        try await lookAgain(claim, at: now, in: transaction)
    }

    /// The step has come further, and is to be asked for again.
    static func progressed(_ step: Deletion.Step, of claim: Claim, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            insert into deletion_steps (tenant_id, deletion_id, step) values (\(claim.tenant), \(claim.id), \(step))
            on conflict (tenant_id, deletion_id, step) do update set attempts = 0, last_error = null
            """)
        try await lookAgain(claim, at: now, in: transaction)
    }

    /// Keeps why the step failed, and waits longer with every failure in a row.
    static func failed(_ step: Deletion.Step, of claim: Claim, error: String, at now: Date, in transaction: Transaction) async throws {
        let row = try await transaction.query(
            """
            insert into deletion_steps as s (tenant_id, deletion_id, step, attempts, last_error)
            values (\(claim.tenant), \(claim.id), \(step), 1, \(error))
            on conflict (tenant_id, deletion_id, step) do update set attempts = s.attempts + 1, last_error = excluded.last_error
            returning attempts
            """)[0]
        let pause = Deletion.pause(afterFailures: try row.decode("attempts"))
        try await lookAgain(claim, at: now.addingTimeInterval(pause), in: transaction)
    }

    /// Nothing when the claim was lost: whoever has it now says when, and an undoing is not put off.
    private static func lookAgain(_ claim: Claim, at instant: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update deletions set next_attempt_at = \(instant)
            where tenant_id = \(claim.tenant) and id = \(claim.id) and next_attempt_at = \(claim.lease)
            """)
    }
}
