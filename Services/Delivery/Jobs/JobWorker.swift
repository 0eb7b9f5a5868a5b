import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Does a kind of job; what it does must be safe to do twice.
typealias JobHandler = @Sendable (RunningJob) async throws -> JobResult

/// Takes admitted jobs other than mail out of their streams and gives each to its kind's handler, as many side by side as it has slots, those
/// of one lane one after the other.
struct JobWorker: Service {
    private typealias ResultGroup = GroupCommit<[(job: RunningJob, result: JobResult)], Void>

    let streams: WorkStreams
    let store: JobStore
    let redis: RedisConfiguration
    let handlers: [String: JobHandler]
    let slots: Int
    /// In seconds.
    let lease: Double
    let clock: WallClock
    let wakeup: Wakeup
    let logger: Logger
    let tracer: Tracer
    private let load = Load()
    private let lanes = LaneOrder()
    private let metrics = JobMetrics()

    init(
        streams: WorkStreams, store: JobStore, redis: RedisConfiguration, handlers: [String: JobHandler], slots: Int, lease: Double,
        clock: WallClock,
        wakeup: Wakeup, logger: Logger, tracer: Tracer = .silent
    ) {
        self.streams = streams
        self.store = store
        self.redis = redis
        self.handlers = handlers
        self.slots = slots
        self.lease = lease
        self.clock = clock
        self.wakeup = wakeup
        self.logger = logger
        self.tracer = tracer
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                group.addTask { await self.keepAlive() }
                group.addTask { await self.takeWork() }
            }
        }
    }

    private func keepAlive() async {
        while !Task.isCancelled {
            do {
                try await store.heartbeat(await load.claims, lease: lease)
            } catch {
                logger.debug("heartbeat failed", metadata: ["error": "\(error)"])
            }
            try? await Task.sleep(for: .seconds(lease / 3))
        }
    }

    private func takeWork() async {
        var outage = Outage(what: "taking jobs from Redis", logger: logger)
        let group = ResultGroup(limit: 200) { results in
            try await store.finish(results.flatMap(\.self), now: clock.now, spread: { Double.random(in: -1...1) })
            wakeup.signal()
            return results.map { _ in () }
        }
        while !Task.isCancelled {
            do {
                try await read(group) { outage.ended() }
            } catch {
                if Task.isCancelled { return }
                try? await Task.sleep(for: outage.pause(after: error))
            }
        }
    }

    private func read(_ group: ResultGroup, _ working: () -> Void) async throws {
        let connection = try await RedisConnection.connect(redis)
        let acknowledgements = RedisClient(redis)
        try await streams.prepare(connection)
        var entries = try await streams.leftovers(connection)
        var droppedAt = ContinuousClock.now
        try await withThrowingDiscardingTaskGroup { tasks in
            while !Task.isCancelled {
                let jobs = entries.isEmpty ? [] : try await store.take(entries)
                let taken = Set(jobs.map(\.entry))
                try await streams.acknowledge(entries.map(\.place).filter { !taken.contains($0) }, connection)
                await load.enter(jobs.map(\.claim))
                for (_, jobs) in Dictionary(grouping: jobs, by: { Lane(tenant: $0.tenant, id: $0.lane) }) {
                    tasks.addTask { await work(jobs, group, acknowledgements) }
                }
                working()
                if ContinuousClock.now - droppedAt > .seconds(10) {
                    try await streams.dropAbandoned(connection, idle: .seconds(lease * 2))
                    droppedAt = .now
                }
                await load.waitForRoom(below: slots)
                entries = try await streams.next(max(1, slots - (await load.count)), connection)
            }
        }
        await connection.close()
    }

    /// The jobs of one lane in their order; a lane that is still at work is waited for.
    private func work(_ jobs: [RunningJob], _ group: ResultGroup, _ redis: RedisClient) async {
        let lane = Lane(tenant: jobs[0].tenant, id: jobs[0].lane)
        await lanes.enter(lane)
        var results: [(job: RunningJob, result: JobResult)] = []
        for job in jobs { results.append((job, await perform(job))) }
        await lanes.leave(lane)
        do {
            try await group.submit(results)
            _ = try await redis.pipeline(WorkStreams.acknowledgement(of: jobs.map(\.entry)))
        } catch {
            // The leases end, and the jobs come back.
            logger.warning("results of jobs not written", metadata: ["error": "\(error)"])
        }
        await load.leave(jobs.map(\.claim))
    }

    private func perform(_ job: RunningJob) async -> JobResult {
        guard let handler = handlers[job.kind] else { return .dead("there is no handler for jobs of the kind \(job.kind)") }
        let start = ContinuousClock.now
        let result = await traced(job) { await attempt(job, handler) }
        metrics.count(job.kind, result, since: start)
        return result
    }

    /// A step of the trace in which it was asked for; what the clock asked for is in none.
    private func traced(_ job: RunningJob, _ work: () async -> JobResult) async -> JobResult {
        guard let trace = job.trace else { return await work() }
        return await tracer.span("job \(job.kind)", .consumer, continuing: trace) { span in
            span["penguin.job"] = .text(job.id.text)
            span["penguin.attempt"] = .number(Int64(job.attempt))
            let result = await work()
            switch result {
            case .retry: span.fail("failed; tried again later")
            case .dead: span.fail("failed for good")
            case .done, .snooze: break
            }
            return result
        }
    }

    private func attempt(_ job: RunningJob, _ handler: JobHandler) async -> JobResult {
        do {
            return try await handler(job)
        } catch {
            logger.warning("job failed", metadata: ["job": "\(job.id)", "kind": "\(job.kind)", "error": "\(error)"])
            return .retry("\(error)")
        }
    }
}

/// Lets one task at a time work in a lane, in the order in which they came.
actor LaneOrder {
    private var waiting: [Lane: [CheckedContinuation<Void, Never>]] = [:]

    func enter(_ lane: Lane) async {
        guard waiting[lane] != nil else {
            waiting[lane] = []
            return
        }
        await withCheckedContinuation { waiting[lane, default: []].append($0) }
    }

    func leave(_ lane: Lane) {
        guard var queue = waiting[lane], !queue.isEmpty else {
            waiting[lane] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[lane] = queue
        next.resume()
    }
}
