import Contracts
import RPC

/// What other services may ask, as calls of features.
struct AuditHandlers {
    let eraser: SubjectEraser
    let purge: Purge

    func add(to router: inout RPCRouter) {
        let (eraser, purge) = (eraser, purge)
        router.on(AuditRPC.EraseSubject.self) { request, _ in PurgeResult(isDone: try await eraser.erase(request)) }
        router.on(AuditRPC.Purge.self) { request, _ in PurgeResult(isDone: try await purge.purge(request)) }
    }
}
