import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// The trail of who did what, and the public status.
struct AuditService: DeployableService {
    static let name = ServiceName.audit
    static let metrics = AuditMetrics.descriptions
    /// The public status tells that the database is away, too.
    static let servesWithoutDatabase = true
    static let migrations = [
        Migration(name: "m0001_trail", embedded: PackageResources.m0001_trail_sql),
        Migration(name: "m0002_filters", embedded: PackageResources.m0002_filters_sql),
        Migration(name: "m0003_subject_erasure", embedded: PackageResources.m0003_subject_erasure_sql),
        Migration(name: "m0004_trail_core", embedded: PackageResources.m0004_trail_core_sql),
        Migration(name: "m0005_search", embedded: PackageResources.m0005_search_sql),
        Migration(name: "m0006_export_retention", embedded: PackageResources.m0006_export_retention_sql),
        Migration(name: "m0007_status", embedded: PackageResources.m0007_status_sql),
        Migration(name: "m0008_trail_guard", embedded: PackageResources.m0008_trail_guard_sql),
        Migration(name: "m0009_checkpoint_delivery", embedded: PackageResources.m0009_checkpoint_delivery_sql),
        Migration(name: "m0010_reading", embedded: PackageResources.m0010_reading_sql),
        HouseTables.repeatedHeaders("m0011_repeated_headers"),
    ]
    static let keys: [ConfigurationKey] =
        [
            ConfigurationKey(
                "trail.keys.file",
                "Keys that sign checkpoints: {\"name\":…,\"keys\":[base64]}; empty: one made from the root key for secrets at rest.",
                default: ""),
            ConfigurationKey("gateway.url", "The gateway, probed for the status page; empty: not probed.", default: ""),
            ConfigurationKey("mail.ca.file", "Certificate authorities (PEM) to trust besides the system's when probing.", default: ""),
            ConfigurationKey(
                "audit.retention.plans", "How long each plan keeps the trail: d90, y1 or y7. A plan that is not named keeps a year.",
                default: "starter=d90,professional=y1,business=y7,enterprise=y7"),
            ConfigurationKey("status.interval.milliseconds", "How often everything is probed.", default: "5000"),
        ] + CheckpointSender.keys

    /// Events that are numbered, hashed and signed for in one transaction.
    private static let batch = 500

    private let house: House
    private let trail: Trail
    private let exports: TrailExportLoop
    private let checkpoints: CheckpointDeliveryLoop
    private let plans: PlanWatch
    /// Whether the sessions of open event streams still live.
    private let watch: SessionWatch
    private let recentReads = RecentReads()
    private let prober: StatusProber
    private let keeper: StatusKeeper

    init(_ house: House) async throws {
        self.house = house
        trail = Trail(clock: house.clock, signer: try CheckpointSigner(house: house), logger: house.logger)
        checkpoints = CheckpointDeliveryLoop(
            database: house.worker, sender: try CheckpointSender(house: house, verifierKeys: trail.signer.verifierKeys),
            acts: OwnActs(trail: trail, clock: house.clock), wakeup: Wakeup(), clock: house.clock, logger: house.logger)
        exports = TrailExportLoop(
            writer: TrailExportWriter(api: house.api, database: house.worker, signer: trail.signer, clock: house.clock), wakeup: Wakeup(),
            logger: house.logger)
        plans = PlanWatch(
            database: house.worker, billing: house.peer(.billing), plans: try RetentionPlans(house.settings["audit.retention.plans"]),
            clock: house.clock, logger: house.logger)
        watch = SessionWatch(auth: house.peer(.auth), logger: house.logger)
        let interval = try house.settings.integer("status.interval.milliseconds", in: 50...600_000)
        let board = StatusBoard()
        keeper = StatusKeeper(
            board: board, database: house.worker, holder: house.instance, interval: .milliseconds(interval), clock: house.clock,
            logger: house.logger)
        prober = StatusProber(
            board: board, probes: Probe.all(for: house), interval: .milliseconds(interval), certificates: house.settings["mail.ca.file"],
            clock: house.clock, logger: house.logger)
    }

