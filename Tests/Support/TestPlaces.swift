public import Contracts
public import RPC
import Synchronization

/// Billing's part that holds places under limits, in memory: as strict as the real one, for the tests of those who ask it.
public final class TestPlaces: Sendable {
    private struct Place: Hashable {
        let tenant: TenantID
        let resource: BillingRPC.Resource
        let key: String
    }

    private struct State {
        var places: [Place: (count: Int64, isConfirmed: Bool)] = [:]
        var recounts: [BillingRPC.RecountResource] = []
        /// The RPC error's kind with which the next reservations are refused.
        var refusal: String?
        var reservationCalls = 0
        var losesConfirmations = false
    }

    private let limits: [BillingRPC.Resource: Int64]
    private let taken: [BillingRPC.Resource: Int64]
    private let state = Mutex(State())

    /// What is not in `limits` is unlimited; `taken` is what every company has before anybody asks, such as its founder.
    public init(limits: [BillingRPC.Resource: Int64] = [:], taken: [BillingRPC.Resource: Int64] = [:]) {
        self.limits = limits
        self.taken = taken
    }

    public func refuse(with kind: String?) {
        state.withLock { $0.refusal = kind }
    }

    /// From now on confirmations have no effect and no answer, or both again.
    public func lose(confirmations: Bool) {
        state.withLock { $0.losesConfirmations = confirmations }
    }

    /// How often places were asked for.
    public var reservationCalls: Int { state.withLock { $0.reservationCalls } }

    public func confirmed(_ resource: BillingRPC.Resource, of tenant: TenantID) -> Set<String> {
        keys(resource, of: tenant, isConfirmed: true)
    }

    public func reserved(_ resource: BillingRPC.Resource, of tenant: TenantID) -> Set<String> {
        keys(resource, of: tenant, isConfirmed: false)
    }

    /// What owners said of their own counts, in the order in which they said it.
    public var recounts: [BillingRPC.RecountResource] { state.withLock { $0.recounts } }

    private func keys(_ resource: BillingRPC.Resource, of tenant: TenantID, isConfirmed: Bool) -> Set<String> {
        state.withLock { state in
            Set(state.places.filter { $0.key.tenant == tenant && $0.key.resource == resource && $0.value.isConfirmed == isConfirmed }.map(\.key.key))
        }
    }

    public func add(to router: inout RPCRouter) {
        router.on(BillingRPC.ReserveResource.self) { request, _ in try self.reserve(request) }
        router.on(BillingRPC.ConfirmResource.self) { request, _ in
            let place = Place(tenant: request.tenant, resource: request.resource, key: request.key)
            try self.state.withLock { state in
                if state.losesConfirmations { throw RPCError.unavailable("the confirmation was lost") }
                state.places[place] = (state.places[place]?.count ?? 1, true)
            }
            return Empty()
        }
        router.on(BillingRPC.ReleaseResource.self) { request, _ in
            let place = Place(tenant: request.tenant, resource: request.resource, key: request.key)
            self.state.withLock { $0.places[place] = nil }
            return Empty()
        }
        router.on(BillingRPC.RecountResource.self) { request, _ in
            self.state.withLock { $0.recounts.append(request) }
            return .init(isTaken: true)
        }
    }

    private func reserve(_ request: BillingRPC.ReserveResource) throws -> BillingRPC.ResourceCount {
        let place = Place(tenant: request.tenant, resource: request.resource, key: request.key)
        return try state.withLock { state in
            state.reservationCalls += 1
            let own = state.places.filter { $0.key.tenant == request.tenant && $0.key.resource == request.resource }
            let used = own.values.reduce(taken[request.resource] ?? 0) { $0 + $1.count }
            let limit = limits[request.resource]
            if state.places[place] == nil {
                if let refusal = state.refusal { throw RPCError(kind: refusal, message: "Not today.") }
                if let limit, used + request.count > limit {
                    throw RPCError(kind: "limit_reached", message: "\(used) of \(limit) \(request.resource.rawValue) are in use.")
                }
                state.places[place] = (request.count, false)
            }
            return BillingRPC.ResourceCount(used: used, reserved: 0, limit: limit)
        }
    }
}
