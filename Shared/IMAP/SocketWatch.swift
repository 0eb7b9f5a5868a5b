import Foundation
import Synchronization

/// Waits on many sockets at once with one thread: a connection that idles costs a place in a list, not a thread.
///
/// poll(2) over a few hundred sockets is looked through in microseconds, once per piece of news; epoll would save nothing that could be measured.
public final class SocketWatch: Sendable {
    private struct Waiter {
        let descriptor: Int32
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var waiters: [UInt64: Waiter] = [:]
        var nextNumber: UInt64 = 0
        var isFinished = false
    }

    private final class Core: Sendable {
        let state = Mutex(State())
        /// Writing a byte here wakes the thread.
        let wakeReader: Int32
        let wakeWriter: Int32

        init() {
            var ends: [Int32] = [-1, -1]
            precondition(pipe(&ends) == 0, "no descriptors left for a pipe")
            for end in ends {
                _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK)
                _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            }
            (wakeReader, wakeWriter) = (ends[0], ends[1])
        }

        deinit {
            close(wakeReader)
            close(wakeWriter)
        }

        func wake() {
            var byte: UInt8 = 0
            // A full pipe has woken the thread already.
            _ = write(wakeWriter, &byte, 1)
        }
    }

    private let core = Core()

    public init() {
        let core = core
        let thread = Thread { Self.run(core) }
        thread.name = "imap-idle"
        thread.stackSize = 256 * 1024
        thread.start()
    }

    deinit {
        core.state.withLock { $0.isFinished = true }
        core.wake()
    }

    /// True when the socket can be read or was closed by the other side; false after `limit` or when the task is cancelled.
    ///
    /// Whoever owns the socket must not close it meanwhile.
    public func readable(_ descriptor: Int32, within limit: Duration) async -> Bool {
        let number = core.state.withLock { state in
            state.nextNumber += 1
            return state.nextNumber
        }
        let core = core
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAdded = core.state.withLock { state in
                    guard !Task.isCancelled, !state.isFinished else { return false }
                    state.waiters[number] = Waiter(descriptor: descriptor, deadline: .now + limit, continuation: continuation)
                    return true
                }
                if isAdded { core.wake() } else { continuation.resume(returning: false) }
            }
        } onCancel: {
            core.state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(returning: false)
            core.wake()
        }
    }

    private static func run(_ core: Core) {
        while true {
            let (numbers, waiters, isFinished) = core.state.withLock { state in
                (Array(state.waiters.keys), Array(state.waiters.values), state.isFinished)
            }
            if isFinished {
                let left = core.state.withLock { state in
                    defer { state.waiters = [:] }
                    return state.waiters.values.map(\.continuation)
                }
                for continuation in left { continuation.resume(returning: false) }
                return
            }
            var polled = waiters.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            polled.append(pollfd(fd: core.wakeReader, events: Int16(POLLIN), revents: 0))
            let now = ContinuousClock.now
            let rest = waiters.map { $0.deadline - now }.min()
            _ = poll(&polled, nfds_t(polled.count), rest.map { $0.pollMilliseconds } ?? -1)
            var bytes = [UInt8](repeating: 0, count: 256)
            while read(core.wakeReader, &bytes, bytes.count) == bytes.count {}
            let after = ContinuousClock.now
            for (index, number) in numbers.enumerated() {
                let isReadable = polled[index].revents != 0
                guard isReadable || waiters[index].deadline <= after else { continue }
                core.state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(returning: isReadable)
            }
        }
    }
}

extension Duration {
    /// As poll(2) takes it: rounded up, so that nobody spins through the last millisecond.
    var pollMilliseconds: Int32 {
        let (seconds, attoseconds) = components
        guard seconds < 1_000_000 else { return 1_000_000_000 }
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return Int32(seconds) * 1_000 + Int32((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
