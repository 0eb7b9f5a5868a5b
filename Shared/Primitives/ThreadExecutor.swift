import Foundation

/// An executor that is one operating-system thread of its own, for actors and for tasks.
///
/// An actor that runs here may block (libpq, hiredis) without taking a thread from Swift's cooperative pool. A task that prefers this executor
/// (`withTaskExecutorPreference`) calls such an actor without changing threads.
public final class ThreadExecutor: SerialExecutor, TaskExecutor, Sendable {
    private let queue: JobQueue

    /// Starts the thread; it ends when ``shutdown()`` was called and all queued jobs have run.
    public init(name: String) {
        let queue = JobQueue()
        self.queue = queue
        let thread = Thread { queue.run() }
        thread.name = name
        thread.stackSize = 512 * 1024
        thread.start()
    }

    deinit {
        queue.finish()
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        queue.append(JobQueue.Entry(job: UnownedJob(job), serial: asUnownedSerialExecutor(), task: asUnownedTaskExecutor()))
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor {
        UnownedSerialExecutor(ordinary: self)
    }

    public func asUnownedTaskExecutor() -> UnownedTaskExecutor {
        UnownedTaskExecutor(ordinary: self)
    }

    /// Lets the thread end after the jobs already queued; later jobs run on a thread made for each, so that nothing can hang.
    public func shutdown() {
        queue.finish()
    }
}

/// The jobs that wait for the thread.
///
/// `@unchecked Sendable`: `jobs` and `finished` are only touched while `condition` is locked.
private final class JobQueue: @unchecked Sendable {
    struct Entry {
        let job: UnownedJob
        let serial: UnownedSerialExecutor
        let task: UnownedTaskExecutor

        func run() {
            job.runSynchronously(isolatedTo: serial, taskExecutor: task)
        }
    }

    private let condition = NSCondition()
    private var jobs: [Entry] = []
    private var finished = false

    func append(_ entry: Entry) {
        condition.lock()
        if finished {
            condition.unlock()
            // The owner is going away (an actor's last task after shutdown): still run it, in order of arrival, off the pool.
            Thread.detachNewThread { entry.run() }
            return
        }
        jobs.append(entry)
        condition.signal()
        condition.unlock()
    }

    func finish() {
        condition.lock()
        finished = true
        condition.signal()
        condition.unlock()
    }

    func run() {
        while let batch = next() {
            for entry in batch { entry.run() }
        }
    }

    /// Blocks until there is work; nil when the executor was shut down and everything has run.
    private func next() -> [Entry]? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty {
            if finished { return nil }
            condition.wait()
        }
        defer { jobs.removeAll(keepingCapacity: true) }
        return jobs
    }
}
