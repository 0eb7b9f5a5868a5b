import Contracts
import Foundation
import HTTP
import Hummingbird
import Postgres
import RPC
import ServiceLifecycle
import ServiceRuntime
import Streams

/// The trail of who did what, and the public status.
struct AuditService: DeployableService {
    static let name = ServiceName.audit
    static let migrations = [
        Migration(name: "m0001_trail", embedded: PackageResources.m0001_trail_sql),
        Migration(name: "m0002_filters", embedded: PackageResources.m0002_filters_sql),
        Migration(name: "m0003_subject_erasure", embedded: PackageResources.m0003_subject_erasure_sql),
    ]
    static let keys = [
        ConfigurationKey("gateway.url", "The gateway, probed for the status page; empty: not probed.", default: ""),
        ConfigurationKey("mail.ca.file", "Certificate authorities (PEM) to trust besides the system's when probing.", default: ""),
        ConfigurationKey("status.interval.milliseconds", "How often everything is probed.", default: "5000"),
    ]

    private let house: House
    private let trail: Trail
    private let prober: StatusProber

    init(_ house: House) async throws {
        self.house = house
        trail = Trail(clock: house.clock)
        let interval = try house.settings.integer("status.interval.milliseconds", in: 50...600_000)
        prober = StatusProber(
            board: StatusBoard(), probes: Probe.all(for: house), interval: .milliseconds(interval), certificates: house.settings["mail.ca.file"],
            clock: house.clock, logger: house.logger)
    }

    func routes(on router: Router<AppContext>) {
        TrailRoutes(database: house.api).add(to: router)
        StatusRoutes(board: prober.board, clock: house.clock).add(to: router)
    }

    func methods(on router: inout RPCRouter) {
        AuditHandlers(eraser: SubjectEraser(database: house.worker)).add(to: &router)
    }

    var background: [any Service] {
        let consumers = Self.name.subscriptions.map { source in
            house.consumer(of: source) { [trail] events, transaction in
                try await trail.record(events, from: source, in: transaction)
            }
        }
        return consumers + [prober]
    }
}
