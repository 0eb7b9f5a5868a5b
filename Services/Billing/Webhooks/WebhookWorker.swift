import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Works off what Stripe told; every replica does, and each event has its effect once.
struct WebhookWorker: Service {
    /// How long an event waits for its tenant, or is tried against refusals, before a person has to look.
    static let patience: TimeInterval = 3 * 86_400
    private static let lanes = 4
    /// So few that the lease holds to the end of them, also when they are all of one lane and Stripe is slow.
    private static let batch = lanes * 2

    let handler: EventHandler
    let database: Database
    let clock: WallClock
    let wakeup: Wakeup
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "handling of webhooks", logger: logger, rest: { await wakeup.wait(atMost: .seconds(1)) }, step: { try await runOnce() > 0 })
    }

    /// Handles the next ones, those of one customer one after another; how many there were.
    @discardableResult
    func runOnce() async throws -> Int {
        let events = try await EventInbox.claim(limit: Self.batch, at: clock.now, in: database)
        var waiting = Array(Dictionary(grouping: events, by: \.lane).values)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(Self.lanes, waiting.count) {
                let lane = waiting.removeLast()
                group.addTask { try await handle(lane) }
            }
            while try await group.next() != nil {
                guard !waiting.isEmpty else { continue }
                let lane = waiting.removeLast()
                group.addTask { try await handle(lane) }
            }
        }
        return events.count
    }

    private func handle(_ events: [InboxEvent]) async throws {
        for event in events {
            if Task.isCancelled { return }
            do {
                try await handler.handle(event)
                count("handled")
            } catch is EventInbox.AlreadyHandled {
                count("repeated")
            } catch {
                if Task.isCancelled { return }
                try await postpone(event, after: error)
            }
        }
    }

    private func postpone(_ event: InboxEvent, after error: any Error) async throws {
        let now = clock.now
        let verdict = Verdict(error, of: event, at: now)
        count(verdict.state?.rawValue ?? "ignored")
        guard let state = verdict.state else { return try await EventInbox.ignore(event, at: now, in: database) }
        let level: Logger.Level = state == .failed ? .error : .notice
        logger.log(
            level: level, "event of Stripe's postponed",
            metadata: ["event": "\(event.id)", "type": "\(event.type)", "state": "\(state.rawValue)", "reason": "\(verdict.reason)"])
        try await EventInbox.postpone(event, as: state, error: verdict.reason, until: now + verdict.pause, at: now, in: database)
    }

    private func count(_ outcome: String) {
        Counter(label: "stripe_events_total", dimensions: [("outcome", outcome)]).increment()
    }

    /// What becomes of an event that had no effect: a decision without effects.
    struct Verdict: Sendable, Equatable {
        /// Nil: nothing is to be done about it.
        let state: EventInbox.Later?
        let reason: String
        let pause: TimeInterval

        init(_ error: any Error, of event: InboxEvent, at now: Date) {
            let isOld = now.timeIntervalSince(event.receivedAt) >= WebhookWorker.patience
            let doublings = Double(1 << min(max(event.attempts, 1) - 1, 12))
            switch error {
            case EventTenant.Nobody.over: self.init(nil, "over", 0)
            case EventTenant.Nobody.secondCustomer: self.init(.failed, "second_customer", 0)
            case EventTenant.Nobody.notLinked: self.init(isOld ? .failed : .parked, "not_linked", min(15 * doublings, 6 * 3_600))
            case is SubscriptionSync.UnknownTenant, EventTenant.Nobody.unknownTenant:
                self.init(isOld ? .failed : .parked, "unknown_tenant", min(15 * doublings, 6 * 3_600))
            case is SubscriptionSync.Contended: self.init(.pending, "contended", 2)
            // What may go away by itself is waited for, however long.
            case let error as StripeError where error.isTransient: self.init(.pending, error.description, min(5 * doublings, 900))
            case let error as PostgresError where error.isTransient: self.init(.pending, "database", min(5 * doublings, 60))
            case let error as StripeError: self.init(isOld ? .failed : .pending, error.description, min(60 * doublings, 6 * 3_600))
            default: self.init(isOld ? .failed : .pending, "\(error)", min(60 * doublings, 6 * 3_600))
            }
        }

        private init(_ state: EventInbox.Later?, _ reason: String, _ pause: TimeInterval) {
            self.state = state
            self.reason = reason
            self.pause = pause
        }
    }
}
