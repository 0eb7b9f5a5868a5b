import AsyncHTTPClient
import Configuration
import Contracts
import Foundation
import Hummingbird
import Logging
import NIOCore
import Primitives
import Synchronization
import TestSupport
import Testing

@testable import ServiceRuntime

/// A receiver of traces: keeps what it was sent, and refuses as often as it is told to.
private final class Collector: Sendable {
    struct State {
        var bodies: [Data] = []
        var types: [String] = []
        var keys: [String] = []
        var refusals: [HTTPResponse.Status] = []
    }

    let state = Mutex(State())

    var router: Router<BasicRequestContext> {
        let router = Router()
        router.post("/v1/traces") { request, _ in
            let body = try await request.body.collect(upTo: 10 << 20)
            return self.state.withLock { state in
                if !state.refusals.isEmpty { return Response(status: state.refusals.removeFirst()) }
                state.bodies.append(Data(body.readableBytesView))
                state.types.append(request.headers[.contentType] ?? "")
                state.keys.append(request.headers[.init("x-key")!] ?? "")
                return Response(status: .ok)
            }
        }
        return router
    }

    /// Every span that came, as JSON.
    func spans() throws -> [[String: Any]] {
        try state.withLock { $0.bodies }.flatMap { body -> [[String: Any]] in
            let all = try #require(try JSONSerialization.jsonObject(with: body) as? [String: Any])
            let resources = try #require(all["resourceSpans"] as? [[String: Any]])
            let scopes = try #require(resources[0]["scopeSpans"] as? [[String: Any]])
            return try #require(scopes[0]["spans"] as? [[String: Any]])
        }
    }
}

@Suite("Export of traces")
struct TraceExportTests {
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func export(to address: String, _ buffer: SpanBuffer, wakeup: Wakeup = Wakeup(), pauses: [Duration] = []) -> TraceExport {
        TraceExport(
            endpoint: URL(string: address)!.appending(path: "v1/traces"), headers: [("x-key", "k")],
            resource: ["service.name": "penguinmails-auth"], buffer: buffer, wakeup: wakeup, httpClient: .shared, logger: quiet,
            interval: .milliseconds(20), pauses: pauses)
    }

    @Test("a receiver gets each step once, as OTLP's JSON says it")
    func format() async throws {
        let collector = Collector()
        try await LoopbackServer.serve(collector.router) { address in
            let buffer = SpanBuffer(wakeup: Wakeup())
            let began = TraceParent.root()
            let tracer = Tracer(clock: WallClock { Date(timeIntervalSince1970: 1_000) }) { buffer.keep($0) }
            await tracer.span("GET /a/{b}", .server, continuing: began) { span in
                span["http.response.status_code"] = .number(503)
                span["http.route"] = .text("/a/{b}")
                span.fail("status 503")
            }
            await export(to: address, buffer).send(retrying: true)
            let spans = try collector.spans()
            let span = try #require(spans.first)
            #expect(spans.count == 1)
            #expect(span["traceId"] as? String == began.traceIdentifier)
            #expect(span["parentSpanId"] as? String == began.spanIdentifier)
            #expect((span["spanId"] as? String)?.count == 16)
            #expect(span["name"] as? String == "GET /a/{b}")
            #expect(span["kind"] as? Int == 2)
            #expect(span["startTimeUnixNano"] as? String == "1000000000000")
            #expect((span["status"] as? [String: Any])?["code"] as? Int == 2)
            let attributes = try #require(span["attributes"] as? [[String: Any]])
            #expect((attributes[0]["value"] as? [String: String]) == ["intValue": "503"])
            #expect((attributes[1]["value"] as? [String: String]) == ["stringValue": "/a/{b}"])
            let state = collector.state.withLock { $0 }
            #expect(state.types == ["application/json"] && state.keys == ["k"])
            #expect(String(decoding: state.bodies[0], as: UTF8.self).contains(#"{"key":"service.name","value":{"stringValue":"penguinmails-auth"}}"#))
        }
    }

    @Test(
        "a receiver that is busy is asked again, one that refuses is not", arguments: [(HTTPResponse.Status.serviceUnavailable, 1), (.badRequest, 0)])
    func refusals(status: HTTPResponse.Status, arrived: Int) async throws {
        let collector = Collector()
        collector.state.withLock { $0.refusals = [status] }
        try await LoopbackServer.serve(collector.router) { address in
            let buffer = SpanBuffer(wakeup: Wakeup())
            await Tracer(clock: .system) { buffer.keep($0) }.span("a", .internal, continuing: nil) { _ in }
            await export(to: address, buffer, pauses: [.milliseconds(1)]).send(retrying: true)
            let spans = try collector.spans()
            #expect(spans.count == arrived)
            #expect(buffer.take(10).isEmpty)
        }
    }

