import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime
import Streams

/// All that follows Stripe's word: what takes it in, what acts on it, and what makes up for the words that were lost.
struct StripeFollower: Sendable {
    let sync: SubscriptionSync
    let cancellation: SubscriptionCancellation
    let intake: WebhookIntake
    let worker: WebhookWorker
    let dunning: DunningLoop
    let upkeep: StripeUpkeep

    init(_ house: House, stripe: StripeClient, settings: StripeSettings, connect: ConnectSync) {
        let (database, clock, outbox, logger) = (house.worker, house.clock, house.outbox, house.logger)
        let wakeup = Wakeup()
        let announcer = AccessAnnouncer(clock: clock, outbox: outbox)
        let reader = SubscriptionReader(stripe: stripe, database: database, clock: clock)
        sync = SubscriptionSync(database: database, reader: reader, announcer: announcer, clock: clock, outbox: outbox, logger: logger)
        cancellation = SubscriptionCancellation(
            stripe: stripe, sync: sync, announcer: announcer, database: database, clock: clock, outbox: outbox, logger: logger)
        intake = WebhookIntake(settings: settings, database: house.api, clock: clock, wakeup: wakeup, logger: logger)
        let handler = EventHandler(
            stripe: stripe, tenants: EventTenant(database: database, reader: reader, clock: clock), sync: sync,
            packs: PackFulfilment(announcer: announcer, outbox: outbox, clock: clock), connect: connect, database: database, outbox: outbox,
            clock: clock)
        worker = WebhookWorker(handler: handler, database: database, clock: clock, wakeup: wakeup, logger: logger)
        dunning = DunningLoop(
            stripe: stripe, sync: sync, announcer: announcer, cancellation: cancellation, database: database, clock: clock, outbox: outbox,
            logger: logger)
        upkeep = StripeUpkeep(
            stripe: stripe, reconciliation: Reconciliation(stripe: stripe, sync: sync, database: database, clock: clock, logger: logger),
            sweep: EventSweep(stripe: stripe, database: database, clock: clock, wakeup: wakeup), connect: connect,
            loops: LoopStore(database: database, clock: clock), database: database, clock: clock, logger: logger)
    }

    /// Without a key there is nothing to hear and nobody to ask; the clock goes on all the same.
    var background: [any Service] {
        worker.handler.stripe.isConfigured ? [worker, dunning, upkeep] : [dunning, upkeep]
    }
}
