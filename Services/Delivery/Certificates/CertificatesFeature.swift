import Contracts
import DNS
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// HTTPS of tracking hosts: certificates by ACME, ordered once the CNAME is proven, renewed, and written where the gateway reads them.
struct CertificatesFeature: Sendable {
    static let keys = CertificateSettings.keys

    let settings: CertificateSettings
    /// Nil: nobody certifies tracking hosts.
    let watch: CertificateWatch?
    /// Nil: nobody reads them here.
    let folder: CertificateFolder?
    private let store: CertificateStore
    private let challenges: ChallengeRoutes
    private let database: Database
    private let clock: WallClock

    /// `isProven` asks DNS; `order`: nil is lego's.
    init(
        _ house: House, isProven: @escaping CertificateWatch.Proof, order: CertificateWatch.Order? = nil,
        spread: @escaping @Sendable () -> Double = { Double.random(in: 0...1) }
    ) throws {
        settings = try CertificateSettings(house.settings)
        clock = house.clock
        database = house.worker
        store = CertificateStore(database: house.api)
        challenges = ChallengeRoutes(
            store: CertificateStore(database: house.worker), directory: settings.authority?.directory, clock: house.clock)
        folder = settings.folder.map {
            CertificateFolder(folder: $0, database: house.worker, keyring: house.keyring, clock: house.clock, logger: house.logger)
        }
        guard let authority = settings.authority else {
            watch = nil
            return
        }
        let lego = Lego(authority: authority, clock: house.clock, logger: house.logger)
        watch = CertificateWatch(
            orders: CertificateOrders(
                database: house.worker, keyring: house.keyring, directory: authority.directory, ordersPerHour: settings.ordersPerHour),
            accounts: CertificateAccounts(database: house.worker, keyring: house.keyring), isProven: isProven,
            order: order ?? { try await lego.order($0, as: $1) }, outbox: house.outbox, clock: house.clock, spread: spread,
            logger: house.logger, prepare: { await lego.tidy() })
    }

    /// For ``TrackingFeature``: the tracking host of a company's domain, while its certificate is valid and everywhere.
    func trackingHost(of tenant: TenantID, _ domain: String) async -> String? {
        guard let authority = settings.authority else { return nil }
        return try? await store.trackingHost(of: domain, tenant, authority: authority.directory, at: clock.now)
    }

    func routes(on router: Router<AppContext>) {
        challenges.add(to: router)
    }

    var background: [any Service] {
        [watch.map { $0 as any Service }, folder.map { $0 as any Service }].compactMap(\.self)
    }

    var jobHandlers: [String: JobHandler] {
        let (database, clock) = (database, clock)
        return [
            "certificates.tidy": { _ in
                try await CertificateOrders.tidy(before: clock.now.addingTimeInterval(-8 * 86_400), now: clock.now, in: database)
                return .done
            }
        ]
    }
}

/// The certificates of a company's domains, for whoever looks at them.
struct CertificateViews: Sendable {
    let store: CertificateStore
    /// The directory of the authority that issues; nil when none does.
    let authority: String?
    let clock: WallClock

    /// Each domain with its tracking host's certificate.
    func add(to domains: [SendingDomain], of tenant: TenantID) async throws -> [SendingDomain] {
        let found = try await store.certificates(of: domains.map(\.id), tenant)
        let now = clock.now
        return domains.map { domain in
            var domain = domain
            let certificate = found[domain.id] ?? .unknown(of: domain.id, named: domain.name)
            domain.certificate = certificate.view(at: now, authority: authority)
            return domain
        }
    }
}
