import Foundation
import Synchronization

/// A few threads that many connections share: whichever is free serves the connection that has something to do.
///
/// libetpan blocks, so its connections cannot run on Swift's cooperative pool. A thread for each connection would be one for each mailbox, and a
/// fixed thread for several of them would let one slow server hold up its neighbours while other threads rest.
public final class ReaderThreads: Sendable {
    private let queue: LaneQueue

    public init(count: Int) {
        precondition(count > 0, "a pool of readers needs a thread")
        let queue = LaneQueue()
        self.queue = queue
        for number in 0..<count {
            let thread = Thread { queue.run() }
            thread.name = "imap-\(number)"
            thread.stackSize = 1 << 20
            thread.start()
        }
    }

    deinit {
        queue.finish()
    }

    /// An executor for one connection.
    func lane() -> ReaderLane {
        ReaderLane(queue: queue)
    }
}

/// The executor of one connection: its jobs run one after another, in order, each on whichever thread of the pool is free.
final class ReaderLane: SerialExecutor {
    private struct State {
        var jobs: [UnownedJob] = []
        /// Whether the lane waits for a thread or has one.
        var isScheduled = false
    }

    private let queue: LaneQueue
    private let state = Mutex(State())

    init(queue: LaneQueue) {
        self.queue = queue
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let unowned = UnownedJob(job)
        let isFirst = state.withLock { state in
            state.jobs.append(unowned)
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        if isFirst { queue.append(self) }
    }

    func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    /// One job; the lane then stands at the end of the queue again, so that no connection keeps a thread while others wait.
    func runNext() {
        let job = state.withLock { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() }
        job?.runSynchronously(on: asUnownedSerialExecutor())
        let hasMore = state.withLock { state in
            state.isScheduled = !state.jobs.isEmpty
            return state.isScheduled
        }
        if hasMore { queue.append(self) }
    }
}

/// The lanes that wait for a thread.
///
/// `@unchecked Sendable`: `lanes` and `finished` are only touched while `condition` is locked.
final class LaneQueue: @unchecked Sendable {
    private let condition = NSCondition()
    private var lanes: [ReaderLane] = []
    private var finished = false

    func append(_ lane: ReaderLane) {
        condition.lock()
        defer { condition.unlock() }
        if finished {
            // Its owner is going away: still run it, off the cooperative pool, so that nothing can hang.
            Thread.detachNewThread { lane.runNext() }
            return
        }
        lanes.append(lane)
        condition.signal()
    }

    func finish() {
        condition.lock()
        finished = true
        condition.broadcast()
        condition.unlock()
    }

    func run() {
        while let lane = next() { lane.runNext() }
    }

    /// Blocks until there is work; nil when the pool was given up and everything has run.
    private func next() -> ReaderLane? {
        condition.lock()
        defer { condition.unlock() }
        while lanes.isEmpty {
            if finished { return nil }
            condition.wait()
        }
        return lanes.removeFirst()
    }
}
