import Contracts
import HTTP
import Hummingbird
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// The queue around the sending: its counters, taking mail in, mail of unknown fate, and what operators see and do.
struct QueueFeature: Sendable {
    let name: String
    let events: SendEvents
    let metrics = DeliveryMetrics()
    let enqueueCounters: QueueCounters
    let dispatchCounters: QueueCounters
    let outcomeCounters: QueueCounters
    let otherCounters: QueueCounters
    let enqueuer: Enqueuer
    let ambiguous: AmbiguousSends
    let watch: SessionWatch
    private let api: Database
    private let system: SystemQueueRoutes

    /// `destinations` hears of each domain that mail is for.
    init(
        _ house: House, wakeup: Wakeup, digests: AddressDigests, erased: ErasedOptOuts, destinations: @escaping @Sendable ([String]) -> Void
    ) {
        name = "delivery-\(house.instance)"
        events = SendEvents(outbox: house.outbox)
        (enqueueCounters, dispatchCounters) = (QueueCounters(instance: name, .enqueue), QueueCounters(instance: name, .dispatch))
        (outcomeCounters, otherCounters) = (QueueCounters(instance: name, .outcome), QueueCounters(instance: name, .other))
        enqueuer = Enqueuer(
            database: house.worker, counters: enqueueCounters, fence: SuppressionFence(erased: erased), optOuts: TrackingOptOuts(digests: digests),
            events: events, clock: house.clock, wakeup: wakeup, metrics: metrics,
            destinations: destinations)
        ambiguous = AmbiguousSends(
            api: house.api, worker: house.worker, counters: otherCounters, events: events, outbox: house.outbox, wakeup: wakeup, clock: house.clock)
        watch = SessionWatch(auth: house.peer(.auth), logger: house.logger)
        api = house.api
        system = SystemQueueRoutes(
            watch: watch, monitor: QueueMonitor(database: house.worker), jobs: JobViewStore(database: house.worker),
            operations: QueueOperations(
                database: house.worker, counters: otherCounters, outbox: house.outbox, wakeup: wakeup, clock: house.clock))
    }

    func routes(on router: Router<AppContext>) {
        QueueRoutes(database: api).add(to: router)
        system.add(to: router)
        SendRoutes(ambiguous: ambiguous).add(to: router)
    }

    var background: [any Service] { [watch] }
}
