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
            guard isNew else { continue }
            try await transaction.query(
                """
                update campaigns c set next_at = least(c.next_at, \(clock.now)) from (
                    select id from campaigns where tenant_id = \(tenant) and status = 'active' order by id for no key update) n
                where c.tenant_id = \(tenant) and c.id = n.id
                """)
        }
    }
}
