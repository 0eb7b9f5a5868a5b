import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import Primitives
import TestSupport
import Testing

@testable import Audit

@Suite("The public status")
struct StatusPageTests {
    private static let now = Date(timeIntervalSince1970: 1_800_014_400)
    private static let paths = [
        "/api/v1/status", "/api/v1/status/uptime", "/api/v2/summary.json", "/status", "/status/feed.atom", "/status/style.css",
    ]
    private static let evil = #"<script>alert("x")</script> & 'more'"#

    private let board = StatusBoard()

    private func incident(_ title: String = "Mails are late", automatic: Bool = false, resolvedAt: Date? = nil) -> Incident {
        Incident(
            id: IncidentID(UUID()), title: title, impact: .major, state: resolvedAt == nil ? .identified : .resolved, components: ["smtp"],
            automatic: automatic, startedAt: Self.now.addingTimeInterval(-600), updatedAt: Self.now, resolvedAt: resolvedAt,
            updates: [Incident.Update(id: .init(UUID()), state: .identified, message: title, at: Self.now)])
    }

    private func fill(_ history: StatusHistory) {
        for part in ["api", "smtp", "database", "redis", "dashboard"] {
            board.add(Sample(health: .good, latency: .milliseconds(3), at: Self.now), to: part)
        }
        board.publish(history)
    }

    private func get(_ path: String, _ headers: HTTPFields = [:]) async throws -> (status: Int, headers: HTTPFields, body: String) {
        let router = Router(context: AppContext.self, options: .autoGenerateHeadEndpoints)
        StatusRoutes(board: board, clock: WallClock { Self.now }, address: "https://status.example").add(to: router)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try await Application(router: router, logger: logger).test(.router) { client in
            try await client.execute(uri: path, method: .get, headers: headers) { response in
                (response.status.code, response.headers, String(buffer: response.body))
            }
        }
    }

    private func object(_ path: String) async throws -> [String: Any] {
        let body = try await get(path).body
        return try #require(try JSONSerialization.jsonObject(with: Data(body.utf8)) as? [String: Any])
    }

    @Test("every answer may be kept for half a minute, and is a 304 for whoever has it", arguments: paths)
    func caching(path: String) async throws {
        fill(StatusHistory(incidents: [incident()], readAt: Self.now))
        let first = try await get(path)
        #expect(first.status == 200 && !first.body.isEmpty)
        #expect(first.headers[.cacheControl] == "public, max-age=30")
        let tag = try #require(first.headers[.eTag])
        let second = try await get(path, [.ifNoneMatch: tag])
        #expect(second.status == 304 && second.body.isEmpty)
        #expect(try await get(path, [.ifNoneMatch: "\"other\""]).status == 200)
    }

    @Test("the page needs no script, loads nothing from elsewhere, and shows what people wrote as text")
    func page() async throws {
        let maintenance = Maintenance(
            id: MaintenanceID(UUID()), title: Self.evil, message: Self.evil, components: ["redis"], startsAt: Self.now.addingTimeInterval(60),
            endsAt: Self.now.addingTimeInterval(600), cancelledAt: nil, updatedAt: Self.now)
        let incidents = [incident(Self.evil), incident(Self.evil, resolvedAt: Self.now)]
        fill(StatusHistory(incidents: incidents, maintenances: [maintenance], readAt: Self.now))
        let answer = try await get("/status")
        #expect(!answer.body.contains("<script") && !answer.body.contains("style=") && !answer.body.contains("onload"))
        #expect(answer.body.contains("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;more&#39;"))
        let policy = try #require(answer.headers[.contentSecurityPolicy])
        #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("script-src"))
        let feed = try await get("/status/feed.atom")
        #expect(feed.headers[.contentType]?.hasPrefix("application/atom+xml") == true)
        #expect(!feed.body.contains("<script") && feed.body.contains("&lt;script&gt;"))
        #expect(feed.body.components(separatedBy: "<entry>").count == 3)
    }

    @Test("ninety bars a part, the newest is today, each says what it means")
    func bars() async throws {
        let today = UptimeDay.number(of: Self.now)
        fill(StatusHistory(days: ["api": [UptimeDay(day: today, operational: 700, down: 20)]], readAt: Self.now))
        let body = try await get("/status").body
        #expect(body.components(separatedBy: "<rect ").count - 1 == 90 * Probe.names.count)
        #expect(body.contains("\(CivilDay.text(of: today)): 97.22 %, 20 min down"))
        #expect(body.contains("\(CivilDay.text(of: today - 89)): not measured"))
        #expect(!body.contains(CivilDay.text(of: today - 90)))
    }

