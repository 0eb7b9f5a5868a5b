import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Starting, pausing and ending the warm-up of a mailbox, and staff's changes of the strategies.
struct Warmups: Sendable {
    /// What its owner wants.
    struct Wish: Decodable, Sendable {
        enum State: String, Decodable, Sendable {
            case running, paused, off
        }

        let state: State
        /// Needed to begin; another one than the present goes on from today's limit.
        let strategy: String?
        /// The daily limit that it leads to; left out, it stays.
        let target: Int?
    }

    let store: WarmupStore
    /// Of requests.
    let database: Database
    let worker: Database
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    func view(of mailbox: MailboxID, _ identity: Identity) async throws -> WarmupView {
        guard let entry = try await store.find(mailbox, of: identity.tenant), identity.mayUse(entry.workspace) else {
            throw Problem.notFound("mailbox")
        }
        return WarmupView(entry, now: clock.now)
    }

    func set(_ wish: Wish, of mailbox: MailboxID, by identity: Identity, audit: (AuditRecord.Target) -> AuditRecord) async throws -> WarmupView {
        guard wish.target.map({ (1...100_000).contains($0) }) ?? true else {
            throw Problem.invalid("target must be 1 to 100000.", field: "target")
        }
        let now = clock.now
        let tenant = identity.tenant
        try await database.transaction(as: tenant) { transaction in
            // Lanes before mailboxes, as the dispatcher locks them.
            try await transaction.query(LaneStore.wake(mailbox: mailbox, of: tenant))
            guard let entry = try await WarmupStore.lock(mailbox, of: tenant, in: transaction), identity.mayUse(entry.workspace) else {
                throw Problem.notFound("mailbox")
            }
            var strategy: WarmupStrategy?
            if let name = wish.strategy {
                strategy = try await WarmupStore.strategy(name, in: transaction)
                guard strategy != nil else { throw Problem.invalid("There is no such warm-up strategy.", field: "strategy") }
            }
            let next = try Self.next(entry.warmup, wish.state, strategy, target: wish.target ?? entry.target, now: now)
            try await WarmupStore.write(next, target: wish.target, of: mailbox, tenant, at: now, in: transaction)
            let event = try PendingEvent(
                DeliveryEvents.MailboxChanged(mailbox: mailbox), at: now, tenant: tenant, workspace: entry.workspace, actor: identity.actor,
                audit: audit(.init(type: "mailbox", id: mailbox.description, name: entry.address)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return try await view(of: mailbox, identity)
    }

    /// What becomes of a warm-up; throws a problem for what cannot be.
    static func next(
        _ present: Warmup?, _ state: Wish.State, _ strategy: WarmupStrategy?, target: Int, now: Date
    ) throws(Problem) -> Warmup? {
        if state == .off { return nil }
        guard var warmup = present else {
            guard state == .running else {
                throw Problem.conflict(kind: "warmup_not_running", title: "The mailbox is not being warmed up, so there is nothing to pause.")
            }
            guard let strategy else { throw Problem.invalid("strategy says by which strategy to begin.", field: "strategy") }
            return Warmup(strategy: strategy, startedAt: now)
        }
        if let strategy, strategy.name != warmup.strategy.name { warmup.change(to: strategy, at: now, target: target) }
        if state == .running { warmup.resume(at: now) } else { warmup.pause(at: now) }
        return warmup
    }

    /// Writes a strategy for everybody; mailboxes go on at the steps where they are.
    func write(_ strategy: WarmupStrategy, by identity: Identity, audit: AuditRecord) async throws {
        let now = clock.now
        let event = try PendingEvent(
            DeliveryEvents.WarmupStrategyChanged(strategy: strategy.name), at: now, tenant: nil, actor: identity.actor, audit: audit)
        try await worker.transaction { transaction in
            try await WarmupStore.write(strategy, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
    }
}
