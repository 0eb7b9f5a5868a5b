import Contracts
import Foundation
import Postgres
import Streams

/// Tells others what became of sends: one event a tenant and commit, whatever their number.
struct SendEvents: Sendable {
    let outbox: Outbox

    struct Resolved: Sendable {
        let tenant: TenantID
        let send: DeliveryEvents.ResolvedSend
    }

    func append(_ resolved: [Resolved], at instant: Date, in transaction: Transaction) async throws {
        let byTenant = Dictionary(grouping: resolved) { $0.tenant }
        let events = try byTenant.map { tenant, sends in
            try PendingEvent(
                DeliveryEvents.SendsResolved(sends: sends.map(\.send)), at: instant, tenant: tenant, actor: .system("delivery"))
        }
        try await outbox.append(events, in: transaction)
    }
}
