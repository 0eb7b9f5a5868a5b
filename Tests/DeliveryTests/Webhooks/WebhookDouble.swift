import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Synchronization
import TestSupport
import Testing

/// Somebody's server: keeps what it is told, and answers 200 unless a test says otherwise.
final class WebhookDouble: Sendable {
    struct Call: Sendable {
        let path: String
        let body: String
        /// The headers of the signature, by their names.
        let headers: [String: String]

        var message: String { headers["webhook-id"] ?? "" }

        /// Whether whoever knows the secret sees that it is genuine; asked of Python, which shares nothing with us.
        func isSigned(with secret: String) throws -> Bool {
            let script = """
                import base64, hashlib, hmac, sys
                secret, message, timestamp, header, body = sys.argv[1:]
                key = base64.b64decode(secret[len("whsec_"):])
                code = base64.b64encode(hmac.new(key, f"{message}.{timestamp}.{body}".encode(), hashlib.sha256).digest()).decode()
                print(any(hmac.compare_digest(part, "v1," + code) for part in header.split(" ")))
                """
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/python3")
            process.arguments = [
                "-c", script, secret, message, headers["webhook-timestamp"] ?? "", headers["webhook-signature"] ?? "", body,
            ]
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
            return text == "True\n"
        }
    }

    private struct State {
        var calls: [Call] = []
        var answers: [String: [HTTPResponse.Status]] = [:]
        var always: [String: HTTPResponse.Status] = [:]
        var held: Set<String> = []
    }

    private let state = Mutex(State())

    var calls: [Call] { state.withLock { $0.calls } }

    func calls(of path: String) -> [Call] { calls.filter { $0.path == path } }

    /// Answers the next posts to a path so.
    func answer(_ path: String, _ statuses: HTTPResponse.Status...) {
        state.withLock { $0.answers[path, default: []] += statuses }
    }

    func always(_ path: String, _ status: HTTPResponse.Status?) {
        state.withLock { $0.always[path] = status }
    }

    /// Posts to a path are not answered until they are let go.
    func hold(_ path: String) {
        state.withLock { _ = $0.held.insert(path) }
    }

    func letGo(_ path: String) {
        state.withLock { _ = $0.held.remove(path) }
    }

    /// Serves on a free port while `body` runs with its address.
    func serve(_ body: @escaping @Sendable (String) async throws -> Void) async throws {
        let router = Router()
        router.post("{name}") { request, context in try await self.take(request, "/\(context.parameters.get("name") ?? "")") }
        try await LoopbackServer.serve(router, body)
    }

    private func take(_ request: Request, _ path: String) async throws -> Response {
        let bytes = try await request.body.collect(upTo: 1 << 20)
        var headers: [String: String] = [:]
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature", "content-type", "user-agent"] {
            headers[name] = request.headers[HTTPField.Name(name)!]
        }
        let call = Call(path: path, body: String(buffer: bytes), headers: headers)
        let status = state.withLock { state -> HTTPResponse.Status in
            state.calls.append(call)
            if let next = state.answers[path]?.first {
                state.answers[path]?.removeFirst()
                return next
            }
            return state.always[path] ?? .ok
        }
        while state.withLock({ $0.held.contains(path) }) { try await Task.sleep(for: .milliseconds(5)) }
        // Where a redirect leads to: here again, so that one that is followed is seen.
        let fields: HTTPFields = status == .found ? [.location: "/elsewhere"] : [:]
        return Response(status: status, headers: fields, body: .init(byteBuffer: ByteBuffer(string: "heard \(String(repeating: "é", count: 2_000))")))
    }
}
