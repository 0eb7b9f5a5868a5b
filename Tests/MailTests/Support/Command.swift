import Foundation

/// A program of the system, run to its end.
struct Command {
    struct Failed: Error {
        let status: Int32
        let output: String
    }

    /// What `program` wrote; throws when it ended with another status than 0.
    static func run(_ program: String, _ arguments: [String], input: Data = Data()) async throws -> Data {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        // Files instead of pipes: neither side can wait for the other.
        let directory = FileManager.default.temporaryDirectory.appending(path: "penguin-command-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (inputFile, outputFile) = (directory.appending(path: "input"), directory.appending(path: "output"))
        try input.write(to: inputFile)
        try Data().write(to: outputFile)
        let output = try FileHandle(forWritingTo: outputFile)
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = output
        process.standardError = output
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        let written = try Data(contentsOf: outputFile)
        guard process.terminationStatus == 0 else {
            throw Failed(status: process.terminationStatus, output: String(decoding: written, as: UTF8.self))
        }
        return written
    }
}
