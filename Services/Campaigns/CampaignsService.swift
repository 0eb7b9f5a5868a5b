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
    ]

    let handOver: HandOverLoop
    private let house: House
    private let campaigns: Campaigns
    private let importer: Importer
    private let listener: SendsListener
    private let idempotency: IdempotencyKeys

    init(_ house: House) async throws {
        self.house = house
        let wakeup = Wakeup()
        idempotency = IdempotencyKeys(database: house.api, clock: house.clock)
        importer = Importer(database: house.api, billing: house.peer(.billing), outbox: house.outbox, clock: house.clock)
        campaigns = Campaigns(
            database: house.api, auth: house.peer(.auth), billing: house.peer(.billing), delivery: house.peer(.delivery), outbox: house.outbox,
            clock: house.clock, wakeup: wakeup)
        listener = SendsListener(outbox: house.outbox, clock: house.clock)
        handOver = HandOverLoop(
            store: HandOverStore(database: house.worker),
            enroller: Enroller(database: house.worker, outbox: house.outbox, clock: house.clock), billing: house.peer(.billing),
            delivery: house.peer(.delivery), outbox: house.outbox, wakeup: wakeup, clock: house.clock, logger: house.logger)
    }

    func routes(on router: Router<AppContext>) {
        let workspaces = WorkspaceCheck(auth: house.peer(.auth))
        ImportRoutes(importer: importer, workspaces: workspaces).add(to: router)
        TemplateRoutes(
            database: house.api, outbox: house.outbox, clock: house.clock, idempotency: idempotency, workspaces: workspaces
        ).add(to: router)
        CampaignRoutes(campaigns: campaigns, idempotency: idempotency).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        CampaignsHandlers(purge: Purge(database: house.worker, clock: house.clock)).add(to: &router)
    }

    var background: [any Service] {
        [
            house.consumer(of: .delivery) { [listener, outbox = house.outbox] events, transaction in
                try await listener.hear(events, in: transaction)
                outbox.wake()
            },
            handOver,
        ]
    }
}
