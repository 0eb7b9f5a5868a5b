import Foundation
import Synchronization

/// A server that belongs to this test process: it ends, and its directory goes, when the test process does, however that dies.
///
/// A small shell stands between: it holds the reading end of a pipe from us, and at its end it stops the server.
final class OwnedProcess: Sendable {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    let directory: URL
    private let process: Mutex<Process>
    private let leash: FileHandle

    /// `stopSignal` must end the server at once, without waiting for its clients.
    init(_ command: [String], directory: URL, stopSignal: String, log: String) throws {
        self.directory = directory
        let pipe = Pipe()
        leash = pipe.fileHandleForWriting
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments =
            [
                "-c",
                """
                log="$1"; signal="$2"; directory="$3"; shift 3
                "$@" >"$log" 2>&1 </dev/null &
                server=$!
                ( while kill -0 $server 2>/dev/null; do sleep 0.2; done; kill $$ 2>/dev/null ) &
                cat >/dev/null
                kill -"$signal" $server 2>/dev/null
                wait $server 2>/dev/null
                """,
                "server", directory.appending(path: log).path(), stopSignal, directory.path(),
            ] + command
        process.standardInput = pipe.fileHandleForReading
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        try? pipe.fileHandleForReading.close()
        self.process = Mutex(process)
    }

    /// Ends the server and waits for it.
    func stop() {
        try? leash.close()
        process.withLock { $0.waitUntilExit() }
    }

    deinit {
        stop()
    }

    /// The ends of the pipes that keep the directories; they close with the process.
    private static let janitors = Mutex<[FileHandle]>([])

    /// A directory that the server may write; removed when this process has ended.
    static func makeDirectory(_ name: String, forUser user: String?) throws -> URL {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "penguin-\(name)-\(ProcessInfo.processInfo.processIdentifier)-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if let user { try run(["/bin/chown", user, directory.path()]) }
        let pipe = Pipe()
        let janitor = Process()
        janitor.executableURL = URL(filePath: "/bin/sh")
        janitor.arguments = ["-c", "cat >/dev/null; sleep 3; rm -rf \"$1\"", "janitor", directory.path()]
        janitor.standardInput = pipe.fileHandleForReading
        try janitor.run()
        janitors.withLock { $0.append(pipe.fileHandleForWriting) }
        return directory
    }

    /// Runs a command to its end; throws its output when it fails.
    @discardableResult
    static func run(_ command: [String], environment: [String: String] = [:], input: URL? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.currentDirectoryURL = URL(filePath: "/tmp")
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "\(command.prefix(4)): \(text.suffix(2_000))") }
        return text
    }

    /// A port that nobody had a moment ago.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard bound else { throw Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// A port on this machine that nobody had a moment ago.
public func freePort() throws -> Int {
    try OwnedProcess.freePort()
}