    func routes(on router: Router<AppContext>) {
        let idempotency = IdempotencyKeys(database: house.api, clock: house.clock)
        let acts = OwnActs(trail: trail, clock: house.clock)
        addTrail(to: router, acts: acts, idempotency: idempotency)
        ExportRoutes(
            exports: TrailExports(
                api: house.api, worker: house.worker, acts: acts, signer: trail.signer, clock: house.clock, wakeup: exports.wakeup,
                publicBaseURL: house.publicBaseURL), idempotency: idempotency
        ).add(to: router)
        RetentionRoutes(
            holds: LegalHolds(api: house.api, worker: house.worker, acts: acts, clock: house.clock), idempotency: idempotency
        ).add(to: router)
        CheckpointDeliveryRoutes(
            deliveries: CheckpointDeliveries(
                api: house.api, worker: house.worker, acts: acts, sender: checkpoints.sender, clock: house.clock, wakeup: checkpoints.wakeup)
        ).add(to: router)
        StatusRoutes(board: prober.board, clock: house.clock, address: house.publicBaseURL.absoluteString).add(to: router)
        StatusAdminRoutes(
            administration: StatusAdministration(api: house.api, worker: house.worker, clock: house.clock) { [trail] event, transaction in
                try await trail.record([try ReceivedEvent(body: Array(event.body.utf8))], from: .audit, in: transaction)
            }, idempotency: IdempotencyKeys(database: house.api, clock: house.clock)
        ).add(to: router)
    }

    /// Reading, searching and proving the trail.
    private func addTrail(to router: Router<AppContext>, acts: OwnActs, idempotency: IdempotencyKeys) {
        let searcher = TrailSearcher(database: house.api, seal: CursorSeal(keyring: house.keyring), clock: house.clock)
        let reads = ReadLog(database: house.worker, acts: acts, clock: house.clock, recent: recentReads)
        TrailRoutes(
            searcher: searcher, views: TrailViews(api: house.api, worker: house.worker, acts: acts, clock: house.clock),
            tail: TrailTail(database: house.api, watch: watch, clock: house.clock), reads: reads, idempotency: idempotency
        ).add(to: router)
        ProofRoutes(proofs: TrailProofs(database: house.api, clock: house.clock), keys: trail.signer.verifierKeys, reads: reads).add(to: router)
        PlatformTrailRoutes(searcher: searcher, users: UserTrails(database: house.worker), reads: reads).add(to: router)
        QuarantineRoutes(
            quarantine: Quarantine(api: house.api, worker: house.worker, trail: trail, acts: acts), reads: reads
        ).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        AuditHandlers(eraser: SubjectEraser(database: house.worker), purge: Purge(database: house.worker)).add(to: &router)
    }

    var watching: [any Service] {
        let certificate = GatewayCertificate(house.settings["gateway.url"]).map { $0.sampling(house.logger) }
        return [prober, StatusLooks(keeper: keeper)] + [certificate].compactMap(\.self)
    }

    var background: [any Service] {
        let consumers = Self.name.subscriptions.map { source in
            house.consumer(of: source, batch: Self.batch) { [trail] events, transaction in
                try await trail.record(events, from: source, in: transaction)
                if source == .billing { try await PlanWatch.hear(events, in: transaction) }
            }
        }
        let keepers: [any Service] = [
            PartitionKeeper(database: house.worker, clock: house.clock, logger: house.logger),
            TrailBackfill(database: house.worker, trail: trail, logger: house.logger),
        ]
        let sweeper = RetentionSweeper(database: house.worker, signer: trail.signer, clock: house.clock, logger: house.logger)
        return keepers + consumers + [watch, keeper, exports, plans, sweeper, checkpoints]
    }
}
