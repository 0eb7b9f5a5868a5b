import Contracts
import Foundation
import RPC
import Synchronization
import TestSupport

/// The other services as a deletion sees them: they remember what they were asked, and fail or are not done as often as a test says.
final class DeletionPeers: Sendable {
    struct State {
        var calls: [String] = []
        var gates: [DeliveryRPC.SetSendGate] = []
        /// Whom the trail was asked to forget, as `tenant type id`, until it said that it is done.
        var erased: [String] = []
        var failures: [String: Int] = [:]
        var batches: [String: Int] = [:]
    }

    let state = Mutex(State())
    let places = TestPlaces()

    var calls: [String] { state.withLock { $0.calls } }
    var gates: [DeliveryRPC.SetSendGate] { state.withLock { $0.gates } }
    var erased: [String] { state.withLock { $0.erased } }

    func set(failures: [String: Int] = [:], batches: [String: Int] = [:]) {
        state.withLock {
            $0.failures = failures
            $0.batches = batches
        }
    }

    /// What was asked, without repetitions in a row.
    var order: [String] {
        calls.reduce(into: []) { if $0.last != $1 { $0.append($1) } }
    }

    private func hear(_ name: String) throws -> PurgeResult {
        try state.withLock { state in
            state.calls.append(name)
            if let left = state.failures[name], left > 0 {
                state.failures[name] = left - 1
                // Not "unavailable", which the client would ask again about by itself.
                throw RPCError(kind: "broken", message: "not today")
            }
            let left = state.batches[name] ?? 0
            state.batches[name] = left - 1
            return PurgeResult(isDone: left <= 0)
        }
    }

    var routers: [ServiceName: RPCRouter] {
        var billing = RPCRouter(service: .billing)
        billing.on(BillingRPC.ReadEntitlements.self) { _, _ in
            BillingRPC.Entitlements(
                plan: "trial", access: .full, periodStart: Date(), periodEnd: Date(), mailsPerPeriod: 1, mailsUsed: 0, mailsReserved: 0, users: 5,
                workspaces: nil, domains: nil, mailboxes: nil, leads: nil)
        }
        places.add(to: &billing)
        billing.on(BillingRPC.CancelSubscription.self) { _, _ in
            _ = try self.hear("cancel")
            return Empty()
        }
        billing.on(BillingRPC.Purge.self) { _, _ in try self.hear("billing") }
        var campaigns = RPCRouter(service: .campaigns)
        campaigns.on(CampaignsRPC.Purge.self) { _, _ in try self.hear("campaigns") }
        var audit = RPCRouter(service: .audit)
        audit.on(AuditRPC.Purge.self) { _, _ in try self.hear("audit") }
        audit.on(AuditRPC.EraseSubject.self) { request, _ in
            let answer = try self.hear("erase")
            if answer.isDone { self.state.withLock { $0.erased.append("\(request.tenant) \(request.type) \(request.id)") } }
            return answer
        }
        var delivery = RPCRouter(service: .delivery)
        delivery.on(DeliveryRPC.Purge.self) { _, _ in try self.hear("delivery") }
        delivery.on(DeliveryRPC.SetSendGate.self) { request, _ in
            _ = try self.hear("gate")
            self.state.withLock { $0.gates.append(request) }
            return Empty()
        }
        return [.billing: billing, .campaigns: campaigns, .audit: audit, .delivery: delivery]
    }
}
