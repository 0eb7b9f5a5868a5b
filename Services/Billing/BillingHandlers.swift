import Contracts
import Postgres
import Primitives
import RPC

/// What other services may ask, as calls of features.
struct BillingHandlers {
    let quota: MailQuota
    let database: Database
    let clock: WallClock

    func add(to router: inout RPCRouter) {
        let (quota, database, clock) = (quota, database, clock)
        router.on(BillingRPC.ReserveMail.self) { request, _ in
            guard (1...500).contains(request.count), (1...200).contains(request.key.utf8.count) else {
                throw RPCError(kind: "invalid_batch", message: "A reservation is for 1 to 500 mails under a key of at most 200 bytes.")
            }
            return try await answering { try await quota.reserve(request.count, key: request.key, for: request.tenant) }
        }
        router.on(BillingRPC.ConfirmMail.self) { request, _ in
            try await answering { try await quota.settle(request.reservation, of: request.tenant, used: request.used, released: 0) }
        }
        router.on(BillingRPC.ReleaseMail.self) { request, _ in
            try await answering { try await quota.settle(request.reservation, of: request.tenant, used: 0, released: request.released) }
        }
        router.on(BillingRPC.ReadEntitlements.self) { request, _ in
            guard let standing = try await SubscriptionStore.standing(of: request.tenant, now: clock.now, in: database) else {
                throw RPCError(kind: MailQuota.Refusal.noEntitlement.rawValue, message: "The tenant has no subscription yet.")
            }
            return standing.entitlements(now: clock.now)
        }
        let purge = Purge(database: database)
        router.on(BillingRPC.CancelSubscription.self) { request, _ in
            try await purge.cancelSubscription(of: request.tenant)
            return Empty()
        }
        router.on(BillingRPC.Purge.self) { request, _ in PurgeResult(isDone: try await purge.purge(request)) }
    }

    /// Gives a refusal its stable kind.
    private func answering<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let refusal as MailQuota.Refusal {
            throw RPCError(kind: refusal.rawValue, message: refusal.message)
        }
    }
}
