import Contracts
import CoreMetrics
import Foundation
import Postgres
import Primitives
import RPC
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Delivery
@testable import ServiceRuntime

@Suite("What Delivery tells of itself")
struct ObservationTests {
    @Test("a mail's conversation is a step of the trace in which it was asked for, and nothing of that is in the mail")
    func trace() async throws {
        let spans = Mutex<[Span]>([])
        let tracer = Tracer(clock: .system) { span in spans.withLock { $0.append(span) } }
        let fixture = try await DeliveryFixture.make(tracer: tracer)
        let mailbox = try await fixture.mailbox()
        let began = TraceParent.root()
        let request = fixture.plan(mailbox, ["a@x.example", "refuse-550@x.example"])
        try await tracer.span("request", .server, continuing: began, requestID: "r") { _ in _ = try await fixture.rpc.call(request) }
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("both have their fate", within: .seconds(40)) { try await fixture.states() == ["accepted": 1, "refused": 1] }
        }
        let sent = spans.withLock { $0 }.filter { $0.name == "mail.send" }
        #expect(sent.count == 2 && sent.allSatisfy { $0.position.traceIdentifier == began.traceIdentifier && $0.kind == .client })
        let results = sent.map { $0.attributes["penguin.result"] }
        #expect(results == [.text("accepted"), .text("refused")] || results == [.text("refused"), .text("accepted")])
        #expect(sent.first { $0.failure != nil }?.attributes["smtp.reply_code"] == .number(550))
        let mail = try #require(try fixture.mail.mails().first)
        #expect(!mail.contains(began.traceIdentifier))
        // No address goes where traces go.
        #expect(!sent.contains { span in span.attributes.values.contains { if case .text(let text) = $0 { text.contains("@") } else { false } } })
    }

    @Test("mail that nothing asked for is in no trace, and other jobs are tried in the one in which they were put in")
    func others() async throws {
        let spans = Mutex<[Span]>([])
        let tracer = Tracer(clock: .system) { span in spans.withLock { $0.append(span) } }
        let fixture = try await DeliveryFixture.make(tracer: tracer)
        let mailbox = try await fixture.mailbox()
        spans.withLock { $0 = [] }
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        let began = TraceParent.root()
        let jobs = DeliveryRPC.EnqueueJobs(
            tenant: fixture.tenant, queue: "queue:maintenance", kind: "benchmark.nothing",
            jobs: [.init(key: "one", lane: nil, payload: [:], priority: 100, dueAt: fixture.house.clock.clock.now)])
        try await tracer.span("request", .server, continuing: began) { _ in _ = try await fixture.rpc.call(jobs) }
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("both are done", within: .seconds(40)) {
                try await fixture.database.query(
                    "select from jobs where state = 'completed' and kind in ('email', 'benchmark.nothing')"
                ).count == 2
            }
        }
        let kept = spans.withLock { $0 }
        #expect(!kept.contains { $0.name == "mail.send" })
        let job = try #require(kept.first { $0.name == "job benchmark.nothing" })
        #expect(job.position.traceIdentifier == began.traceIdentifier && job.kind == .consumer && job.failure == nil)
    }

    @Test("gauges say what lies in the tables: what could run, lost leases, budgets, mailboxes; what has gone is 0")
    func gauges() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example", "b@x.example", "c@x.example"]))
        try await fixture.database.query("update jobs set run_at = now() - interval '100 seconds'")
        try await fixture.database.query("update lanes set next_at = now() - interval '100 seconds'")
        let gauges = DeliveryGauges(database: fixture.database, logger: fixture.house.house.logger)
        let registry = MetricsRegistry()
        func look() async throws -> [String] {
            try await withMetricsFactory(registry) {
                try await gauges.queues()
                try await gauges.mailboxes()
                try await gauges.budgets()
            }
            return registry.exposition().split(separator: "\n").map(String.init)
        }
        var lines = try await look()
        #expect(lines.contains(#"delivery_queue_jobs{queue="queue:email-sending",state="overdue"} 3.0"#))
        #expect(lines.contains(#"delivery_queue_jobs{queue="queue:email-sending",state="waiting"} 3.0"#))
        #expect(lines.contains(#"delivery_queue_jobs{queue="queue:maintenance",state="overdue"} 0.0"#))
        let age = lines.first { $0.hasPrefix(#"delivery_queue_oldest_overdue_seconds{queue="queue:email-sending"}"#) }
        #expect(age?.split(separator: " ").last.flatMap { Double($0) }.map { (100..<200).contains($0) } == true)
        #expect(lines.contains("delivery_leases_stuck 0.0"))
        #expect(lines.contains(#"delivery_mailboxes{state="active"} 1.0"#) && lines.contains(#"delivery_mailboxes{state="paused"} 0.0"#))

        #expect(try await fixture.claim().count == 3)
        try await fixture.database.query("update jobs set lease_until = now() - interval '2 minutes'")
        try await fixture.database.query("update mailboxes set daily_limit = 10, state = 'active'")
        lines = try await look()
        #expect(lines.contains("delivery_leases_stuck 3.0"))
        #expect(lines.contains(#"delivery_queue_jobs{queue="queue:email-sending",state="overdue"} 0.0"#))
        #expect(lines.contains(#"delivery_queue_jobs{queue="queue:email-sending",state="active"} 3.0"#))
        #expect(lines.contains(#"delivery_budget_limit_mails{provider="other"} 10.0"#))
        #expect(lines.contains(#"delivery_budget_used_mails{provider="other"} 3.0"#))
        #expect(lines.contains(#"delivery_budget_used_mails{provider="google"} 0.0"#))
        // Every series that there is, is documented.
        let known = Set(DeliveryService.metrics.map(\.name))
        let told = Set(lines.filter { $0.hasPrefix("# TYPE ") }.map { String($0.split(separator: " ")[2]) })
        #expect(told.subtracting(known).isEmpty)
    }
}
