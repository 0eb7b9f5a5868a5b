import Contracts
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Whether anything of a company may go out: what Auth and Billing say of it, heard and kept.
struct GatesFeature: Sendable {
    let gates: SendGates
    private let platform: EventConsumer
    private let access: EventConsumer

    init(_ house: House, wakeup: Wakeup) {
        let gates = SendGates(database: house.worker, wakeup: wakeup)
        self.gates = gates
        platform = house.consumer(of: .auth) { events, transaction in
            for event in events where event.header.type == AuthEvents.TenantSuspensionChanged.name {
                let data = try event.data(as: AuthEvents.TenantSuspensionChanged.self)
                try await gates.set(data, version: event.header.aggregate?.version ?? 0, in: transaction)
            }
        }
        access = house.consumer(of: .billing) { events, transaction in
            for event in events where event.header.type == BillingEvents.AccessChanged.name {
                guard let tenant = event.header.tenant, let version = event.header.aggregate?.version else {
                    throw EventRejected("the event names no tenant, or no version")
                }
                try await gates.set(try event.data(as: BillingEvents.AccessChanged.self), of: tenant, version: version, in: transaction)
            }
        }
    }

    var background: [any Service] { [platform, access] }
}
