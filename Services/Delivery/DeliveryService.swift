import Contracts
import Foundation
import HTTP
import Hummingbird
import MIME
import Mail
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Mailboxes, the queue, the send ledger and the mail itself.
struct DeliveryService: DeployableService {
    static let name = ServiceName.delivery
    static let migrations = [
        Migration(name: "m0001_mailboxes_queue_ledger", embedded: PackageResources.m0001_mailboxes_queue_ledger_sql),
        Migration(name: "m0002_queue_engine", embedded: PackageResources.m0002_queue_engine_sql),
        Migration(name: "m0003_mailbox_health", embedded: PackageResources.m0003_mailbox_health_sql),
        Migration(name: "m0004_windows_threads", embedded: PackageResources.m0004_windows_threads_sql),
        Migration(name: "m0005_erasure", embedded: PackageResources.m0005_erasure_sql),
        Migration(name: "m0006_access_gate", embedded: PackageResources.m0006_access_gate_sql),
        Migration(name: "m0007_reservation_index", embedded: PackageResources.m0007_reservation_index_sql),
        Migration(name: "m0008_mailbox_purges", embedded: PackageResources.m0008_mailbox_purges_sql),
        Migration(name: "m0009_domains", embedded: PackageResources.m0009_domains_sql),
        Migration(name: "m0010_signing_keys", embedded: PackageResources.m0010_signing_keys_sql),
        Migration(name: "m0011_imap", embedded: PackageResources.m0011_imap_sql),
        Migration(name: "m0012_inbox", embedded: PackageResources.m0012_inbox_sql),
        Migration(name: "m0013_webhooks", embedded: PackageResources.m0013_webhooks_sql),
        Migration(name: "m0014_tracking", embedded: PackageResources.m0014_tracking_sql),
        Migration(name: "m0015_suppression_scopes", embedded: PackageResources.m0015_suppression_scopes_sql),
        Migration(name: "m0016_reputation", embedded: PackageResources.m0016_reputation_sql),
        Migration(name: "m0017_oauth_mailboxes", embedded: PackageResources.m0017_oauth_mailboxes_sql),
        Migration(name: "m0018_certificates", embedded: PackageResources.m0018_certificates_sql),
        Migration(name: "m0019_direct_transport", embedded: PackageResources.m0019_direct_transport_sql),
        Migration(name: "m0020_deliverability_leftovers", embedded: PackageResources.m0020_deliverability_leftovers_sql),
    ]
    private static let ownKeys = [
        SigningFeature.rotationDays, SigningFeature.overlapDays, InboxFeature.retentionDays,
        WebhooksFeature.reachKey, WebhooksFeature.certificatesKey, WebhooksFeature.slotsKey,
    ]
    static let keys =
        SendingFeature.keys + ownKeys + DomainsFeature.keys + FetchingFeature.keys + ReputationFeature.keys + TrackingFeature.keys
        + OAuthFeature.keys + CertificatesFeature.keys + DirectFeature.keys

    static let metrics = DeliveryMetrics.descriptions + DeliveryGauges.descriptions

    let sending: SendingFeature
    let settlement: Settlement
    let reputation: ReputationFeature
    let warmup: WarmupFeature
    private let compliance: ComplianceFeature
    private let mailboxes: Mailboxes
    let tracking: TrackingFeature
    private let suppression: SuppressionFeature
    private let handlers: DeliveryHandlers
    private let queue: QueueFeature
    private let gates: GatesFeature
    let oauth: OAuthFeature
    let fetching: FetchingFeature
    let inbox: InboxFeature
    let recount: ResourceRecount
    let signing: SigningFeature
    let domains: DomainsFeature
    private let domainStore: DomainStore
    let certificates: CertificatesFeature
    let direct: DirectFeature
    let webhooks: WebhooksFeature
    let gauges: DeliveryGauges

    var dispatcher: Dispatcher { sending.dispatcher }
    var worker: Worker { sending.worker }
    var jobWorker: JobWorker { sending.jobWorker }
    var sweeper: Sweeper { sending.sweeper }

