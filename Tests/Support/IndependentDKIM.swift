import Foundation

/// What another implementation, Debian's dkimpy, says of signatures.
public enum IndependentDKIM {
    public struct Failure: Error, CustomStringConvertible {
        public let description: String
    }

    /// For each message, whether each of its signatures verifies, in the order of the header; `zone` has the TXT records by their names.
    public static func verdicts(of messages: [[UInt8]], zone: [String: String]) async throws -> [[Bool]] {
        struct Question: Encodable {
            let zone: [String: String]
            let messages: [String]
        }
        let question = Question(zone: zone, messages: messages.map { Data($0).base64EncodedString() })
        let answer = try await run(try JSONEncoder().encode(question))
        return try JSONDecoder().decode([[Bool]].self, from: answer)
    }

    private static func run(_ input: Data) async throws -> Data {
        // Files instead of pipes: neither side can wait for the other.
        let directory = FileManager.default.temporaryDirectory.appending(path: "penguin-dkim-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let (question, answer, words) = (
            directory.appending(path: "question"), directory.appending(path: "answer"), directory.appending(path: "words")
        )
        try input.write(to: question)
        try Data().write(to: answer)
        try Data().write(to: words)
        let process = Process()
        // Debian's own: other Pythons do not see python3-dkim.
        process.executableURL = URL(filePath: "/usr/bin/python3")
        process.arguments = ["-c", script]
        process.standardInput = try FileHandle(forReadingFrom: question)
        process.standardOutput = try FileHandle(forWritingTo: answer)
        process.standardError = try FileHandle(forWritingTo: words)
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        guard process.terminationStatus == 0 else {
            throw Failure(description: String(decoding: try Data(contentsOf: words), as: UTF8.self))
        }
        return try Data(contentsOf: answer)
    }

    private static let script = """
        import base64, json, sys
        import dkim
        question = json.load(sys.stdin)
        zone = {name.rstrip(".") + ".": text.encode() for name, text in question["zone"].items()}
        def look_up(name, timeout=5):
            return zone.get(name.decode())
        def verdicts(message):
            count = sum(1 for name, _ in dkim.DKIM(message).headers if name.lower() == b"dkim-signature")
            found = []
            for index in range(count):
                try:
                    found.append(bool(dkim.DKIM(message).verify(idx=index, dnsfunc=look_up)))
                except dkim.DKIMException:
                    found.append(False)
            return found
        json.dump([verdicts(base64.b64decode(text)) for text in question["messages"]], sys.stdout)
        """
}
