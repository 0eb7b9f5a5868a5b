import Contracts
import DNS
import Foundation
import HTTP
import Hummingbird
import Mail
import RPC
import ServiceLifecycle
import ServiceRuntime

/// Domains and their DNS, as a part of Delivery.
struct DomainsFeature {
    static let keys = [
        ConfigurationKey("dns.server", "DNS server to ask, host:port; empty is the system's.", default: ""),
        ConfigurationKey(
            "delivery.domains.required", "Whether campaigns start from authenticated domains only; false is for development.", default: "true"),
        ConfigurationKey(
            "delivery.spf.include", "SPF include of this installation's own servers, for everybody's domains; empty is none.", default: ""),
        ConfigurationKey("tracking.cname.target", "Where tracking names of customers lead; empty is the host of the public base URL.", default: ""),
    ]

    let domains: Domains
    let watch: DomainWatch
    let senders: SenderCheck
    let recount: ResourceRecount
    private let certificates: CertificateViews

    init(_ house: House, keys: DomainKeys, resolver: DNSResolver, patience: Duration = .seconds(15)) throws {
        let store = DomainStore(database: house.api)
        let rules = try Self.rules(house)
        let checks = DomainChecks(
            database: house.worker, store: store,
            checker: DomainChecker(resolver: resolver, rules: rules, patience: patience), keys: keys, outbox: house.outbox, clock: house.clock,
            spread: { Double.random(in: 0...1) })
        domains = Domains(
            store: store, database: house.api, checks: checks, auth: house.peer(.auth), plan: PlanPlaces(house: house), outbox: house.outbox,
            clock: house.clock, idempotency: IdempotencyKeys(database: house.api, clock: house.clock))
        watch = DomainWatch(store: DomainStore(database: house.worker), checks: checks, clock: house.clock, logger: house.logger)
        guard let isRequired = Bool(house.settings["delivery.domains.required"]) else {
            throw SettingsError(problems: ["delivery.domains.required must be true or false"])
        }
        certificates = CertificateViews(
            store: CertificateStore(database: house.api), authority: try CertificateSettings(house.settings).authority?.directory, clock: house.clock)
        senders = SenderCheck(store: store, isRequired: isRequired)
        recount = ResourceRecount(house: house, of: .domains) { start, limit, database in
            try await DomainStore.counts(after: start, limit: limit, in: database)
        }
    }

    func routes(on router: Router<AppContext>) {
        DomainRoutes(domains: domains, certificates: certificates).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        let senders = senders
        router.on(DeliveryRPC.CheckSendingDomains.self) { request, _ in try await senders.check(request) }
    }

    var background: [any Service] { [watch, recount] }

    /// As ``resolver(_:)`` for other parts of Delivery that ask DNS.
    static func resolver(_ settings: Settings) throws(SettingsError) -> DNSResolver {
        let text = settings["dns.server"]
        if text.isEmpty { return .live() }
        guard let server = DNSServerAddress(text) else { throw SettingsError(problems: ["dns.server must be host:port"]) }
        return .live(server: server)
    }

    /// Whether a domain's tracking CNAME is as it should be at this moment; nil when DNS does not say.
    func isTrackingProven(_ domain: String) async -> Bool? {
        let checker = domains.checks.checker
        let record = await TrackingCheck(
            dns: CheckedDNS(checker.resolver, patience: checker.patience), domain: domain, target: checker.rules.trackingTarget
        ).run()
        return record.state == .unknown ? nil : record.state == .ok
    }

    private static func rules(_ house: House) throws(SettingsError) -> DomainChecker.Rules {
        let settings = house.settings
        var problems: [String] = []
        let include = settings["delivery.spf.include"]
        if !include.isEmpty, DNSName.normalized(include) == nil { problems.append("delivery.spf.include must be a domain") }
        let target = settings["tracking.cname.target"].isEmpty ? house.publicBaseURL.host() ?? "" : settings["tracking.cname.target"]
        guard let trackingTarget = DNSName.normalized(target), problems.isEmpty else {
            throw SettingsError(problems: problems + (DNSName.normalized(target) == nil ? ["tracking.cname.target must be a host name"] : []))
        }
        return DomainChecker.Rules(
            include: DNSName.normalized(include), trackingTarget: trackingTarget,
            allowsPrivateServers: settings["delivery.smtp.reach"] == SMTPReach.anywhere.rawValue)
    }
}
