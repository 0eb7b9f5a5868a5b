import Contracts
import Foundation
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
    static let metrics = StripeMetrics.descriptions
    static let migrations = [
        Migration(name: "m0001_plans_and_quota", embedded: PackageResources.m0001_plans_and_quota_sql),
        Migration(name: "m0002_reservation_closing", embedded: PackageResources.m0002_reservation_closing_sql),
        Migration(name: "m0003_purge", embedded: PackageResources.m0003_purge_sql),
        Migration(name: "m0004_stripe", embedded: PackageResources.m0004_stripe_sql),
        HouseTables.repeatedHeaders("m0005_repeated_headers"),
    ]
    static let keys = StripeSettings.keys

    private let house: House
    let stripeSettings: StripeSettings
    let stripe: StripeClient
    private let subscriptions: Subscriptions
    private let quota: MailQuota
    private let limits: ResourceLimits
    let connectSync: ConnectSync
    private let connectRefresher: ConnectRefresher
    let follower: StripeFollower
    var sync: SubscriptionSync { follower.sync }
    private let tenantBilling: TenantBilling

    init(_ house: House) async throws {
        self.house = house
        stripeSettings = try StripeSettings(house.settings)
        stripe = StripeClient(stripeSettings, database: house.worker, clock: house.clock, logger: house.logger)
        subscriptions = Subscriptions(clock: house.clock, outbox: house.outbox)
        quota = MailQuota(database: house.worker, clock: house.clock)
        limits = ResourceLimits(database: house.worker, clock: house.clock, outbox: house.outbox)
        connectSync = ConnectSync(stripe: stripe, database: house.worker, clock: house.clock, outbox: house.outbox)
        connectRefresher = ConnectRefresher(sync: connectSync, clock: house.clock, logger: house.logger)
        follower = StripeFollower(house, stripe: stripe, settings: stripeSettings, connect: connectSync)
        tenantBilling = TenantBilling(house, stripeSettings, stripe: stripe, sync: follower.sync)
    }

    func routes(on router: Router<AppContext>) {
        tenantBilling.add(to: router)
        StripeWebhookRoutes(intake: follower.intake).add(to: router)
        connectRoutes.add(to: router)
        FinanceRoutes(finance: finance, idempotency: IdempotencyKeys(database: house.api, clock: house.clock)).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        BillingHandlers(
            quota: quota, database: house.worker, clock: house.clock, limits: limits, cancellation: follower.cancellation
        ).add(to: &router)
    }

    var background: [any Service] {
        let own: [any Service] = [
            house.consumer(of: .auth) { [subscriptions, limits] events, transaction in
                for event in events where event.header.type == AuthEvents.TenantCreated.name {
                    let tenant = try event.data(as: AuthEvents.TenantCreated.self).tenant
                    try await subscriptions.startTrial(of: tenant, cause: event.header, in: transaction)
                    try await limits.countFounder(event.header.actor, of: tenant, in: transaction)
                }
            },
            ReservationExpiry(limits: limits, logger: house.logger),
            ReservationReconciler(database: house.worker, delivery: house.peer(.delivery), clock: house.clock, logger: house.logger),
            connectRefresher,
        ]
        return own + follower.background
    }
}

// MARK: - Connected accounts, and the operator's people

extension BillingService {
    private var connectRoutes: ConnectRoutes {
        ConnectRoutes(
            accounts: ConnectAccounts(
                stripe: stripe, refresher: connectRefresher, attempts: StripeAttempts(database: house.worker, clock: house.clock), api: house.api,
                worker: house.worker, outbox: house.outbox, clock: house.clock, home: house.publicBaseURL.absoluteString),
            payments: ConnectPayments(stripe: stripe, settings: stripeSettings, worker: house.worker, outbox: house.outbox, clock: house.clock),
            idempotency: IdempotencyKeys(database: house.api, clock: house.clock))
    }

    private var finance: Finance {
        Finance(
            api: house.api, worker: house.worker, stripe: stripe, sync: sync, announcer: AccessAnnouncer(clock: house.clock, outbox: house.outbox),
            outbox: house.outbox, clock: house.clock)
    }
}
