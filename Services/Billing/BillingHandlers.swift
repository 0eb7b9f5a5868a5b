import Contracts
import Postgres
import Primitives
import RPC

/// What other services may ask, as calls of features.
struct BillingHandlers {
    let quota: MailQuota
    let database: Database
    let clock: WallClock
    let limits: ResourceLimits
    let cancellation: SubscriptionCancellation

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
        let (purge, cancellation) = (Purge(database: database), cancellation)
        router.on(BillingRPC.CancelSubscription.self) { request, _ in
            do {
                try await cancellation.cancelAll(of: request.tenant)
            } catch let error as StripeError {
                throw RPCError.unavailable("The subscription has not ended: \(error)")
            }
            return Empty()
        }
        router.on(BillingRPC.Purge.self) { request, _ in PurgeResult(isDone: try await purge.purge(request)) }
        addLimits(to: &router)
    }

    private func addLimits(to router: inout RPCRouter) {
        let limits = limits
        router.on(BillingRPC.ReserveResource.self) { request, _ in
            guard (1...10_000).contains(request.count) else {
                throw RPCError(kind: "invalid_resource", message: "A reservation is for 1 to 10,000.")
            }
            let key = try Self.checked(request.resource, request.key)
            return try await answering {
                try await limits.reserve(request.count, of: request.resource, key: key, for: request.tenant)
            }
        }
        router.on(BillingRPC.ConfirmResource.self) { request, _ in
            let key = try Self.checked(request.resource, request.key)
            try await answering { try await limits.confirm(request.resource, key: key, for: request.tenant) }
            return Empty()
        }
        router.on(BillingRPC.ReleaseResource.self) { request, _ in
            try await limits.release(request.resource, key: try Self.checked(request.resource, request.key), for: request.tenant)
            return Empty()
        }
        router.on(BillingRPC.RecountResource.self) { request, _ in
            _ = try Self.checked(request.resource, "count")
            guard request.used >= 0 else { throw RPCError(kind: "invalid_resource", message: "A count is not negative.") }
            return .init(
                isTaken: try await limits.recount(
                    request.resource, used: request.used, countedAt: request.countedAt, for: request.tenant))
        }
    }

    private static func checked(_ resource: BillingRPC.Resource, _ key: String) throws(RPCError) -> String {
        guard BillingRPC.Resource.allCases.contains(resource), (1...200).contains(key.utf8.count) else {
            throw RPCError(kind: "invalid_resource", message: "A place is one of a known resource, under a key of at most 200 bytes.")
        }
        return key
    }

    /// Gives a refusal its stable kind.
    private func answering<Value>(_ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let refusal as MailQuota.Refusal {
            throw RPCError(kind: refusal.rawValue, message: refusal.message)
        } catch let refusal as ResourceLimits.Refusal {
            throw RPCError(kind: refusal.kind, message: refusal.message)
        }
    }
}
