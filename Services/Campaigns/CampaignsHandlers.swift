import Contracts
import RPC

/// What other services may ask, as calls of features.
struct CampaignsHandlers {
    let purge: Purge

    func add(to router: inout RPCRouter) {
        let purge = purge
        router.on(CampaignsRPC.Purge.self) { request, _ in PurgeResult(isDone: try await purge.purge(request)) }
    }
}
