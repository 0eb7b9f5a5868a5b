import Contracts
import HTTP
import Hummingbird
import Postgres
import Primitives
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// Leads, templates and campaigns: who gets what, and when it is handed to Delivery.
struct CampaignsService: DeployableService {
    static let name = ServiceName.campaigns
    static let migrations = [
        Migration(name: "m0001_leads_templates_campaigns", embedded: PackageResources.m0001_leads_templates_campaigns_sql),
        Migration(name: "m0002_leads_lists_segments", embedded: PackageResources.m0002_leads_lists_segments_sql),
        Migration(name: "m0003_imports", embedded: PackageResources.m0003_imports_sql),
        Migration(name: "m0004_leads_search_export", embedded: PackageResources.m0004_leads_search_export_sql),
        Migration(name: "m0005_erasures", embedded: PackageResources.m0005_erasures_sql),
        Migration(name: "m0006_segment_indexes", embedded: PackageResources.m0006_segment_indexes_sql),
        Migration(name: "m0007_templates", embedded: PackageResources.m0007_templates_sql),
        Migration(name: "m0008_sequences_schedule", embedded: PackageResources.m0008_sequences_schedule_sql),
        Migration(name: "m0009_analytics", embedded: PackageResources.m0009_analytics_sql),
        Migration(name: "m0010_opt_outs", embedded: PackageResources.m0010_opt_outs_sql),
        Migration(name: "m0011_returns", embedded: PackageResources.m0011_returns_sql),
        HouseTables.repeatedHeaders("m0012_repeated_headers"),
        Migration(name: "m0012_tallies", embedded: PackageResources.m0012_tallies_sql),
        Migration(name: "m0013_launch_trace", embedded: PackageResources.m0013_launch_trace_sql),
    ]

    static let metrics = CampaignGauges.descriptions

    let handOver: HandOverLoop
    let erasure: ErasureLoop
    let leadExports: LeadExportLoop
    let importSweeper: ImportSweeper
    let domainStops: DomainStopLoop
    private let house: House
    private let campaigns: Campaigns
    private let importer: Importer
    private let listener: DeliveryListener
    private let idempotency: IdempotencyKeys
    private let erasures: Erasures

    init(_ house: House) async throws {
        self.house = house
        let wakeup = Wakeup()
        let erasureWakeup = Wakeup()
        erasures = Erasures(house: house, wakeup: erasureWakeup)
        erasure = ErasureLoop(house: house, wakeup: erasureWakeup)
        leadExports = LeadExportLoop(
            writer: LeadExportWriter(database: house.worker, outbox: house.outbox, clock: house.clock), wakeup: Wakeup(), logger: house.logger)
        idempotency = IdempotencyKeys(database: house.api, clock: house.clock)
        importer = Importer(
            database: house.api, billing: house.peer(.billing), delivery: house.peer(.delivery), outbox: house.outbox, clock: house.clock,
            logger: house.logger)
        importSweeper = ImportSweeper(
            database: house.worker, outbox: house.outbox, wakeup: Wakeup(), clock: house.clock, logger: house.logger)
        campaigns = Campaigns(
            database: house.api, delivery: house.peer(.delivery),
            checks: LaunchChecks(
                database: house.api, auth: house.peer(.auth), billing: house.peer(.billing), delivery: house.peer(.delivery), clock: house.clock),
            workspaces: WorkspaceCheck(auth: house.peer(.auth)), outbox: house.outbox, clock: house.clock, wakeup: wakeup)
        domainStops = DomainStopLoop(database: house.worker, clock: house.clock, wakeup: Wakeup(), logger: house.logger)
        listener = DeliveryListener(outbox: house.outbox, clock: house.clock)
        handOver = HandOverLoop(house: house, wakeup: wakeup)
    }

    func routes(on router: Router<AppContext>) {
        let workspaces = WorkspaceCheck(auth: house.peer(.auth))
        ImportRoutes(
            importer: importer,
            control: ImportControl(database: house.api, outbox: house.outbox, clock: house.clock, wakeup: importSweeper.wakeup),
            workspaces: workspaces
        ).add(to: router)
        let contexts = MergeContexts(database: house.api, auth: house.peer(.auth), delivery: house.peer(.delivery))
        let access = TemplateAccess(database: house.api)
        TemplateRoutes(
            templates: Templates(database: house.api, outbox: house.outbox, clock: house.clock), contexts: contexts, access: access,
            idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
        TemplateMailRoutes(
            tests: TestMails(
                database: house.api, delivery: house.peer(.delivery), outbox: house.outbox, clock: house.clock, contexts: contexts),
            contexts: contexts, access: access, idempotency: idempotency
        ).add(to: router)
        CampaignRoutes(campaigns: campaigns, idempotency: idempotency).add(to: router)
        AnalyticsRoutes(database: house.api, clock: house.clock).add(to: router)
        EnrolmentRoutes(campaigns: campaigns).add(to: router)
        ForecastRoutes(
            finder: CampaignFinder(database: house.api),
            forecasts: Forecasts(database: house.api, delivery: house.peer(.delivery), clock: house.clock)
        ).add(to: router)
        ErasureRoutes(erasures: erasures, idempotency: idempotency).add(to: router)
        LeadRoutes(
            leads: Leads(
                database: house.api, billing: house.peer(.billing), delivery: house.peer(.delivery), outbox: house.outbox, clock: house.clock),
            bulk: LeadBulkRunner(database: house.api, delivery: house.peer(.delivery), outbox: house.outbox, clock: house.clock),
            idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
        CustomFieldRoutes(
            fields: CustomFields(database: house.api, outbox: house.outbox, clock: house.clock), idempotency: idempotency
        ).add(to: router)
        LeadExportRoutes(
            exports: LeadExports(database: house.api, outbox: house.outbox, clock: house.clock, wakeup: leadExports.wakeup),
            idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
        SegmentRoutes(
            segments: Segments(database: house.api, outbox: house.outbox, clock: house.clock), idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
        ListRoutes(
            lists: Lists(database: house.api, outbox: house.outbox, clock: house.clock), idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        CampaignsHandlers(purge: Purge(database: house.worker, clock: house.clock)).add(to: &router)
    }

    var background: [any Service] {
        [
            house.consumer(of: .delivery) { [listener, outbox = house.outbox] events, transaction in
                try await listener.hear(events, in: transaction)
                try await DomainStops.hear(events, in: transaction)
                outbox.wake()
            },
            house.consumer(of: .billing) { [access = AccessListener(clock: house.clock)] events, transaction in
                try await access.hear(events, in: transaction)
            },
            house.consumer(of: .auth) { [access = AccessListener(clock: house.clock)] events, transaction in
                try await access.hearAuth(events, in: transaction)
            },
            handOver,
            erasure,
            leadExports,
            importSweeper,
            domainStops,
            ResourceRecount(house: house, of: .leads) { start, limit, database in
                try await LeadCounter.counts(after: start, limit: limit, in: database)
            },
        ] + CampaignGauges(database: house.worker, logger: house.logger).background
    }
}