    @Test("what is in the buffer at the end is sent, and what nobody receives holds nobody up and is bounded")
    func end() async throws {
        let collector = Collector()
        try await LoopbackServer.serve(collector.router) { address in
            let (buffer, wakeup) = (SpanBuffer(wakeup: Wakeup()), Wakeup())
            let export = export(to: address, buffer, wakeup: wakeup)
            let task = Task { try await export.run() }
            await Tracer(clock: .system) { buffer.keep($0) }.span("last", .internal, continuing: nil) { _ in }
            task.cancel()
            try await task.value
            let names = try collector.spans().map { $0["name"] as? String }
            #expect(names == ["last"])
        }
        let full = SpanBuffer(limit: 3, enough: 2, wakeup: Wakeup())
        let tracer = Tracer(clock: .system) { full.keep($0) }
        for _ in 0..<10 { await tracer.span("a", .internal, continuing: nil) { _ in } }
        // Nobody listens on that port.
        await export(to: "http://127.0.0.1:1", full).send(retrying: true)
        #expect(full.take(10).isEmpty)
    }

    @Test("a trace that its beginner does not want kept goes on and is not kept; of our own, as many as the share says")
    func sampling() async {
        let kept = Mutex(0)
        let tracer = Tracer(clock: .system, share: 0) { _ in kept.withLock { $0 += 1 } }
        let unsampled = TraceParent.root(isSampled: false)
        await tracer.span("a", .server, continuing: unsampled) { span in
            #expect(!span.isRecording)
            #expect(TraceContext.current?.position.traceIdentifier == unsampled.traceIdentifier)
            #expect(TraceParent(parsing: TraceContext.traceparent)?.isSampled == false)
        }
        await tracer.span("b", .server, continuing: nil) { span in #expect(!span.isRecording) }
        #expect(kept.withLock { $0 } == 0)
        await tracer.span("c", .server, continuing: .root()) { _ in }
        #expect(kept.withLock { $0 } == 1)
    }

    @Test("what comes from outside is kept by our own share, by every service alike, and not where it does not want to be")
    func admission() throws {
        func admitted(_ end: String, _ flags: String, _ share: Double) throws -> Bool {
            let text = "00-4bf92f3577b34da6a3ce929d\(end)-00f067aa0ba902b7-\(flags)"
            let parent = try #require(TraceParent(parsing: text))
            let taken = Tracer(clock: .system, share: share, keep: { _ in }).admitted(parent)
            #expect(taken.traceIdentifier == parent.traceIdentifier && taken.spanIdentifier == parent.spanIdentifier)
            return taken.isSampled
        }
        #expect(try admitted("00000000", "01", 0.01))
        #expect(try !admitted("7fffffff", "01", 0.01))
        #expect(try admitted("7fffffff", "01", 0.5) && !admitted("80000000", "01", 0.5))
        #expect(try admitted("ffffffff", "01", 1) && !admitted("00000000", "00", 1) && !admitted("00000000", "01", 0))
        // Who keeps nothing changes nothing.
        #expect(Tracer.silent.admitted(.root()).isSampled)
    }

    @Test("settings say where traces go, and each mistake is named")
    func settings() throws {
        func read(_ values: [String: String]) throws -> TraceSettings {
            let given = values.map { (AbsoluteConfigKey(ConfigKey($0)), ConfigValue(stringLiteral: $1)) }
            let reader = ConfigReader(provider: InMemoryProvider(values: Dictionary(uniqueKeysWithValues: given)))
            return try TraceSettings(try Settings(reader, keys: TraceSettings.keys), service: .auth, instance: "2")
        }
        #expect(try read([:]).endpoint == nil)
        let full = try read([
            "otel.exporter.otlp.endpoint": "http://collector:4318", "otel.exporter.otlp.headers": "authorization=Bearer%20x, b=c=d",
        ])
        #expect(full.endpoint?.absoluteString == "http://collector:4318/v1/traces")
        #expect(full.headers.map(\.0) == ["authorization", "b"] && full.headers.map(\.1) == ["Bearer x", "c=d"])
        #expect(full.resource["service.name"] == "penguinmails-auth" && full.resource["service.instance.id"] == "2")
        for bad in [["otel.exporter.otlp.endpoint": "collector"], ["otel.traces.sampler.arg": "2"], ["otel.exporter.otlp.headers": "nothing"]] {
            #expect(throws: SettingsError.self) { try read(bad) }
        }
    }
}
