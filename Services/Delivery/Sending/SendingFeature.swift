import Contracts
import Foundation
import HTTP
import NIOPosix
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// The engine: what admits jobs, what sends mail, and what carries out the other jobs.
struct SendingFeature: Sendable {
    static let keys = [
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
    ]

    /// What the engine takes from the other areas.
    struct Parts {
        let queue: QueueFeature
        let gates: SendGates
        let erased: ErasedOptOuts
        let connector: SMTPConnector
        let composer: MessageComposer
        let signing: MailSigning
        let tokens: AccessTokens
        let suppressions: Suppressions
        let direct: DirectFeature
        let trackingHost: TrackingHost
        /// Of the other areas; of two for one kind the first.
        let handlers: [[String: JobHandler]]
    }

    let dispatcher: Dispatcher
    let worker: Worker
    let jobWorker: JobWorker
    let sweeper: Sweeper

    init(_ house: House, wakeup: Wakeup, _ parts: Parts) throws {
        let settings = house.settings
        let lease = try settings.integer("delivery.lease.seconds", in: 1...3_600)
        let slots = try settings.integer("delivery.worker.slots", in: 1...10_000)
        let connections = try settings.integer("delivery.connections.per.mailbox", in: 1...100)
        let redis = RedisClient(house.redis)
        let queue = parts.queue
        sweeper = Sweeper(database: house.worker, events: queue.events, counters: queue.dispatchCounters, logger: house.logger)
        dispatcher = Dispatcher(
            lease: DispatcherLease(
                database: house.worker, holder: "\(queue.name)-\(UUID().uuidString.prefix(8))", length: .seconds(max(2, lease / 3))),
            claims: ClaimStore(
                database: house.worker, events: queue.events, counters: queue.dispatchCounters, erased: parts.erased,
                perMailbox: connections * 12), sweeper: sweeper,
            gates: parts.gates, ambiguous: queue.ambiguous,
            cron: Cron(database: house.worker, jobs: JobStore(database: house.worker, counters: queue.dispatchCounters)), redis: redis,
            wakeup: wakeup, clock: house.clock, metrics: queue.metrics, logger: house.logger, depth: slots * 2, claimLease: Double(lease))
        let tools = try Self.tools(house, wakeup: wakeup, redis: redis, lease: lease, connections: connections, parts)
        worker = Worker(
            streams: WorkStreams(consumer: queue.name, queues: WorkQueue.forMail),
            store: DeliveryStore(
                database: house.worker, lease: Double(lease), trackingHost: parts.trackingHost,
                unknownDestinations: { [lookups = parts.direct.lookups] in lookups.note($0) }),
            redis: house.redis, tools: tools, slots: slots, lease: .seconds(lease), logger: house.logger)
        let maintenance = Maintenance(database: house.worker, retention: try Self.retention(settings), clock: house.clock)
        let handlers = [maintenance.handlers] + parts.handlers + [["benchmark.nothing": { _ in .done }]]
        jobWorker = JobWorker(
            streams: WorkStreams(consumer: queue.name, queues: WorkQueue.others),
            store: JobStore(database: house.worker, counters: queue.otherCounters), redis: house.redis,
            handlers: handlers.reduce(into: [:]) { $0.merge($1) { first, _ in first } }, slots: slots, lease: Double(lease), clock: house.clock,
            wakeup: wakeup, logger: house.logger, tracer: house.tracer)
    }

    private static func tools(
        _ house: House, wakeup: Wakeup, redis: RedisClient, lease: Int, connections: Int, _ parts: Parts
    ) throws -> MailboxLane.Tools {
        let load = Load()
        let metrics = parts.queue.metrics
        return MailboxLane.Tools(
            eventLoops: MultiThreadedEventLoopGroup.singleton, connector: parts.connector, composer: parts.composer, signing: parts.signing,
            marks: DataSentMarks(database: house.worker, metrics: metrics),
            outcomes: Outcomes(
                database: house.worker, redis: redis, outbox: house.outbox, counters: parts.queue.outcomeCounters,
                suppressions: parts.suppressions, load: load, lease: .seconds(lease), metrics: metrics, wakeup: wakeup, clock: house.clock,
                logger: house.logger),
            keyring: house.keyring, tokens: parts.tokens, connections: connections, idleTime: .seconds(20), load: load,
            destinations: DestinationSlots(limit: try house.settings.integer("delivery.destination.concurrency", in: 1...10_000)),
            direct: parts.direct.transport, metrics: metrics, clock: house.clock, logger: house.logger, tracer: house.tracer)
    }

    private static func retention(_ settings: Settings) throws -> Maintenance.Retention {
        func days(_ key: String) throws -> TimeInterval {
            TimeInterval(try settings.integer("delivery.retention.\(key).days", in: 1...36_500)) * 86_400
        }
        return Maintenance.Retention(completed: try days("completed"), failed: try days("failed"), logs: try days("logs"))
    }

    var background: [any Service] { [worker, jobWorker, dispatcher] }
}
