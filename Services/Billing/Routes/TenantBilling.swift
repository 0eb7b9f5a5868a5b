import Foundation
import HTTP
import Hummingbird
import Postgres
import ServiceRuntime

/// Everything that a company does with its own billing, put together once: its lists hold what was read a moment ago.
struct TenantBilling: Sendable {
    private let tenants: TenantStripe
    private let lists: StripeLists
    private let catalogue: Catalogue
    private let customers: Customers
    private let house: House
    private let publishableKey: String
    private let portalConfiguration: String

    init(_ house: House, _ settings: StripeSettings, stripe: StripeClient, sync: SubscriptionSync) {
        self.house = house
        publishableKey = settings.publishableKey
        portalConfiguration = settings.portalConfiguration
        tenants = TenantStripe(
            stripe: stripe.forBrowser, sync: sync, api: house.api, worker: house.worker, outbox: house.outbox, clock: house.clock,
            logger: house.logger, home: house.publicBaseURL.absoluteString)
        lists = StripeLists(tenants)
        catalogue = Catalogue(database: house.api)
        customers = Customers(stripe: tenants.stripe, attempts: tenants.attempts, database: house.worker, clock: house.clock)
    }

    func add(to router: Router<AppContext>) {
        let answering = StripeAnswering(tenants: tenants, idempotency: IdempotencyKeys(database: house.api, clock: house.clock))
        let examiner = ChangeExaminer(tenants: tenants, catalogue: catalogue)
        BillingRoutes(
            database: house.api, clock: house.clock, publishableKey: publishableKey, isConfigured: tenants.stripe.isConfigured
        ).add(to: router)
        InvoiceRoutes(lists: lists, answering: answering).add(to: router)
        CheckoutRoutes(
            tenants: tenants, checkouts: Checkouts(tenants: tenants, catalogue: catalogue, customers: customers),
            elements: Elements(tenants: tenants, catalogue: catalogue, customers: customers),
            portal: Portal(tenants: tenants, customers: customers, configuration: portalConfiguration), catalogue: catalogue, answering: answering
        ).add(to: router)
        ChangeRoutes(
            changes: PlanChanges(tenants: tenants, examiner: examiner, keyring: house.keyring),
            renewals: Renewals(tenants: tenants, examiner: examiner),
            retry: PaymentRetry(tenants: tenants, examiner: examiner, lists: lists), lists: lists, answering: answering
        ).add(to: router)
    }
}
