import Contracts
import CoreMetrics
import Foundation
import HTTP
import Hummingbird
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import ServiceRuntime

/// A service that does nothing, on the tables that all have.
private struct Bare: DeployableService {
    static let name = ServiceName.audit
    static let migrations: [Migration] = []

    init(_ house: House) {}
    func routes(on router: Router<AppContext>) {}
    func methods(on router: inout RPCRouter) {}
}

@Suite("Gauges of every service")
struct HouseGaugesTests {
    @Test("how far a reader is behind comes from Redis, and is the whole stream where Redis does not know")
    func lag() async throws {
        func group(_ name: String, pending: Int64, lag: RedisValue) -> RedisValue {
            .array([
                .text(Array("name".utf8)), .text(Array(name.utf8)), .text(Array("pending".utf8)), .integer(pending), .text(Array("lag".utf8)), lag,
            ])
        }
        let answer = RedisValue.array([group("audit", pending: 1, lag: .integer(3)), group("delivery", pending: 2, lag: .null)])
        let audit = await HouseGauges.lag(of: "audit", in: answer) { 100 }
        let known = try #require(audit)
        #expect(known.unread == 3 && known.unacknowledged == 1)
        let delivery = await HouseGauges.lag(of: "delivery", in: answer) { 100 }
        let unknown = try #require(delivery)
        #expect(unknown.unread == 100 && unknown.unacknowledged == 2)
        let none = await HouseGauges.lag(of: "campaigns", in: answer) { 100 }
        #expect(none == nil)
    }

    @Test("the outbox's rows and their age, what is unread in the streams, and when keys were changed")
    func sample() async throws {
        let test = try await TestHouse.make(for: Bare.self)
        let house = test.house
        try await house.worker.query(
            """
            insert into outbox (id, type, body, occurred_at, published_at, stream_ms, stream_seq) values
                (gen_random_uuid(), 'a', '{}', now() - interval '90 seconds', null, null, null),
                (gen_random_uuid(), 'a', '{}', now() - interval '1 hour', now() - interval '30 seconds', 1, 1)
            """)
        let redis = RedisClient(house.redis)
        try await redis.command(["XADD", "events:auth", "*", "body", "x"])
        try await redis.command(["XGROUP", "CREATE", "events:auth", "audit", "0"])
        let key = FileManager.default.temporaryDirectory.appending(path: "key-\(UUID().uuidString)")
        try Data().write(to: key)
        defer { try? FileManager.default.removeItem(at: key) }
        try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: key.path)
        let gauges = HouseGauges(
            service: .audit, instance: "7", database: house.worker, redis: redis, keyFiles: [(key: "token", path: key.path)])
        let registry = MetricsRegistry()
        try await withMetricsFactory(registry) { try await gauges.sample() }
        let lines = registry.exposition().split(separator: "\n").map(String.init)
        #expect(lines.contains(#"outbox_events{state="unpublished"} 1.0"#))
        #expect(lines.contains(#"outbox_events{state="unread"} 1.0"#))
        #expect(Self.value(#"outbox_oldest_seconds{state="unpublished"} "#, lines).map { (90..<150).contains($0) } == true)
        #expect(Self.value(#"outbox_oldest_seconds{state="unread"} "#, lines).map { (30..<90).contains($0) } == true)
        #expect(lines.contains(#"events_unread{source="auth"} 1.0"#))
        #expect(lines.contains(#"key_file_modified_timestamp_seconds{key="token"} 1000000.0"#))
        #expect(lines.contains(#"service_info{service="audit",replica="7"} 1.0"#))
    }

    private static func value(_ beginning: String, _ lines: [String]) -> Double? {
        lines.first { $0.hasPrefix(beginning) }.flatMap { Double($0.dropFirst(beginning.count)) }
    }
}
