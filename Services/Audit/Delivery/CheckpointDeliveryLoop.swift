import Contracts
import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Hands every company's newest checkpoint to whom it named, once a day, and the platform's to the log.
struct CheckpointDeliveryLoop: Service {
    /// Longer than any try takes; who crashed in one is followed by somebody else after it.
    private static let lease: TimeInterval = 300
    private static let atOnce = 8

    /// Of the `_worker` role.
    let database: Database
    let sender: CheckpointSender
    let acts: OwnActs
    let wakeup: Wakeup
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork("deliveries of checkpoints", logger: logger, rest: { await wakeup.wait(atMost: .seconds(30)) }, step: step)
    }

    /// Does what is due, a few at a time; false when nothing was.
    func step() async throws -> Bool {
        let orders = try await CheckpointDeliveryStore.claim(at: clock.now, lease: Self.lease, limit: Self.atOnce, in: database)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for order in orders {
                group.addTask { try await deliver(order) }
            }
            try await group.waitForAll()
        }
        return !orders.isEmpty
    }

    private func deliver(_ order: CheckpointOrder) async throws {
        let checkpoint = try await database.transaction({ try await TrailCheckpoint.read(of: order.tenant, in: $0) })
        guard let checkpoint,
            CheckpointSchedule.isDue(size: checkpoint.size, deliveredSize: order.deliveredSize, deliveredAt: order.deliveredAt, at: clock.now)
        else {
            try await CheckpointDeliveryStore.postpone(order, until: clock.now.addingTimeInterval(CheckpointSchedule.interval), in: database)
            return
        }
        do {
            _ = try await sender.send(checkpoint, by: order)
        } catch let failure as CheckpointFailure {
            count("failure", order)
            try await keep(failure, of: order)
            return
        }
        count("success", order)
        let now = clock.now
        try await CheckpointDeliveryStore.delivered(
            order, size: checkpoint.size, at: now, next: now.addingTimeInterval(CheckpointSchedule.interval), in: database)
    }

    /// Comes back later; a streak that is too long is told once, in the trail of the company.
    private func keep(_ failure: CheckpointFailure, of order: CheckpointOrder) async throws {
        let now = clock.now
        let since = order.failingSince ?? now
        let isLong = CheckpointSchedule.isToBeTold(failingSince: since, at: now)
        let next = now.addingTimeInterval(CheckpointSchedule.pause(afterFailures: order.failures + 1))
        logger.notice(
            "a checkpoint was not delivered",
            metadata: ["tenant": "\(order.tenant)", "failures": "\(order.failures + 1)", "reason": "\(failure.reason)"])
        try await database.transaction { transaction in
            let isKept = try await CheckpointDeliveryStore.failed(
                order, reason: failure.reason, since: since, isTold: isLong, next: next, in: transaction)
            guard isKept, isLong, !order.isFailureTold else { return }
            let record = AuditRecord(
                action: "checkpoint_delivery.fail", outcome: .failure, targets: [CheckpointDeliveries.target(order.id)],
                metadata: ["kind": order.channel.rawValue, "since": WireJSON.format(since)])
            try await acts.record(record, of: order.tenant, by: .system("audit"), in: transaction)
        }
    }

    private func count(_ outcome: String, _ order: CheckpointOrder) {
        Counter(label: "checkpoint_deliveries_total", dimensions: [("kind", order.channel.rawValue), ("outcome", outcome)]).increment()
    }
}
