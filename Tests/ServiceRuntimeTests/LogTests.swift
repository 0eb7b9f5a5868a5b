import Foundation
import Logging
import Primitives
import Synchronization
import Testing

@testable import ServiceRuntime

@Suite("The log")
struct LogTests {
    private final class Lines: Sendable {
        let all = Mutex<[Data]>([])

        func logger(_ level: Logger.Level = .info) -> Logger {
            Logger(label: "l") { label in
                JSONLogHandler(service: "auth", label: label, level: level) { line in self.all.withLock { $0.append(line) } }
            }
        }

        func last() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: all.withLock { $0.last } ?? Data()) as? [String: Any])
        }
    }

    @Test("a line inside a request has its request id and its trace, one outside has neither")
    func place() async throws {
        let lines = Lines()
        let logger = lines.logger()
        let began = TraceParent.root()
        await Tracer.silent.span("request", .server, continuing: began, requestID: "r-7") { _ in logger.info("inside") }
        let inside = try #require(try lines.last()["metadata"] as? [String: String])
        #expect(inside["request_id"] == "r-7" && inside["trace_id"] == began.traceIdentifier && inside["span_id"]?.count == 16)
        logger.info("outside")
        let outside = try lines.last()["metadata"] as? [String: String]
        #expect(outside?.isEmpty == true)
    }

    @Test("from info upwards nobody's address is in it, wherever it stood; to look for a fault it may be shown")
    func addresses() throws {
        struct Refused: Error, CustomStringConvertible { let description = "550 no such user <bob.o'neil+x@example.com>" }
        let lines = Lines()
        lines.logger().warning("sent to anna@example.com", metadata: ["who": "Ünï@exämple.de, @home", "error": "\(Refused())"])
        let line = try lines.last()
        #expect(line["message"] as? String == "sent to …@example.com")
        let metadata = try #require(line["metadata"] as? [String: String])
        #expect(metadata["who"] == "…@exämple.de, @home")
        #expect(metadata["error"] == "550 no such user <…@example.com>")
        lines.logger(.debug).debug("sent to anna@example.com")
        #expect(try lines.last()["message"] as? String == "sent to anna@example.com")
    }
}
