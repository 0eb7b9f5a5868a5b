import Contracts
import Foundation
import HTTP
import Hummingbird
import MIME
import Mail
import NIOPosix
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
    ]
    private static let ownKeys = [
        ConfigurationKey(
            "delivery.smtp.reach", "Where mailboxes' servers may stand: public (addresses of the Internet) or anywhere (for development).",
            default: "public"),
        ConfigurationKey("delivery.lease.seconds", "How long a claim holds without a sign of life.", default: "30"),
        ConfigurationKey("delivery.worker.slots", "How many mails this replica has in hand at most.", default: "64"),
        ConfigurationKey("delivery.connections.per.mailbox", "SMTP connections of one mailbox at most.", default: "4"),
        ConfigurationKey(
            "delivery.destination.concurrency", "Mails on the wire to one destination at once, over all mailboxes of this replica.", default: "32"),
        ConfigurationKey("delivery.retention.completed.days", "How long finished jobs are kept.", default: "30"),
        ConfigurationKey("delivery.retention.failed.days", "How long failed jobs are kept.", default: "365"),
        ConfigurationKey("delivery.retention.logs.days", "How long lines about jobs are kept.", default: "90"),
        ConfigurationKey("mail.ca.file", "Certificate authorities (PEM) to trust besides the system's.", default: ""),
        SigningFeature.rotationDays, SigningFeature.overlapDays, InboxFeature.retentionDays,
        WebhooksFeature.reachKey, WebhooksFeature.certificatesKey, WebhooksFeature.slotsKey,
    ]
    static let keys =
        ownKeys + DomainsFeature.keys + FetchingFeature.keys + ReputationFeature.keys + TrackingFeature.keys
        + OAuthFeature.keys

    let dispatcher: Dispatcher
    let worker: Worker
    let jobWorker: JobWorker
    let settlement: Settlement
    let sweeper: Sweeper
    let reputation: ReputationFeature
    let warmup: WarmupFeature
    private let compliance: ComplianceFeature
    private let mailboxes: Mailboxes
    let tracking: TrackingFeature
    private let suppression: SuppressionFeature
    private let handlers: DeliveryHandlers
    private let apiDatabase: Database
    private let systemQueues: SystemQueueRoutes
    private let ambiguous: AmbiguousSends
    private let watch: SessionWatch
    let oauth: OAuthFeature
    let fetching: FetchingFeature
    let inbox: InboxFeature
    let recount: ResourceRecount
    private let platform: EventConsumer
    private let access: EventConsumer
    let signing: SigningFeature
    let domains: DomainsFeature
    let webhooks: WebhooksFeature

    init(_ house: House) async throws {
        let settings = house.settings
        let lease = try settings.integer("delivery.lease.seconds", in: 1...3_600)
        let slots = try settings.integer("delivery.worker.slots", in: 1...10_000)
        let connections = try settings.integer("delivery.connections.per.mailbox", in: 1...100)
        let wakeup = Wakeup()
        let redis = RedisClient(house.redis)
        let metrics = DeliveryMetrics()
        let connector = try Self.connector(settings["mail.ca.file"], settings["delivery.smtp.reach"], house)
        let events = SendEvents(outbox: house.outbox)
        let name = "delivery-\(house.instance)"
        apiDatabase = house.api
        let resolver = try DomainsFeature.resolver(settings)
        signing = try SigningFeature(house) { publication, domain in try await resolver.shows(publication, of: domain) }
        domains = try DomainsFeature(house, keys: DomainKeys(signing.tending.keys), resolver: resolver)
        let domainStore = DomainStore(database: house.api)
        reputation = try ReputationFeature(
            house, wakeup: wakeup, directory: DomainDirectory(domainStore), resolvers: [settings["dns.server"]].filter { !$0.isEmpty },
            lookup: { await resolver.addresses(of: $0) })
        warmup = WarmupFeature(house, wakeup: wakeup)
        let links = try UnsubscribeLinks(keyring: house.keyring, baseURL: house.publicBaseURL)
        tracking = try TrackingFeature(house) { try? await domainStore.trackingHost(of: $1, $0) }
        let composer = MessageComposer(links: links, tracker: tracking.tracker)
        let (signatures, keys) = (signing.signing, signing.keys)
        compliance = ComplianceFeature(
            house, links: links,
            domainState: { tenant, name in
                guard let domain = try await domainStore.find(named: name, of: tenant) else { return nil }
                return DomainState(domain.report, of: name, keys: try await keys.keys(of: tenant, domain: name))
            },
            compose: { delivery, sender in
                try await signatures.signed(
                    try composer.compose(delivery, from: sender), of: delivery.tenant, from: try MailAddress(sender.address).domain)
            })
        let digests = AddressDigests(keyring: house.keyring)
        let erased = ErasedOptOuts(digests: digests)
        suppression = SuppressionFeature(house, digests: digests, links: links, feedback: reputation.feedback)
        let (enqueueCounters, dispatchCounters) = (QueueCounters(instance: name, .enqueue), QueueCounters(instance: name, .dispatch))
        let outcomeCounters = QueueCounters(instance: name, .outcome)
        let gates = SendGates(database: house.worker, wakeup: wakeup)
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
        webhooks = try WebhooksFeature(house)
        watch = SessionWatch(auth: house.peer(.auth), logger: house.logger)
        let otherCounters = QueueCounters(instance: name, .other)
        ambiguous = AmbiguousSends(
            api: house.api, worker: house.worker, counters: otherCounters, events: events, outbox: house.outbox, wakeup: wakeup, clock: house.clock)
        // Whoever makes use of what comes in takes it from here, in the transaction that remembers it.
        let enqueuer = Enqueuer(
            database: house.worker, counters: enqueueCounters, fence: SuppressionFence(erased: erased), optOuts: TrackingOptOuts(digests: digests),
            events: events, clock: house.clock, wakeup: wakeup, metrics: metrics)
        inbox = try InboxFeature(
            house, links: links, suppressions: suppression.suppressions, enqueuer: enqueuer, watch: watch, wakeup: wakeup,
            feedback: reputation.feedback,
            parse: { try ParsedMail.parse($0) }, classify: { InboundClassifier.classifyAll($0, ourAddress: $1) })
        let processing = inbox.processing
        oauth = try OAuthFeature(house)
        fetching = try FetchingFeature(
            house, links: links, ambiguous: ambiguous, digests: digests, byToken: oauth.readingSignIn,
            process: { try await processing.take($0, in: $1) })
        mailboxes = Mailboxes(
            store: MailboxStore(database: house.api), database: house.api, auth: house.peer(.auth), plan: PlanPlaces(house: house),
            connector: connector, keyring: house.keyring, outbox: house.outbox, wakeup: wakeup, clock: house.clock,
            idempotency: IdempotencyKeys(database: house.api, clock: house.clock), reading: fetching.accounts)
        systemQueues = SystemQueueRoutes(
            watch: watch, monitor: QueueMonitor(database: house.worker), jobs: JobViewStore(database: house.worker),
            operations: QueueOperations(
                database: house.worker, counters: otherCounters, outbox: house.outbox, wakeup: wakeup, clock: house.clock))
        sweeper = Sweeper(database: house.worker, events: events, counters: dispatchCounters, logger: house.logger)
        dispatcher = Dispatcher(
            lease: DispatcherLease(database: house.worker, holder: "\(name)-\(UUID().uuidString.prefix(8))", length: .seconds(max(2, lease / 3))),
            claims: ClaimStore(
                database: house.worker, events: events, counters: dispatchCounters, erased: erased, perMailbox: connections * 12), sweeper: sweeper,
            gates: gates, ambiguous: ambiguous,
            cron: Cron(database: house.worker, jobs: JobStore(database: house.worker, counters: dispatchCounters)), redis: redis,
            wakeup: wakeup, clock: house.clock, metrics: metrics, logger: house.logger, depth: slots * 2, claimLease: Double(lease))
        let load = Load()
        let tools = MailboxLane.Tools(
            eventLoops: MultiThreadedEventLoopGroup.singleton, connector: connector, composer: composer, signing: signing.signing,
            marks: DataSentMarks(database: house.worker, metrics: metrics),
            outcomes: Outcomes(
                database: house.worker, redis: redis, outbox: house.outbox, counters: outcomeCounters, load: load, lease: .seconds(lease),
                metrics: metrics, wakeup: wakeup,
                clock: house.clock, logger: house.logger),
            keyring: house.keyring, tokens: oauth.tokens, connections: connections, idleTime: .seconds(20), load: load,
            destinations: DestinationSlots(limit: try settings.integer("delivery.destination.concurrency", in: 1...10_000)), metrics: metrics,
            clock: house.clock, logger: house.logger)
        worker = Worker(
            streams: WorkStreams(consumer: name, queues: WorkQueue.forMail),
            store: DeliveryStore(database: house.worker, lease: Double(lease), trackingHost: tracking.host),
            redis: house.redis, tools: tools, slots: slots, lease: .seconds(lease), logger: house.logger)
        let maintenance = Maintenance(database: house.worker, retention: try Self.retention(settings), clock: house.clock)
        jobWorker = JobWorker(
            streams: WorkStreams(consumer: name, queues: WorkQueue.others),
            store: JobStore(database: house.worker, counters: otherCounters), redis: house.redis,
            handlers: [
                maintenance.handlers, signing.jobHandlers, fetching.handlers, inbox.jobHandlers, reputation.handlers, suppression.jobHandlers,
                tracking.jobHandlers, warmup.handlers, oauth.handlers, ["benchmark.nothing": { _ in .done }],
            ].reduce(into: [:]) { $0.merge($1) { first, _ in first } }, slots: slots, lease: Double(lease), clock: house.clock, wakeup: wakeup,
            logger: house.logger)
        recount = ResourceRecount(house: house, of: .mailboxes) { start, limit, database in
            try await MailboxStore.counts(after: start, limit: limit, in: database)
        }
        settlement = Settlement(database: house.worker, billing: house.peer(.billing), logger: house.logger)
        handlers = DeliveryHandlers(
            enqueuer: enqueuer, gates: gates, mailboxes: MailboxStore(database: house.api), suppressions: suppression.suppressions,
            health: TransportHealthStore(database: house.worker), jobs: JobStore(database: house.worker, counters: enqueueCounters),
            purge: Purge(
                database: house.worker, counters: otherCounters, plan: PlanPlaces(house: house), withdrawals: oauth.withdrawals, clock: house.clock),
            eraser: RecipientEraser(
                database: house.worker, digests: digests, counters: otherCounters, outbox: house.outbox, clock: house.clock),
            withdrawal: Withdrawal(database: house.worker, counters: otherCounters, outbox: house.outbox, clock: house.clock),
            budgets: MailboxBudgets(database: house.api), reservations: ReservationReports(database: house.api), wakeup: wakeup,
            clock: house.clock)
    }

    private static func retention(_ settings: Settings) throws -> Maintenance.Retention {
        func days(_ key: String) throws -> TimeInterval {
            TimeInterval(try settings.integer("delivery.retention.\(key).days", in: 1...36_500)) * 86_400
        }
        return Maintenance.Retention(completed: try days("completed"), failed: try days("failed"), logs: try days("logs"))
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
        fetching.routes(on: router)
        suppression.routes(on: router)
        tracking.routes(on: router)
        QueueRoutes(database: apiDatabase).add(to: router)
        systemQueues.add(to: router)
        SendRoutes(ambiguous: ambiguous).add(to: router)
        signing.routes(on: router)
        domains.routes(on: router)
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
        [settlement, worker, jobWorker, dispatcher, platform, access, watch, recount] + domains.background + fetching.background
            + inbox.background + tracking.background + webhooks.background
    }

    func parts() async -> [String: PartHealth] { ["inbox": await fetching.health(), "webhooks": await webhooks.health()] }
}