    @Test("while nothing was ever read from the database, no day is called not measured and no answer looks like a history")
    func withoutHistory() async throws {
        fill(StatusHistory())
        let page = try await get("/status").body
        #expect(!page.contains("not measured") && !page.contains("<rect ") && page.contains("The history is not available"))
        #expect(try await get("/status/feed.atom").body.contains("Earlier incidents are not available"))
        for path in ["/api/v1/status", "/api/v1/status/uptime"] { #expect(try await object(path)["history_at"] == nil, "\(path)") }
        fill(StatusHistory(readAt: Self.now))
        #expect(try await get("/status").body.contains("not measured"))
        #expect(try await !get("/status/feed.atom").body.contains("not available"))
        for path in ["/api/v1/status", "/api/v1/status/uptime"] { #expect(try await object(path)["history_at"] != nil, "\(path)") }
    }

    @Test(
        "one bad minute does not paint a day as an outage, an hour does",
        arguments: [
            (UptimeDay(day: 1), .unknown), (UptimeDay(day: 1, maintenance: 5), .maintenance),
            (UptimeDay(day: 1, operational: 1_431, degraded: 9), .operational), (UptimeDay(day: 1, operational: 1_430, degraded: 10), .degraded),
            (UptimeDay(day: 1, operational: 1_439, down: 1), .degraded), (UptimeDay(day: 1, operational: 1_380, down: 60), .down),
        ] as [(UptimeDay, ComponentStatus)])
    func looks(day: UptimeDay, expected: ComponentStatus) {
        #expect(day.look == expected)
    }

    @Test("the summary has Statuspage's shape: known parts only, open incidents only, the worse of both as its indicator")
    func summary() async throws {
        fill(StatusHistory(incidents: [incident(), incident("Old", resolvedAt: Self.now)], readAt: Self.now))
        let summary = try await object("/api/v2/summary.json")
        #expect(Set(summary.keys) == ["page", "status", "components", "incidents", "scheduled_maintenances"])
        #expect((summary["status"] as? [String: Any])?["indicator"] as? String == "major")
        let components = try #require(summary["components"] as? [[String: Any]])
        #expect(components.compactMap { $0["id"] as? String } == ["api", "smtp", "database", "redis", "dashboard"])
        #expect(components[1]["status"] as? String == "degraded_performance")
        #expect(components[0]["description"] is NSNull)
        let incidents = try #require(summary["incidents"] as? [[String: Any]])
        #expect(incidents.compactMap { $0["name"] as? String } == ["Mails are late"])
        #expect(incidents[0]["resolved_at"] is NSNull)
        #expect((incidents[0]["incident_updates"] as? [[String: Any]])?.count == 1)
    }

    @Test("well, nothing known, and announced work each have their word", arguments: ["well", "nothing", "maintenance"])
    func indicators(what: String) async throws {
        let maintenance = Maintenance(
            id: MaintenanceID(UUID()), title: "t", message: "m", components: ["redis"], startsAt: Self.now,
            endsAt: Self.now.addingTimeInterval(60), cancelledAt: nil, updatedAt: Self.now)
        if what != "nothing" { fill(StatusHistory(maintenances: what == "maintenance" ? [maintenance] : [], readAt: Self.now)) }
        let indicator = (try await object("/api/v2/summary.json")["status"] as? [String: Any])?["indicator"] as? String
        #expect(indicator == ["well": "none", "nothing": "minor", "maintenance": "maintenance"][what])
        let status = try await object("/api/v1/status")["status"] as? String
        #expect(status == ["well": "operational", "nothing": "unknown", "maintenance": "maintenance"][what])
    }

    @Test("no answer says where it runs or for whom", arguments: paths)
    func secrets(path: String) async throws {
        fill(StatusHistory(incidents: [incident()], readAt: Self.now))
        let answer = try await get(path)
        for word in ["127.0.0.1", "localhost", "postgres:", "tenant", "hummingbird", "audit_"] {
            #expect(!answer.body.lowercased().contains(word), "\(word)")
        }
        #expect(answer.headers[.server] == nil)
    }

    @Test("an incident that the probes opened does not keep a part that recovered from looking well; one of the staff does")
    func effect() {
        for (automatic, expected) in [(true, ComponentStatus.operational), (false, .degraded)] {
            fill(StatusHistory(incidents: [incident(automatic: automatic)], readAt: Self.now))
            #expect(board.components(now: Self.now).first { $0.name == "smtp" }?.status == expected)
        }
    }
}
