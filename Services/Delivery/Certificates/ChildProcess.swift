import Dispatch
import Foundation
import Synchronization

/// Runs a program to its end, on a thread of its own.
enum ChildProcess {
    /// Its exit status; nil when it took longer than `limit`, or the task was cancelled: then it is killed first. It sees of our environment only
    /// what is given, and what it says goes to the file `output`.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String], in directory: URL, output: URL, limit: Duration
    ) async throws -> Int32? {
        let life = Life()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                Thread.detachNewThread {
                    continuation.resume(
                        with: Result { try life.run(program, arguments, environment: environment, in: directory, output: output, limit: limit) })
                }
            }
        } onCancel: {
            life.end()
        }
    }

    /// One process and the signal that it is over.
    private final class Life: Sendable {
        private let isOver = DispatchSemaphore(value: 0)
        private let isCancelled = Mutex(false)

        /// Whoever waits looks after the process; this only wakes it.
        func end() {
            isCancelled.withLock { $0 = true }
            isOver.signal()
        }

        /// Blocks until the process has ended.
        func run(
            _ program: String, _ arguments: [String], environment: [String: String], in directory: URL, output: URL, limit: Duration
        ) throws -> Int32? {
            guard !isCancelled.withLock({ $0 }) else { return nil }
            guard FileManager.default.createFile(atPath: output.path(percentEncoded: false), contents: nil, attributes: [.posixPermissions: 0o600])
            else {
                throw CocoaError(.fileWriteUnknown)
            }
            let log = try FileHandle(forWritingTo: output)
            defer { try? log.close() }
            let process = Process()
            process.executableURL = URL(filePath: program)
            process.arguments = arguments
            process.environment = environment
            process.currentDirectoryURL = directory
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = log
            process.standardError = log
            process.terminationHandler = { [isOver] _ in isOver.signal() }
            try process.run()
            let seconds = Double(limit.components.seconds)
            let isLate = isOver.wait(timeout: .now() + seconds) == .timedOut
            guard isLate || isCancelled.withLock({ $0 }) else { return process.terminationStatus }
            // A child has the signals blocked that our threads have blocked, but never this one.
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            process.waitUntilExit()
            return nil
        }
    }
}
