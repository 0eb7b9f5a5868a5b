import Foundation
import Synchronization
import TestSupport

/// `./penguin` as a person calls it, with a folder of its own instead of `.local`; what it started ends with `remove`.
struct PenguinCommand: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// What a command printed, and how it ended.
    struct Outcome: Sendable {
        let status: Int32
        let output: String
        let messages: String
    }

    static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    let folder: URL
    /// Beside what this test was started with.
    var environment: [String: String] = [:]

    /// Calls `body` with a fresh folder and stops whatever it left running.
    static func withFolder<Value>(_ body: (PenguinCommand) async throws -> Value) async throws -> Value {
        let folder = FileManager.default.temporaryDirectory.appending(path: "penguin-system-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let command = PenguinCommand(folder: folder)
        let result: Result<Value, any Error>
        do {
            result = .success(try await body(command))
        } catch {
            result = .failure(error)
        }
        _ = try await command.run(["down"])
        try FileManager.default.removeItem(at: folder)
        return try result.get()
    }

    /// The same, told more.
    func with(_ environment: [String: String]) -> PenguinCommand {
        PenguinCommand(folder: folder, environment: environment)
    }

    /// Runs one command to its end. The services are those that the build beside this test made.
    func run(_ arguments: [String]) async throws -> Outcome {
        try await run(Self.repository.appending(path: "penguin"), arguments)
    }

    /// Runs a black-box script of `Tests/BlackBox` against the stack that is up.
    func run(script: String) async throws -> Outcome {
        let port = try stack().port("gateway")
        return try await run(
            URL(filePath: "/usr/bin/python3"),
            [
                Self.repository.appending(path: "Tests/BlackBox/\(script)").path(), "https://localhost:\(port)",
                folder.appending(path: "ca.pem").path(), folder.appending(path: "mail/maildir").path(),
            ])
    }

    /// Runs a black-box script of `Tests/BlackBox` that keeps its own stacks in this folder.
    func run(trial: String) async throws -> Outcome {
        try await run(
            URL(filePath: "/usr/bin/python3"), ["-B", Self.repository.appending(path: "Tests/BlackBox/\(trial)").path(), folder.path()])
    }

    private func run(_ executable: URL, _ arguments: [String]) async throws -> Outcome {
        let output = folder.appending(path: "stdout-\(UUID().uuidString.prefix(8))")
        let messages = folder.appending(path: "stderr-\(UUID().uuidString.prefix(8))")
        for file in [output, messages] { FileManager.default.createFile(atPath: file.path(), contents: nil) }
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["PENGUIN_LOCAL": folder.path(), "PENGUIN_CONFIGURATION": "debug"].merging(environment) { $1 }
        ) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: output)
        process.standardError = try FileHandle(forWritingTo: messages)
        let status = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Int32, any Error>) in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        return Outcome(
            status: status, output: try String(contentsOf: output, encoding: .utf8), messages: try String(contentsOf: messages, encoding: .utf8))
    }

    /// What the running stack says of itself.
    func stack() throws -> RunningStack {
        try JSONDecoder().decode(RunningStack.self, from: Data(contentsOf: folder.appending(path: "run/stack.json")))
    }

    /// The log of one process, whole.
    func log(of process: String) throws -> String {
        try String(contentsOf: folder.appending(path: "logs/\(process).log"), encoding: .utf8)
    }
}

/// The processes of a stack and where they listen.
struct RunningStack: Decodable {
    struct Identity: Decodable {
        let pid: Int32
    }

    let ports: [String: Int]
    let processes: [String: Identity]

    /// The process of a service, Postgres, Redis, the gateway or the mail server.
    func process(_ name: String) throws -> Int32 {
        guard let process = processes[name] else { throw PenguinCommand.Failure(description: "\(name) is not running") }
        return process.pid
    }

    func port(_ name: String) throws -> Int {
        guard let port = ports[name] else { throw PenguinCommand.Failure(description: "\(name) has no port") }
        return port
    }
}
