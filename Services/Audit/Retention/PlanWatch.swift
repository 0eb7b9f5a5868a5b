import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import Streams

/// Asks Billing which plan each company has, an hour after it was last asked or as soon as Billing says that something changed.
///
/// The answer stands in `trail_plans`, so that neither intake nor search ever waits for Billing.
struct PlanWatch: Service {
    private static let batch = 100
    private static let patience: TimeInterval = 3_600

    let database: Database
    let billing: RPCClient
    let plans: RetentionPlans
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var outage = Outage(what: "plans for retention", logger: logger)
            while !Task.isCancelled {
                do {
                    let asked = try await step()
                    outage.ended()
                    if asked < Self.batch { try? await Task.sleep(for: .seconds(5)) }
                } catch {
                    if Task.isCancelled { return }
                    try? await Task.sleep(for: outage.pause(after: error))
                }
            }
        }
    }

    /// Asks about those that nobody knows lately; how many there were.
    @discardableResult
    func step() async throws -> Int {
        let due = try await database.query(
            """
            select h.tenant_id from trail_heads h left join trail_plans p on p.tenant_id = h.tenant_id
            where h.tenant_id <> \(Trail.platform) and (p.tenant_id is null or p.asked_at < \(clock.now.addingTimeInterval(-Self.patience)))
            order by p.asked_at nulls first limit \(Self.batch)
            """
        ).map { try $0.decode("tenant_id", as: TenantID.self) }
        var failure: (any Error)?
        for tenant in due {
            // One that Billing cannot answer for now must not keep the others waiting.
            do { try await ask(tenant) } catch { failure = error }
            if Task.isCancelled { break }
        }
        if let failure { throw failure }
        return due.count
    }

    private func ask(_ tenant: TenantID) async throws {
        let plan: String?
        do throws(RPCError) {
            plan = try await billing.call(BillingRPC.ReadEntitlements(tenant: tenant)).plan
        } catch {
            if error.isTransient { throw error }
            if error.kind != "no_entitlement" {
                logger.warning("a plan is not known", metadata: ["tenant": "\(tenant)", "error": "\(error)"])
            }
            plan = nil
        }
        // A company that Billing cannot say anything about keeps the plan that it had.
        let kept = plans.retention(of: plan)
        try await database.query(
            """
            insert into trail_plans as p (tenant_id, plan, class, asked_at) values (\(tenant), \(plan), \(kept), \(clock.now))
            on conflict (tenant_id) do update set asked_at = excluded.asked_at, plan = coalesce(excluded.plan, p.plan),
                class = case when excluded.plan is null then p.class else excluded.class end
            """)
    }

    /// Hears that something about a company's subscription changed: it is asked about next.
    static func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        let changed = [BillingEvents.SubscriptionChanged.name, BillingEvents.TrialStarted.name, BillingEvents.AccessChanged.name]
        let tenants = Set(events.filter { changed.contains($0.header.type) }.compactMap(\.header.tenant))
        guard !tenants.isEmpty else { return }
        try await transaction.query("update trail_plans set asked_at = '-infinity' where tenant_id = any(\(Array(tenants)))")
    }
}
