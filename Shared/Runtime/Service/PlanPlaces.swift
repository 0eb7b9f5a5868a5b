public import Contracts
public import HTTP
import HTTPTypes
import Logging
import Postgres
public import RPC
import Synchronization

/// Keeps what a company makes under its plan's limit: a place is taken before the thing is made, confirmed when it is there, given back when not.
public struct PlanPlaces: Sendable {
    private let billing: RPCClient
    private let logger: Logger
    private let retries = Retries()

    public init(house: House) {
        billing = house.peer(.billing)
        logger = house.logger
    }

    /// Makes something under a place of its own. `key` names the thing, and only ever this one.
    ///
    /// Throws Billing's refusal (`limit_reached`, `access_denied`, `no_entitlement`) as an ``RPCError``, or what `make` throws.
    public func holding<Value: Sendable>(
        _ resource: BillingRPC.Resource, key: String, of tenant: TenantID, _ make: () async throws -> Value
    ) async throws -> Value {
        try await reserve(resource, key: key, of: tenant)
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

    /// The thing is there. While Billing does not answer it is told again a few times, and nobody waits for that; what goes wrong then is put right
    /// by the nightly count.
    public func confirm(_ resource: BillingRPC.Resource, key: String, of tenant: TenantID) async {
        let confirmation = BillingRPC.ConfirmResource(tenant: tenant, resource: resource, key: key)
        guard let error = await failure(of: confirmation) else { return }
        logger.warning("a place under a limit is not confirmed", metadata: ["resource": "\(resource)", "error": "\(error)"])
        guard error.isTransient, retries.begin() else { return }
        Task {
            await retry(confirmation)
            retries.end()
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

    private func retry(_ confirmation: BillingRPC.ConfirmResource) async {
        var last: RPCError?
        for pause in Self.pauses {
            try? await Task.sleep(for: pause)
            last = await failure(of: confirmation)
            guard let last, last.isTransient else { break }
        }
        guard let last else { return }
        logger.error(
            "a place under a limit stays unconfirmed until the nightly count",
            metadata: ["resource": "\(confirmation.resource)", "error": "\(last)"])
    }

    /// Longer together than Billing takes to start again.
    private static let pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(20), .seconds(60)]

    /// How many confirmations are told again at this moment; beyond the most, the nightly count has to do.
    private final class Retries: Sendable {
        private static let most = 1_000
        private let running = Mutex(0)

        /// False when there are too many.
        func begin() -> Bool {
            running.withLock { running in
                guard running < Self.most else { return false }
                running += 1
                return true
            }
        }

        func end() {
            running.withLock { $0 -= 1 }
        }
    }

    /// The thing is gone. What goes wrong here is put right by the nightly count.
    public func release(_ resource: BillingRPC.Resource, key: String, of tenant: TenantID) async {
        do throws(RPCError) {
            _ = try await billing.call(BillingRPC.ReleaseResource(tenant: tenant, resource: resource, key: key))
        } catch {
            logger.warning("a place under a limit is not given back", metadata: ["resource": "\(resource)", "error": "\(error)"])
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
