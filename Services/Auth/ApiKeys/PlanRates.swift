import Contracts
import Foundation
import Logging
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime

/// How many requests a minute each company's plan allows its keys together, as Billing said within the last minute.
///
/// Nobody who asks waits for Billing: a company is judged by what was last known of it, at first by nothing.
actor PlanRates: Service {
    private struct Known {
        var limit: Int64?
        var askedAt: Date
    }

    /// How old an answer may be before it is asked for again.
    static let lifetime: TimeInterval = 60
    /// Companies that are remembered at once.
    private static let capacity = 10_000

    private let billing: RPCClient
    private let clock: WallClock
    private let logger: Logger
    private var known: [TenantID: Known] = [:]
    private let questions: AsyncStream<TenantID>
    private let asking: AsyncStream<TenantID>.Continuation

    init(house: House) {
        billing = house.peer(.billing)
        clock = house.clock
        logger = house.logger
        (questions, asking) = AsyncStream.makeStream(of: TenantID.self, bufferingPolicy: .bufferingOldest(Self.capacity))
    }

    /// Nil: without limit, or nothing is known yet.
    func limit(of tenant: TenantID) -> Int64? {
        let now = clock.now
        if let entry = known[tenant], now.timeIntervalSince(entry.askedAt) < Self.lifetime { return entry.limit }
        if known.count >= Self.capacity, known[tenant] == nil { makeRoom() }
        let last = known[tenant]?.limit
        known[tenant] = Known(limit: last, askedAt: now)
        asking.yield(tenant)
        return last
    }

    /// Forgets those that were asked for longest ago, many at once, so that it is seldom done.
    private func makeRoom() {
        let oldest = known.sorted { $0.value.askedAt < $1.value.askedAt }.prefix(Self.capacity / 10)
        for entry in oldest { known[entry.key] = nil }
    }

    /// Asks Billing, one company after the other.
    nonisolated func run() async throws {
        await cancelWhenGracefulShutdown {
            for await tenant in self.questions { await self.refresh(tenant) }
        }
    }

    /// What was known stays when nobody answers: a limit is no reason to stand still.
    private func refresh(_ tenant: TenantID) async {
        do throws(RPCError) {
            let limit = try await billing.call(BillingRPC.ReadEntitlements(tenant: tenant)).apiCallsPerMinute
            known[tenant]?.limit = limit
        } catch {
            logger.debug("a plan's rate is not known", metadata: ["error": "\(error)"])
        }
    }
}
