import AsyncHTTPClient
import Foundation
import Hummingbird
import NIOCore
import NIOFoundationCompat
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@Suite("One request seen from outside, with real processes", .serialized)
struct ObservabilityTests {
    /// A receiver of traces that remembers which steps of which trace it was told of.
    private final class Collector: Sendable {
        private let seen = Mutex<[(trace: String, name: String)]>([])

        var router: Router<BasicRequestContext> {
            let router = Router()
            router.post("/v1/traces") { request, _ in
                let body = try await request.body.collect(upTo: 10 << 20)
                self.take(Data(buffer: body))
                return HTTPResponse.Status.ok
            }
            return router
        }

        private func take(_ body: Data) {
            let all = (try? JSONSerialization.jsonObject(with: body)) as? [String: Any]
            for resource in all?["resourceSpans"] as? [[String: Any]] ?? [] {
                for scope in resource["scopeSpans"] as? [[String: Any]] ?? [] {
                    for span in scope["spans"] as? [[String: Any]] ?? [] {
                        guard let trace = span["traceId"] as? String, let name = span["name"] as? String else { continue }
                        seen.withLock { $0.append((trace, name)) }
                    }
                }
            }
        }

        func names(of trace: String) -> Set<String> {
            seen.withLock { Set($0.filter { $0.trace == trace }.map(\.name)) }
        }
    }

    @Test("a request's name finds its lines, its entry of the trail and its steps; every metric is described; no line names whom it was about")
    func story() async throws {
        let collector = Collector()
        try await LoopbackServer.serve(collector.router) { address in
            try await PenguinCommand.withFolder { penguin in
                let penguin = penguin.with(["OTEL_EXPORTER_OTLP_ENDPOINT": address])
                let outcome = try await penguin.run(["up", "--detach", "--no-build"])
                try #require(outcome.status == 0, "\(outcome.output)\(outcome.messages)")
                let stack = try penguin.stack()
                try await HTTPClient.withHTTPClient(configuration: GatewayBrowser.configuration(of: penguin)) { client in
                    try await look(penguin, stack, client, collector)
                }
            }
        }
    }

    private func look(_ penguin: PenguinCommand, _ stack: RunningStack, _ client: HTTPClient, _ collector: Collector) async throws {
        let browser = GatewayBrowser(client, at: "https://localhost:\(try stack.port("gateway"))")
        let answer = try await browser.change(
            .POST, "/api/v1/auth/sign-in", #"{"email":"somebody.else@example.com","password":"not a password of anybody"}"#)
        #expect(answer.status == 401, "\(answer.body)")
        let request = answer.text("request_id")
        try #require(request.count == 32)

        try await eventually("the steps are exported", within: .seconds(30)) {
            collector.names(of: request).contains("POST /api/v1/auth/sign-in")
        }
        var story = ""
        try await eventually("the story is whole", within: .seconds(30)) {
            let told = try await penguin.run(["logs", "--request", request])
            story = told.output
            return told.status == 0 && story.contains("  trail  ")
        }
        #expect(story.contains("  gateway    POST /api/v1/auth/sign-in 401"), "\(story)")
        #expect(story.contains("  auth       info: request answered"), "\(story)")
        #expect(!story.contains("somebody.else"))
        for process in ["auth", "audit", "gateway"] {
            #expect(try !penguin.log(of: process).contains("somebody.else"), "\(process)")
        }
        // The gateway's certificate is made for years; it comes up after the services, whose first look then fails.
        try await eventually("the gateway's certificate is looked at", within: .seconds(60)) {
            let line = try await metrics(of: "audit", stack, client).first { $0.hasPrefix("gateway_certificate_expiry_timestamp_seconds ") }
            return line?.split(separator: " ").last.flatMap { Double($0) }.map { $0 > Date().timeIntervalSince1970 + 86_400 } ?? false
        }
        for service in ["auth", "billing", "campaigns", "delivery", "audit"] {
            let text = try await metrics(of: service, stack, client)
            let described = Set(text.filter { $0.hasPrefix("# HELP ") }.map { $0.split(separator: " ")[2] })
            let told = Set(text.filter { $0.hasPrefix("# TYPE ") }.map { $0.split(separator: " ")[2] })
            #expect(told.subtracting(described).isEmpty, "\(service) counts what it does not describe")
            #expect(described.isSuperset(of: ["http_server_requests_total", "outbox_oldest_seconds", "process_open_fds"]), "\(service)")
        }
    }

    private func metrics(of service: String, _ stack: RunningStack, _ client: HTTPClient) async throws -> [Substring] {
        let request = HTTPClientRequest(url: "http://127.0.0.1:\(try stack.port("\(service)_internal"))/metrics")
        let response = try await client.execute(request, timeout: .seconds(10))
        return String(buffer: try await response.body.collect(upTo: 8 << 20)).split(separator: "\n")
    }
}
