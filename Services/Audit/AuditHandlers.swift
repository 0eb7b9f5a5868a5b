import Contracts
import RPC

/// What other services may ask, as calls of features.
struct AuditHandlers {
    func add(to router: inout RPCRouter) {
        router.on(AuditRPC.Purge.self) { request, _ in PurgeResult(isDone: Purge().purge(request)) }
    }
}
