import Contracts
import Foundation
import Logging
import Postgres
import ServiceLifecycle
import Streams

/// Takes admitted mail out of the streams and gives it to the mailboxes' lanes, never more at once than it has slots.
actor Worker: Service {
    private let streams: WorkStreams
    private let store: DeliveryStore
    private let redis: RedisConfiguration
    private let tools: MailboxLane.Tools
    private let slots: Int
    private let reserve: Int
    private let lease: Duration
    private let logger: Logger
    private var lanes: [MailboxID: MailboxLane] = [:]

    init(
        streams: WorkStreams, store: DeliveryStore, redis: RedisConfiguration, tools: MailboxLane.Tools, slots: Int, lease: Duration, logger: Logger
    ) {
        self.streams = streams
        self.store = store
        self.redis = redis
        self.tools = tools
        self.slots = slots
        reserve = max(1, slots / 8)
        self.lease = lease
        self.logger = logger
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await self.keepAlive() }
                group.addTask { await self.takeWork() }
            }
        }
        // Outside of the cancelled part: what is on the wire gets its answer and its row.
        for lane in lanes.values { await lane.stop() }
        await tools.outcomes.drain()
    }

    /// Leases must outlive a slow commit: renewed three times as often as they end.
    private func keepAlive() async {
        while !Task.isCancelled {
            do {
                let claims = await tools.load.claims
                try await store.heartbeat(claims)
                try await store.sign(streams.consumer, slots: slots, inHand: claims.count)
            } catch {
                logger.debug("heartbeat failed", metadata: ["error": "\(error)"])
            }
            for lane in lanes.values { await lane.closeIdle() }
            try? await Task.sleep(for: lease / 3)
        }
    }

    private func takeWork() async {
        var outage = Outage(what: "taking mail from Redis", logger: logger)
        while !Task.isCancelled {
            do {
                try await read { outage.ended() }
            } catch {
                if Task.isCancelled { return }
                try? await Task.sleep(for: outage.pause(after: error))
            }
        }
    }

    private func read(_ working: () -> Void) async throws {
        let connection = try await RedisConnection.connect(redis)
        try await streams.prepare(connection)
        try await start(try await streams.leftovers(connection), connection)
        var droppedAt = ContinuousClock.now
        while !Task.isCancelled {
            // The lanes hold at most this many: what the streams hold beyond it may still be overtaken, paused or cancelled. The last few
            // places are for what is urgent.
            await tools.load.waitForRoom(below: slots)
            let room = slots - reserve - (await tools.load.count)
            let entries =
                room > 0
                ? try await streams.next(min(room, slots / 2), connection)
                : try await streams.next(reserve, onlyFirst: true, wait: 20, connection)
            working()
            try await start(entries, connection)
            if ContinuousClock.now - droppedAt > .seconds(10) {
                try await streams.dropAbandoned(connection, idle: lease * 2)
                droppedAt = .now
            }
        }
        await connection.close()
    }

    private func start(_ entries: [WorkStreams.Entry], _ connection: RedisConnection) async throws {
        // After a broken line the stream gives once more what is in hand already.
        let entries = await tools.load.without(entries)
        guard !entries.isEmpty else { return }
        let loaded = try await store.take(entries)
        FaultPoint.pass(.afterTake)
        let taken = Set(loaded.map(\.delivery.entry))
        try await streams.acknowledge(entries.map(\.place).filter { !taken.contains($0) }, connection)
        await tools.load.enter(loaded.map(\.delivery.claim))
        // Grouping keeps the order within a mailbox.
        for (mailbox, group) in Dictionary(grouping: loaded, by: \.mailbox.id) {
            let lane = lanes[mailbox] ?? MailboxLane(group[0].mailbox, tools: tools)
            lanes[mailbox] = lane
            await lane.submit(group.map(\.delivery), of: group[group.count - 1].mailbox)
        }
    }
}
