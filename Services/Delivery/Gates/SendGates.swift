import Contracts
import Postgres
import Primitives
import RPC

/// Holds and opens what may go out; answered after the commit, so nothing that was not claimed before goes out afterwards.
struct SendGates: Sendable {
    /// Those that others may set by a call; `access` follows from Billing's events alone.
    private static let scopes: Set<String> = ["tenant", "workspace", "campaign", "enrolment", "mailbox"]

    let database: Database
    let wakeup: Wakeup

    /// A version that is not higher than the known one changes nothing.
    func set(_ request: DeliveryRPC.SetSendGate) async throws {
        guard Self.scopes.contains(request.scope) else {
            throw RPCError(kind: "invalid_scope", message: "A gate's scope is tenant, workspace, campaign, enrolment or mailbox.")
        }
        try await database.query(Self.statement(request))
        if request.isOpen { wakeup.signal() }
    }

    /// The gate of a company that the platform has suspended, or lets on again; in the transaction that takes the event in.
    func set(_ event: AuthEvents.TenantSuspensionChanged, version: Int64, in transaction: Transaction) async throws {
        let request = DeliveryRPC.SetSendGate(
            tenant: event.tenant, scope: "tenant", id: event.tenant.description, isOpen: !event.isSuspended,
            reason: event.isSuspended ? "suspended by the platform" : nil, version: version)
        try await transaction.query(Self.statement(request))
    }

    /// The gate that Billing's word on a company opens and closes, beside the platform's: mail goes out with full access and in the days of grace,
    /// and waits otherwise; in the transaction that takes the event in.
    func set(_ event: BillingEvents.AccessChanged, of tenant: TenantID, version: Int64, in transaction: Transaction) async throws {
        let isOpen = event.access == .full || event.access == .grace
        let request = DeliveryRPC.SetSendGate(
            tenant: tenant, scope: "access", id: tenant.description, isOpen: isOpen,
            reason: isOpen ? nil : "the company's access is \(event.access)", version: version)
        try await transaction.query(Self.statement(request))
    }

    private static func statement(_ request: DeliveryRPC.SetSendGate) -> SQL {
        """
        insert into send_gates as g (tenant_id, scope, id, is_open, reason, version, is_released)
        values (\(request.tenant), \(request.scope), \(request.id.lowercased()), \(request.isOpen), \(request.reason), \(request.version),
                \(!request.isOpen))
        on conflict (tenant_id, scope, id) do update set is_open = excluded.is_open, reason = excluded.reason, version = excluded.version,
            is_released = excluded.is_released
        where g.version < excluded.version
        """
    }

    /// Lets out what an opened gate had set aside, a batch at a time; what another gate still holds is set aside again when its turn comes.
    /// True when there may be more.
    func release() async throws -> Bool {
        try await database.transaction { transaction in
            let opened = try await transaction.query(
                """
                select tenant_id, scope, id from send_gates where is_open and not is_released
                order by tenant_id, scope, id limit 1 for update skip locked
                """)
            guard let gate = opened.first else { return false }
            let tenant: TenantID = try gate.decode("tenant_id")
            let scope: String = try gate.decode("scope")
            let id: String = try gate.decode("id")
            let released = try await transaction.query(
                """
                with picked as materialized (
                    select j.id from jobs j where j.tenant_id = \(tenant) and j.state = 'gated' and \(id) = case \(scope)
                        when 'tenant' then j.tenant_id::text when 'access' then j.tenant_id::text when 'workspace' then j.workspace_id::text
                        when 'campaign' then j.campaign_id::text when 'enrolment' then j.enrolment_id::text else j.lane_id::text end
                    order by j.id limit \(Self.batch) for update skip locked)
                update jobs j set state = 'queued' from picked p where j.id = p.id returning j.queue, j.lane_id, j.run_at
                """)
            if released.count < Self.batch {
                try await transaction.query(
                    "update send_gates set is_released = true where tenant_id = \(tenant) and scope = \(scope) and id = \(id)")
            }
            guard !released.isEmpty else { return true }
            try await transaction.query(
                LaneStore.wake(
                    try released.map { row in
                        (try row.decode("queue"), Lane(tenant: tenant, id: try row.decode("lane_id")), try row.decode("run_at"))
                    }))
            return true
        }
    }

    private static let batch = 2_000
}
