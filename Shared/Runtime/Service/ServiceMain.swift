import AsyncHTTPClient
import Configuration
import Contracts
import Foundation
import HTTP
import Hummingbird
import Logging
import Metrics
import NIOCore
import Postgres
import Primitives
import ServiceLifecycle
import Streams
import UnixSignals

/// Runs a service from its settings to its end; the one place that ends the process.
public enum ServiceMain {
    /// Reads the settings, migrates, starts everything and serves until SIGTERM or SIGINT. A service that serves without its database listens at
    /// once, and migrates when that is there.
    ///
    /// `--help` lists every setting, `--routes` every public route, `--metrics` every metric, `--ready` asks the one that runs here. Exits 1 with one
    /// line a problem when it cannot start.
    public static func run<Deployable: DeployableService>(_ type: Deployable.Type) async {
        // hiredis writes with write(2): without this a broken Redis line would end the process.
        signal(SIGPIPE, SIG_IGN)
        let arguments = CommandLine.arguments.dropFirst()
        do {
            if arguments.contains("--help") {
                print(help(type))
            } else if arguments.contains("--routes") {
                print(try await RouteListing.lines(of: type).joined(separator: "\n"))
            } else if arguments.contains("--metrics") {
                print(MetricCatalogue.lines(of: type).joined(separator: "\n"))
            } else if arguments.contains("--ready") {
                let port = try await SettingsSource.reader().string(forKey: "internal.port") ?? ""
                if let refusal = await ReadinessProbe.refusal(port: port) { fail(type, refusal) }
            } else {
                try await serve(type)
            }
        } catch let error as SettingsError {
            fail(type, "\(error)\nRun with --help to see every setting.")
        } catch {
            fail(type, "\(error)")
        }
    }

    private static func serve<Deployable: DeployableService>(_ type: Deployable.Type) async throws {
        try TimeZones.check()
        let reader = try await SettingsSource.reader()
        let settings = try Settings(reader, keys: HouseKeys.all + type.keys)
        let logger = try bootstrapLogging(type.name, settings)
        let metrics = MetricsRegistry(MetricCatalogue.of(type))
        MetricsSystem.bootstrap(metrics)
        // Also a start that fails shuts the client down: dropped as it is, it would end the process before it says why.
        try await HTTPClient.withHTTPClient { httpClient in
            try await serve(type, settings, httpClient: httpClient, metrics: metrics, logger: logger)
        }
        logger.info("stopped")
    }

    private static func serve<Deployable: DeployableService>(
        _ type: Deployable.Type, _ settings: Settings, httpClient: HTTPClient, metrics: MetricsRegistry, logger: Logger
    ) async throws {
        let (tracer, export) = try tracing(type.name, settings, httpClient, logger)
        let house = try await House.build(type.name, settings, httpClient: httpClient, tracer: tracer, logger: logger)
        let schema = try schema(of: type, settings, logger)
        if !type.servesWithoutDatabase { try await schema.migrate() }
        let service = try await type.init(house)
        let relay = OutboxRelay(
            service: type.name, postgres: house.workerPostgres, redis: house.redis, outbox: house.outbox, clock: house.clock, logger: logger)
        let listeners: [any Service] = [
            Application(
                router: house.internalRouter(service, metrics: metrics, schema: schema),
                configuration: try address("internal", settings), logger: logger),
            Application(
                router: house.publicRouter(service), configuration: try address("public", settings), logger: logger),
        ]
        let housekeeping: [any Service] = [
            relay, Housekeeping(database: house.worker, clock: house.clock, logger: logger), gauges(house),
        ]
        let work = housekeeping + service.background
        let stored: [any Service] = type.servesWithoutDatabase ? [DatabaseWork(schema: schema, services: work, logger: logger)] : work
        var group = ServiceGroupConfiguration(
            services: export + stored + service.watching + listeners,
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(20)
        logger.info("starting", metadata: ["public_port": "\(settings["public.port"])", "internal_port": "\(settings["internal.port"])"])
        try await ServiceGroup(configuration: group).run()
    }

    /// Traces go on in any case; what they consist of is kept only where somebody takes it. Who exports ends last.
    private static func tracing(
        _ service: ServiceName, _ settings: Settings, _ httpClient: HTTPClient, _ logger: Logger
    ) throws -> (Tracer, [any Service]) {
        let traces = try TraceSettings(settings, service: service, instance: settings["service.instance"])
        guard let endpoint = traces.endpoint else { return (.silent, []) }
        let wakeup = Wakeup()
        let buffer = SpanBuffer(wakeup: wakeup)
        let export = TraceExport(
            endpoint: endpoint, headers: traces.headers, resource: traces.resource, buffer: buffer, wakeup: wakeup, httpClient: httpClient,
            logger: logger)
        return (Tracer(clock: .system, share: traces.share) { buffer.keep($0) }, [export])
    }

    private static func gauges(_ house: House) -> GaugeSampling {
        let keys = [("token", "token.private.key.file"), ("public_keys", "token.public.keys.file"), ("encryption", "encryption.keys.file")]
        let gauges = HouseGauges(
            service: house.service, instance: house.instance, database: house.worker, redis: RedisClient(house.redis),
            keyFiles: keys.map { (key: $0.0, path: house.settings[$0.1]) })
        return GaugeSampling("house", every: .seconds(15), logger: house.logger) { try await gauges.sample() }
    }

    private static func schema<Deployable: DeployableService>(
        of type: Deployable.Type, _ settings: Settings, _ logger: Logger
    ) throws -> Schema {
        let owner = try House.postgres(type.name, "owner", settings)
        return Schema(Migrator(owner, migrations: [HouseTables.migration(for: type.name)] + type.migrations), logger: logger)
    }

    private static func address(_ listener: String, _ settings: Settings) throws -> ApplicationConfiguration {
        .init(
            address: .hostname(settings["\(listener).host"], port: try settings.integer("\(listener).port", in: 1...65_535)),
            serverName: nil)
    }

    private static func bootstrapLogging(_ service: ServiceName, _ settings: Settings) throws -> Logger {
        guard let level = Logger.Level(rawValue: settings["log.level"]) else {
            throw SettingsError(problems: ["log.level must be trace, debug, info, notice, warning, error or critical"])
        }
        LoggingSystem.bootstrap { label in JSONLogHandler(service: service.rawValue, label: label, level: level) }
        return Logger(label: service.rawValue)
    }

    private static func help<Deployable: DeployableService>(_ type: Deployable.Type) -> String {
        let rows = (HouseKeys.all + type.keys).map { key in
            "  \(key.environmentName)\n      \(key.summary) " + (key.fallback.map { $0.isEmpty ? "Optional." : "Default: \($0)." } ?? "Required.")
        }
        return "The \(type.name.rawValue) service of PenguinMails. Settings, from the environment, as --name-of-key value, or as files "
            + "(name-of-key) in the folder that \(SettingsSource.folderVariable) names:\n"
            + rows.joined(separator: "\n")
            + "\nOther options: --routes lists the public routes, --metrics what is counted, --ready says by its status whether the service that runs"
            + " here is ready.\n"
    }

    private static func fail<Deployable: DeployableService>(_ type: Deployable.Type, _ message: String) -> Never {
        FileHandle.standardError.write(Data("\(type.name.rawValue): \(message)\n".utf8))
        exit(1)
    }
}
