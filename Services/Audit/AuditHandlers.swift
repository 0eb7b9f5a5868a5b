import Contracts
import RPC

/// What other services may ask, as calls of features.
struct AuditHandlers {
    let eraser: SubjectEraser

    func add(to router: inout RPCRouter) {
        let eraser = eraser
        router.on(AuditRPC.EraseSubject.self) { request, _ in PurgeResult(isDone: try await eraser.erase(request)) }
        router.on(AuditRPC.Purge.self) { request, _ in PurgeResult(isDone: Purge().purge(request)) }
    }
}
