import Contracts
import DNS
import Foundation
import HTTP
import Hummingbird
import Mail
import OutgoingHTTP
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// Mail straight to its recipients' servers, where the operator offers it, what they publish about TLS, and which provider takes whose mail.
struct DirectFeature: Sendable {
    static let keys = DirectSettings.keys

    /// Which provider takes a domain's mail, for every transport.
    let lookups: DestinationLookups
    /// Nil: not offered here.
    let transport: DirectTransport?
    let settings: DirectSettings?
    let writer: TLSReportWriter
    private let policies: MTASTSStore
    private let reports: TLSReportStore
    private let clock: WallClock
    private let requiresDomain: Bool

    /// `http` and `policyPort`: another way to the policies of MTA-STS, for tests.
    init(
        _ house: House, resolver: DNSResolver, http: OutgoingHTTP? = nil, policyPort: Int = 443,
        shuffle: @escaping @Sendable ([MailRoute.Host]) -> [MailRoute.Host] = { $0.shuffled() }
    ) throws {
        let configuration = house.settings
        settings = try DirectSettings(configuration)
        clock = house.clock
        lookups = DestinationLookups(database: house.worker, resolver: resolver, clock: house.clock, logger: house.logger)
        let counts = TLSReportCounts()
        reports = TLSReportStore(database: house.worker)
        policies = MTASTSStore(database: house.worker)
        writer = TLSReportWriter(counts: counts, store: reports, logger: house.logger)
        requiresDomain = configuration["delivery.domains.required"] != "false"
        guard let settings else {
            transport = nil
            return
        }
        guard let reach = SMTPReach(rawValue: configuration["delivery.smtp.reach"]) else {
            throw SettingsError(problems: ["delivery.smtp.reach must be public or anywhere"])
        }
        let certificates = configuration["mail.ca.file"]
        let policyReach: OutgoingReach = reach == .anywhere ? .anywhere : .publicAddresses
        let fetcher = MTASTSFetcher(
            http: try http ?? OutgoingHTTP(reach: policyReach, userAgent: "PenguinMails-MTA-STS/1", logger: house.logger), reach: policyReach,
            port: policyPort)
        let routes = MailRoutes(
            resolver: resolver,
            policies: MTASTSPolicies(
                store: policies, resolver: resolver, fetch: { domain throws(MTASTSFetcher.Failure) in try await fetcher.fetch(domain) },
                clock: house.clock, logger: house.logger),
            counts: counts, isResolverTrusted: settings.isResolverTrusted, port: settings.port, families: settings.families, clock: house.clock)
        transport = DirectTransport(
            settings: settings, routes: routes, trust: try SMTPRelayTrust(certificateFile: certificates.isEmpty ? nil : certificates), reach: reach,
            pool: RelayPool(perHost: settings.connections, logger: house.logger), health: HostHealth(clock: house.clock), counts: counts,
            slots: DestinationSlots(limit: settings.connections), shuffle: shuffle, clock: house.clock, logger: house.logger)
    }

    func routes(on router: Router<AppContext>, mailboxes: Mailboxes, domains: DomainStore) {
        DirectMailboxRoutes(
            direct: DirectMailboxes(mailboxes: mailboxes, domains: domains, settings: settings, requiresDomain: requiresDomain)
        ).add(to: router)
        TLSReportRoutes(store: reports, host: settings?.name ?? "localhost", clock: clock).add(to: router)
    }

    var background: [any Service] {
        guard let transport else { return [lookups] }
        return [lookups, writer, transport.pool]
    }

    var jobHandlers: [String: JobHandler] {
        let (lookups, policies, reports, clock) = (lookups, policies, reports, clock)
        return [
            "direct.retention": { _ in
                let now = clock.now
                try await lookups.forget()
                try await policies.forget(before: now.addingTimeInterval(-MTASTSPolicies.kept), now: now)
                try await reports.forget(before: TLSReportCounts.day(of: now.addingTimeInterval(-Self.reportsKept)))
                return .done
            }
        ]
    }

    /// Whoever asks about a report asks within weeks.
    private static let reportsKept: TimeInterval = 90 * 86_400
}
