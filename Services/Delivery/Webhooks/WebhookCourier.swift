import Contracts
import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import Streams
import Synchronization

/// Delivers what waits, at least once each, over as many connections as there are slots; any number of replicas may do so side by side.
///
/// A loop of its own rather than jobs of `queue:webhook:process`: there the slots are shared with every other kind of job, and a lane is worked
/// off one by one, so that servers of strangers that take their time would hold both. Here a slow one holds its own few requests and no thread.
struct WebhookCourier: Service {
    /// Between two looks when nobody calls.
    private static let pause = Duration.milliseconds(500)

    let queue: WebhookQueue
    let sender: WebhookSender
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup
    let logger: Logger
    /// Requests under way at most, in this replica.
    let slots: Int
    /// From -1 to 1.
    let spread: @Sendable () -> Double
    private let load = WebhookLoad()

    init(
        queue: WebhookQueue, sender: WebhookSender, outbox: Outbox, clock: WallClock, wakeup: Wakeup, logger: Logger, slots: Int,
        spread: @escaping @Sendable () -> Double
    ) {
        self.queue = queue
        self.sender = sender
        self.outbox = outbox
        self.clock = clock
        self.wakeup = wakeup
        self.logger = logger
        self.slots = slots
        self.spread = spread
    }

    /// At the end nothing new is taken, and what is under way has its time; what outlives that too is delivered again after its lease.
    func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                var outage = Outage(what: "taking webhooks", logger: logger)
                while !load.isEnding, !Task.isCancelled {
                    do {
                        let orders = try await take()
                        outage.ended()
                        for order in orders {
                            group.addTask {
                                await deliver(order)
                                load.leave()
                                wakeup.signal()
                            }
                        }
                        if orders.isEmpty { await wakeup.wait(atMost: Self.pause) }
                    } catch {
                        if Task.isCancelled || load.isEnding { return }
                        try? await Task.sleep(for: outage.pause(after: error))
                    }
                }
            }
        } onGracefulShutdown: {
            load.end()
            wakeup.signal()
        }
    }

    /// What this process works on next, entered into its load.
    private func take() async throws -> [WebhookOrder] {
        let room = slots - load.count
        guard room > 0 else { return [] }
        let orders = try await claim(room: room)
        load.enter(orders.count)
        return orders
    }

    func claim(room: Int) async throws -> [WebhookOrder] {
        let now = clock.now
        try await queue.wakeLost(now: now)
        return try await queue.claim(room: room, now: now)
    }

    func deliver(_ order: WebhookOrder) async {
        do {
            let attempt = try await sender.send(
                order.body, of: order.message, to: order.endpoint, of: order.tenant, url: order.url, secrets: order.secrets)
            let next = try await queue.finish(order, attempt, spread: spread(), now: clock.now) { stop, transaction in
                try await tell(stop, of: order, in: transaction)
            }
            outbox.wake()
            Counter(label: "webhook_attempts_total", dimensions: [("outcome", Self.outcome(next))]).increment()
        } catch is WebhookSender.Interrupted {
            return
        } catch {
            // The lease ends, and the message is sent again.
            logger.warning("a webhook's attempt was not written", metadata: ["endpoint": "\(order.endpoint)", "error": "\(error)"])
        }
    }

    private func tell(_ stop: WebhookStop, of order: WebhookOrder, in transaction: Transaction) async throws {
        let change = stop.state == .disabled ? "disable" : "pause"
        logger.notice("a webhook was stopped", metadata: ["endpoint": "\(order.endpoint)", "reason": "\(stop.reason)"])
        let event = try PendingEvent(
            DeliveryEvents.WebhookChanged(webhook: order.endpoint, change: change), at: clock.now, tenant: order.tenant,
            workspace: stop.workspace, actor: .system("delivery"),
            audit: AuditRecord(
                action: "webhook.\(change)", outcome: .failure, targets: [Webhooks.target(order.endpoint, host: stop.host)],
                metadata: ["reason": stop.reason]))
        try await outbox.append([event], in: transaction)
    }

    private static func outcome(_ next: WebhookSchedule.Next?) -> String {
        switch next {
        case .delivered: "delivered"
        case .retry: "retried"
        case .failed: "failed"
        case nil: "lost"
        }
    }
}

/// How many requests are under way, and whether there are to be more.
private final class WebhookLoad: Sendable {
    private let running = Atomic<Int>(0)
    private let ending = Atomic<Bool>(false)

    var count: Int { running.load(ordering: .sequentiallyConsistent) }
    var isEnding: Bool { ending.load(ordering: .sequentiallyConsistent) }

    func enter(_ number: Int) { running.add(number, ordering: .sequentiallyConsistent) }
    func leave() { running.subtract(1, ordering: .sequentiallyConsistent) }
    func end() { ending.store(true, ordering: .sequentiallyConsistent) }
}
