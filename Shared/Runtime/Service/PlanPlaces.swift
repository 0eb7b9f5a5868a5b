public import Contracts
public import HTTP
import HTTPTypes
import Logging
import Postgres
public import RPC
import Synchronization

/// Keeps what a company makes under its plan's limit: a place is taken before the thing is made, confirmed when it is there, given back when not.
public struct PlanPlaces: Sendable {
    /// Longer together than Billing takes to start again.
    private static let usualPauses: [Duration] = [.seconds(1), .seconds(5), .seconds(20), .seconds(60)]

    private let billing: RPCClient
    private let logger: Logger
    /// Before each time that a confirmation is told again.
    private let pauses: [Duration]
    private let retries = Retries()

    public init(house: House) {
        self.init(billing: house.peer(.billing), logger: house.logger, pauses: Self.usualPauses)
    }

    init(billing: RPCClient, logger: Logger, pauses: [Duration]) {
        self.billing = billing
        self.logger = logger
        self.pauses = pauses
    }

    /// Makes something under a place of its own. `key` names the thing, and only ever this one.
    ///
    /// Throws Billing's refusal (`limit_reached`, `access_denied`, `no_entitlement`) as an ``RPCError``, or what `make` throws.
    public func holding<Value: Sendable>(
        _ resource: BillingRPC.Resource, key: String, of tenant: TenantID, _ make: () async throws -> Value
    ) async throws -> Value {
        try await reserve(resource, key: key, of: tenant)
        return try await making(resource, key: key, of: tenant, make)
    }

    /// As ``holding(_:key:of:_:)``, under a place that was taken before; throws what `make` throws.
    public func making<Value: Sendable>(
        _ resource: BillingRPC.Resource, key: String, of tenant: TenantID, _ make: () async throws -> Value
    ) async throws -> Value {
        let made: Value
        do {
            made = try await make()
        } catch {
            // Nobody knows whether a commit that broke off came to be: the reservation ends by itself, the nightly count knows.
            if (error as? PostgresError)?.code != .connectionLost { await release(resource, key: key, of: tenant) }
            throw error
        }
        await confirm(resource, key: key, of: tenant)
        return made
    }

    /// Takes a place; the same key has it already. A company that has just been founded is waited for a moment, until Billing has heard of it.
    public func reserve(_ resource: BillingRPC.Resource, key: String, of tenant: TenantID) async throws {
        var pauses: [Duration] = [.milliseconds(100), .milliseconds(200), .milliseconds(400), .milliseconds(800), .milliseconds(1_500)]
        while true {
            do throws(RPCError) {
                _ = try await billing.call(BillingRPC.ReserveResource(tenant: tenant, resource: resource, key: key))
                return
            } catch {
                guard error.kind == "no_entitlement", !pauses.isEmpty else { throw error }
            }
            try await Task.sleep(for: pauses.removeFirst())
        }
    }

    /// The thing is there. While Billing does not answer it is told again a few times, unless the place is given back meanwhile, and nobody waits for
    /// that; what goes wrong then is put right by the nightly count.
    public func confirm(_ resource: BillingRPC.Resource, key: String, of tenant: TenantID) async {
        let confirmation = BillingRPC.ConfirmResource(tenant: tenant, resource: resource, key: key)
        guard let error = await failure(of: confirmation) else { return }
        logger.warning("a place under a limit is not confirmed", metadata: ["resource": "\(resource)", "error": "\(error)"])
        let place = Place(tenant: tenant, resource: resource, key: key)
        guard error.isTransient, let number = retries.begin(place) else { return }
        Task {
            await retry(confirmation, of: place, number)
            retries.end(place, number)
        }
    }

    private func failure(of confirmation: BillingRPC.ConfirmResource) async -> RPCError? {
        do throws(RPCError) {
            _ = try await billing.call(confirmation)
            return nil
        } catch {
            return error
        }
    }

    private func retry(_ confirmation: BillingRPC.ConfirmResource, of place: Place, _ number: Int) async {
        var last: RPCError?
        for pause in pauses {
            try? await Task.sleep(for: pause)
            guard retries.number(of: place) == number else { return }
            last = await failure(of: confirmation)
            let current = retries.number(of: place)
            // Given back while it was being told: Billing may have heard of that first.
            if current == nil { await giveBack(place) }
            guard current == number else { return }
            guard let last, last.isTransient else { break }
        }
        guard let last else { return }
        logger.error(
            "a place under a limit stays unconfirmed until the nightly count",
            metadata: ["resource": "\(confirmation.resource)", "error": "\(last)"])
    }

    private struct Place: Hashable, Sendable {
        let tenant: TenantID
        let resource: BillingRPC.Resource
        let key: String
    }

    /// The confirmations that are told again at this moment, each under a number of its own; beyond the most, the nightly count has to do.
    private final class Retries: Sendable {
        private struct State {
            var running = 0
            var last = 0
            var numbers: [Place: Int] = [:]
        }

        private static let most = 1_000
        private let state = Mutex(State())

        /// Nil when there are too many, or this one is told again already.
        func begin(_ place: Place) -> Int? {
            state.withLock { state in
                guard state.running < Self.most, state.numbers[place] == nil else { return nil }
                state.running += 1
                state.last += 1
                state.numbers[place] = state.last
                return state.last
            }
        }

        /// Nil for a place that was given back.
        func number(of place: Place) -> Int? {
            state.withLock { $0.numbers[place] }
        }

        func end(_ place: Place, _ number: Int) {
            state.withLock { state in
                state.running -= 1
                if state.numbers[place] == number { state.numbers[place] = nil }
            }
        }

        func remove(_ place: Place) {
            state.withLock { $0.numbers[place] = nil }
        }
    }

    /// The thing is gone, and nobody is told any more that it is there. What goes wrong here is put right by the nightly count.
    public func release(_ resource: BillingRPC.Resource, key: String, of tenant: TenantID) async {
        let place = Place(tenant: tenant, resource: resource, key: key)
        retries.remove(place)
        await giveBack(place)
    }

    private func giveBack(_ place: Place) async {
        do throws(RPCError) {
            _ = try await billing.call(BillingRPC.ReleaseResource(tenant: place.tenant, resource: place.resource, key: place.key))
        } catch {
            logger.warning("a place under a limit is not given back", metadata: ["resource": "\(place.resource)", "error": "\(error)"])
        }
    }
}

extension Problem {
    /// What Billing's refusal to give a place means to our caller; nil for any other error.
    public init?(limit error: RPCError) {
        switch error.kind {
        case "limit_reached":
            self = .unprocessable(kind: "limit_reached", title: "The plan's limit is reached.", detail: error.message)
        case "access_denied":
            self = Problem(.forbidden, kind: "access_denied", title: "The subscription does not allow this now.", detail: error.message)
        // Billing has not heard of the company yet.
        case "no_entitlement": self = .unavailable()
        default: return nil
        }
    }
}