    init(_ house: House) async throws {
        let settings = house.settings
        let wakeup = Wakeup()
        gauges = DeliveryGauges(database: house.worker, logger: house.logger)
        let digests = AddressDigests(keyring: house.keyring)
        let erased = ErasedOptOuts(digests: digests)
        let links = try UnsubscribeLinks(keyring: house.keyring, baseURL: house.publicBaseURL)
        let connector = try Self.connector(settings["mail.ca.file"], settings["delivery.smtp.reach"], house)

        // What is known of domains and reputations.
        let resolver = try DomainsFeature.resolver(settings)
        signing = try SigningFeature(house) { publication, domain in try await resolver.shows(publication, of: domain) }
        domains = try DomainsFeature(house, keys: DomainKeys(signing.tending.keys), resolver: resolver)
        domainStore = DomainStore(database: house.api)
        certificates = try CertificatesFeature(house, isProven: domains.isTrackingProven)
        let direct = try DirectFeature(house, resolver: resolver)
        self.direct = direct
        reputation = try ReputationFeature(
            house, wakeup: wakeup, directory: DomainDirectory(domainStore), resolvers: [settings["dns.server"]].filter { !$0.isEmpty },
            lookup: { await resolver.addresses(of: $0) })
        warmup = WarmupFeature(house, wakeup: wakeup)

        // What a mail is made of, and who gets none.
        tracking = try TrackingFeature(house, trackingHost: certificates.trackingHost)
        let composer = MessageComposer(links: links, tracker: tracking.tracker)
        compliance = Self.compliance(house, links: links, domainStore: domainStore, certificates: certificates, signing: signing, composer: composer)
        suppression = SuppressionFeature(house, digests: digests, links: links, feedback: reputation.feedback)

        // What comes in; whoever makes use of it takes it in the transaction that remembers it.
        gates = GatesFeature(house, wakeup: wakeup)
        queue = QueueFeature(house, wakeup: wakeup, digests: digests, erased: erased, destinations: { direct.lookups.note($0) })
        webhooks = try WebhooksFeature(house)
        inbox = try InboxFeature(
            house, links: links, suppressions: suppression.suppressions, enqueuer: queue.enqueuer, watch: queue.watch, wakeup: wakeup,
            feedback: reputation.feedback,
            parse: { try ParsedMail.parse($0) }, classify: { InboundClassifier.classifyAll($0, ourAddress: $1) })
        let processing = inbox.processing
        oauth = try OAuthFeature(house)
        fetching = try FetchingFeature(
            house, links: links, ambiguous: queue.ambiguous, digests: digests, byToken: oauth.readingSignIn,
            process: { try await processing.take($0, in: $1) })
        mailboxes = Mailboxes(
            store: MailboxStore(database: house.api), database: house.api, auth: house.peer(.auth), plan: PlanPlaces(house: house),
            connector: connector, keyring: house.keyring, outbox: house.outbox, wakeup: wakeup, clock: house.clock,
            idempotency: IdempotencyKeys(database: house.api, clock: house.clock), reading: fetching.accounts)

        // What sends, and what answers other services.
        sending = try SendingFeature(
            house, wakeup: wakeup,
            .init(
                queue: queue, gates: gates.gates, erased: erased, connector: connector, composer: composer, signing: signing.signing,
                tokens: oauth.tokens, suppressions: suppression.suppressions, direct: direct, trackingHost: tracking.host,
                handlers: [
                    signing.jobHandlers, fetching.handlers, inbox.jobHandlers, reputation.handlers, suppression.jobHandlers,
                    tracking.jobHandlers, warmup.handlers, oauth.handlers, certificates.jobHandlers, direct.jobHandlers,
                ]))
        recount = ResourceRecount(house: house, of: .mailboxes) { start, limit, database in
            try await MailboxStore.counts(after: start, limit: limit, in: database)
        }
        settlement = Settlement(database: house.worker, billing: house.peer(.billing), logger: house.logger)
        handlers = DeliveryHandlers(
            house, wakeup: wakeup, queue: queue, gates: gates.gates, suppressions: suppression.suppressions, digests: digests,
            withdrawals: oauth.withdrawals)
    }

    private static func compliance(
        _ house: House, links: UnsubscribeLinks, domainStore: DomainStore, certificates: CertificatesFeature, signing: SigningFeature,
        composer: MessageComposer
    ) -> ComplianceFeature {
        let (signatures, keys) = (signing.signing, signing.keys)
        return ComplianceFeature(
            house, links: links,
            domainState: { tenant, name in
                guard let domain = try await domainStore.find(named: name, of: tenant) else { return nil }
                var state = DomainState(domain.report, of: name, keys: try await keys.keys(of: tenant, domain: name))
                if await certificates.trackingHost(of: tenant, name) == nil {
                    (state.uncertifiedTrackingDomain, state.trackingDomain) = (state.trackingDomain, nil)
                }
                return state
            },
            compose: { delivery, sender in
                try await signatures.signed(
                    try composer.compose(delivery, from: sender), of: delivery.tenant, from: try MailAddress(sender.address).domain)
            })
    }

    private static func connector(_ certificates: String, _ reach: String, _ house: House) throws -> SMTPConnector {
        let trust = try SMTPTrust(certificateFile: certificates.isEmpty ? nil : certificates)
        guard let reach = SMTPReach(rawValue: reach) else { throw SettingsError(problems: ["delivery.smtp.reach must be public or anywhere"]) }
        let logger = house.logger
        return SMTPConnector { server, credentials, group throws(SMTPError) in
            try await SMTPConnection.connect(to: server, credentials: credentials, on: group, trust: trust, reach: reach, logger: logger)
        }
    }

    func routes(on router: Router<AppContext>) {
        MailboxRoutes(mailboxes: mailboxes).add(to: router)
        oauth.routes(on: router, mailboxes: mailboxes)
        direct.routes(on: router, mailboxes: mailboxes, domains: domainStore)
        fetching.routes(on: router)
        suppression.routes(on: router)
        tracking.routes(on: router)
        queue.routes(on: router)
        signing.routes(on: router)
        domains.routes(on: router)
        certificates.routes(on: router)
        webhooks.routes(on: router)
        reputation.routes(on: router)
        warmup.routes(on: router)
        compliance.routes(on: router)
        inbox.routes(on: router)
    }

    func methods(on router: inout RPCRouter) {
        handlers.add(to: &router)
        domains.methods(on: &router)
    }

    var background: [any Service] {
        gauges.background + [settlement, recount] + sending.background + gates.background + queue.background + domains.background
            + fetching.background
            + certificates.background + direct.background + inbox.background + tracking.background + webhooks.background
    }

    func parts() async -> [String: PartHealth] { ["inbox": await fetching.health(), "webhooks": await webhooks.health()] }
}
