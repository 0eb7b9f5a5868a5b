import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Hears from Billing what companies may do: without access nothing new is mailed, and with it the campaigns go on.
struct AccessListener: Sendable {
    let clock: WallClock

    func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        for event in events where event.header.type == BillingEvents.AccessChanged.name {
            guard let tenant = event.header.tenant, let version = event.header.aggregate?.version else {
                throw EventRejected("the event names no tenant, or no version")
            }
            let access = try event.data(as: BillingEvents.AccessChanged.self).access
            let isNew =
                try await transaction.query(
                    """
                    insert into tenant_access as a (tenant_id, access, version) values (\(tenant), \(access.rawValue), \(version))
                    on conflict (tenant_id) do update set access = excluded.access, version = excluded.version where a.version < excluded.version
                    """
                ).affected > 0
            if isNew { try await wake(tenant, in: transaction) }
        }
    }

    /// As ``hear(_:in:)``, of what Auth told: a suspended company's campaigns decide nothing, so that Delivery's queue does not fill behind its gate.
    func hearAuth(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        for event in events where event.header.type == AuthEvents.TenantSuspensionChanged.name {
            let data = try event.data(as: AuthEvents.TenantSuspensionChanged.self)
            guard let version = event.header.aggregate?.version else { throw EventRejected("the event names no version") }
            let isNew =
                try await transaction.query(
                    """
                    insert into tenant_access as a (tenant_id, is_suspended, suspension_version)
                    values (\(data.tenant), \(data.isSuspended), \(version))
                    on conflict (tenant_id) do update set is_suspended = excluded.is_suspended, suspension_version = excluded.suspension_version
                    where a.suspension_version < excluded.suspension_version
                    """
                ).affected > 0
            if isNew { try await wake(data.tenant, in: transaction) }
        }
    }

    private func wake(_ tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update campaigns c set next_at = least(c.next_at, \(clock.now)) from (
                select id from campaigns where tenant_id = \(tenant) and status = 'active' order by id for no key update) n
            where c.tenant_id = \(tenant) and c.id = n.id
            """)
    }
}
