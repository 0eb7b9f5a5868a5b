import Foundation

/// The stand-in for Stripe that checks every call against Stripe's own specification, where the shared folder beside the repository has it.
public final class StripeMock: Sendable {
    private static let shared = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared").standardized
    private static let script = shared.appending(path: "tools/stripe-mock/stripe_mock.py")

    /// Whether it can be started here.
    public static let isPresent =
        FileManager.default.fileExists(atPath: script.path()) && FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")

    /// Whether there is the specification of this version.
    public static func knows(version: String) -> Bool {
        isPresent && FileManager.default.fileExists(atPath: specification(version).path())
    }

    /// `http://127.0.0.1:port`
    public let base: String
    private let process: OwnedProcess

    /// Starts it on a free port; it ends with the test process, or when nobody holds it.
    public static func start(version: String) async throws -> StripeMock {
        let directory = try OwnedProcess.makeDirectory("stripe", forUser: nil)
        let process = try OwnedProcess(
            [
                "/usr/bin/python3", script.path(), "--spec", specification(version).path(), "--port", "0", "--require-version", "--future",
                "--log", directory.appending(path: "calls.jsonl").path(),
            ], directory: directory, stopSignal: "TERM", log: "stripe.log")
        let log = directory.appending(path: "stripe.log")
        for _ in 0..<800 {
            let text = (try? String(contentsOf: log, encoding: .utf8)) ?? ""
            if let start = text.range(of: "http://127.0.0.1:"), let end = text.range(of: "\n", range: start.upperBound..<text.endIndex) {
                return StripeMock(base: String(text[start.lowerBound..<end.lowerBound]), process: process)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
        throw OwnedProcess.Failure(description: "stripe_mock did not start: \((try? String(contentsOf: log, encoding: .utf8)) ?? "")")
    }

    private init(base: String, process: OwnedProcess) {
        self.base = base
        self.process = process
    }

    private static func specification(_ version: String) -> URL {
        shared.appending(path: "stripe/stripe-\(version).json")
    }
}
