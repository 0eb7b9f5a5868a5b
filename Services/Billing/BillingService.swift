import Contracts
import HTTP
import Hummingbird
import Postgres
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Plans, what each tenant may do, and mail quota held without a race.
struct BillingService: DeployableService {
    static let name = ServiceName.billing
    static let migrations = [
        Migration(name: "m0001_plans_and_quota", embedded: PackageResources.m0001_plans_and_quota_sql),
        Migration(name: "m0002_reservation_closing", embedded: PackageResources.m0002_reservation_closing_sql),
        Migration(name: "m0003_purge", embedded: PackageResources.m0003_purge_sql),
    ]

    private let house: House
    private let subscriptions: Subscriptions
    private let quota: MailQuota

    init(_ house: House) async throws {
        self.house = house
        subscriptions = Subscriptions(clock: house.clock, outbox: house.outbox)
        quota = MailQuota(database: house.worker, clock: house.clock)
    }

    func routes(on router: Router<AppContext>) {
        BillingRoutes(database: house.api, clock: house.clock).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        BillingHandlers(quota: quota, database: house.worker, clock: house.clock).add(to: &router)
    }

    var background: [any Service] {
        [
            house.consumer(of: .auth) { [subscriptions] events, transaction in
                for event in events where event.header.type == AuthEvents.TenantCreated.name {
                    try await subscriptions.startTrial(
                        of: try event.data(as: AuthEvents.TenantCreated.self).tenant, cause: event.header, in: transaction)
                }
            }
        ]
    }
}
