import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams
import Synchronization
import TestSupport
import Testing

/// A service whose routes say where in which trace they are.
private struct Mirror: DeployableService {
    static let name = ServiceName.audit
    static let migrations: [Migration] = []

    init(_ house: House) {}

    func routes(on router: Router<AppContext>) {
        router.get("/things/{id}") { _, context in TraceContext.traceparent ?? "" }
        router.post("/things") { _, context in context.traceparent ?? "" }
        router.get("/broken") { _, _ -> String in throw Problem.internalError }
    }

    func methods(on router: inout RPCRouter) {}
}

@Suite("Requests seen from outside")
struct RequestObservationTests {
    private static let requestID = "4bf92f3577b34da6a3ce929d0e0e4736"

    @Test("a trace that the gateway began is the request's own; one that a caller began goes on; the events of a request have its trace")
    func traces() async throws {
        let spans = Mutex<[Span]>([])
        let test = try await TestHouse.make(
            for: Mirror.self, tracer: Tracer(clock: .system) { span in spans.withLock { $0.append(span) } })
        let callers = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        let gateways = "00-\(Self.requestID)-4bf92f3577b34da6-01"
        try await test.withClient(Mirror(test.house)) { client in
            for (method, path, traceparent) in [
                (HTTPRequest.Method.get, "/things/7", gateways), (.post, "/things", callers), (.get, "/broken", gateways),
            ] {
                let headers: HTTPFields = [.init("traceparent")!: traceparent, .init("X-Request-ID")!: Self.requestID]
                try await client.execute(uri: path, method: method, headers: headers) { response in
                    let seen = TraceParent(parsing: String(buffer: response.body))
                    if path != "/broken" { #expect(seen?.traceIdentifier == TraceParent(parsing: traceparent)?.traceIdentifier) }
                }
            }
        }
        let kept = spans.withLock { $0 }
        #expect(kept.map(\.name) == ["GET /things/{id}", "POST /things", "GET /broken"])
        // The gateway tells nobody of its own step, so the request's is the first; the caller's is somebody's.
        #expect(kept.map(\.parent) == [nil, "b7ad6b7169203331", nil])
        #expect(kept.map(\.failure) == [nil, nil, "status 500"])
        #expect(kept[0].attributes["http.response.status_code"] == .number(200))
        #expect(kept[0].attributes["http.route"] == .text("/things/{id}"))

        let event = await Tracer.silent.span("request", .server, continuing: TraceParent(parsing: callers)) { _ in
            try? PendingEvent(
                StatusProbe(), at: Date(), tenant: nil, actor: .system("audit"), trace: nil)
        }
        #expect(TraceParent(parsing: event?.header.trace)?.traceIdentifier == "0af7651916cd43dd8448eb211c80319c")
    }

    private struct StatusProbe: Event {
        static let name = "audit.test.happened"
    }
}
