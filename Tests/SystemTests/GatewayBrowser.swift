import AsyncHTTPClient
import Foundation
import NIOCore
import NIOFoundationCompat
import NIOHTTP1

/// A person's browser at the gateway of a running stack: it keeps its cookies, and asks for a CSRF token before it changes anything.
actor GatewayBrowser {
    struct Answer: Sendable {
        let status: UInt
        let content: Data

        var object: [String: Any] { (try? JSONSerialization.jsonObject(with: content)) as? [String: Any] ?? [:] }
        /// The items of a list.
        var data: [[String: Any]] { object["data"] as? [[String: Any]] ?? [] }
        var body: String { String(decoding: content, as: UTF8.self) }

        /// A member of the answer's object, as text.
        func text(_ name: String) -> String { object[name].map { "\($0)" } ?? "" }
    }

    private let client: HTTPClient
    private let base: String
    private var cookies: [String: String] = [:]

    /// `base` is the gateway's address, without a slash at its end.
    init(_ client: HTTPClient, at base: String) {
        self.client = client
        self.base = base
    }

    /// Trusts the stack's own certificate authority, as `./penguin` does.
    static func configuration(of penguin: PenguinCommand) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = .makeClientConfiguration()
        configuration.tlsConfiguration?.trustRoots = .file(penguin.folder.appending(path: "ca.pem").path())
        configuration.httpVersion = .http1Only
        return configuration
    }

    func get(_ path: String, _ headers: [String: String] = [:]) async throws -> Answer {
        try await send(.GET, path, nil, headers)
    }

    func change(_ method: HTTPMethod, _ path: String, _ body: String? = nil) async throws -> Answer {
        var headers = ["x-csrf-token": try await get("/api/v1/auth/csrf").text("csrf_token"), "origin": base]
        if body != nil { headers["content-type"] = "application/json" }
        return try await send(method, path, body, headers)
    }

    private func send(_ method: HTTPMethod, _ path: String, _ body: String?, _ headers: [String: String]) async throws -> Answer {
        var request = HTTPClientRequest(url: base + path)
        request.method = method
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let kept = cookies.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")
        if !kept.isEmpty { request.headers.add(name: "cookie", value: kept) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(15))
        for line in response.headers["set-cookie"] {
            let pair = line.prefix { $0 != ";" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2 else { continue }
            cookies[pair[0]] = pair[1].isEmpty ? nil : pair[1]
        }
        return Answer(status: response.status.code, content: Data(buffer: try await response.body.collect(upTo: 1 << 22)))
    }
}
