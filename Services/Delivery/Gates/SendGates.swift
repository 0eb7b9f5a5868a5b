import Contracts
import Postgres
import Primitives
import RPC

/// Holds and opens what may go out; answered after the commit, so nothing that was not claimed before goes out afterwards.
struct SendGates: Sendable {
    private static let scopes: Set<String> = ["tenant", "workspace", "campaign", "enrolment", "mailbox"]

    let database: Database
    let wakeup: Wakeup

    /// A version that is not higher than the known one changes nothing.
    func set(_ request: DeliveryRPC.SetSendGate) async throws {
        guard Self.scopes.contains(request.scope) else {
            throw RPCError(kind: "invalid_scope", message: "A gate's scope is tenant, workspace, campaign, enrolment or mailbox.")
        }
        try await database.query(
            """
            insert into send_gates as g (tenant_id, scope, id, is_open, reason, version)
            values (\(request.tenant), \(request.scope), \(request.id.lowercased()), \(request.isOpen), \(request.reason), \(request.version))
            on conflict (tenant_id, scope, id) do update set is_open = excluded.is_open, reason = excluded.reason, version = excluded.version
            where g.version < excluded.version
            """)
        if request.isOpen { wakeup.signal() }
    }
}
