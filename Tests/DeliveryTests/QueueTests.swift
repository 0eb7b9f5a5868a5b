import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import RPC
import Synchronization
import TestSupport
import Testing

@testable import Delivery

extension DeliveryFixture {
    static let queues = "/api/v1/platform/system/queues"

    func operate(_ method: HTTPRequest.Method, _ path: String, _ body: String = "{}", staff: StaffRole? = .ops) async throws -> (
        status: Int, body: String
    ) {
        var headers = try await house.identityHeader(tenant: tenant, staff: staff)
        headers[.contentType] = "application/json"
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: Self.queues + path, method: method, headers: sent, body: ByteBuffer(string: body)) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    var jobs: JobStore { JobStore(database: database, counters: QueueCounters(instance: "test", .other)) }

    func enqueue(_ new: [NewJob]) async throws -> Int {
        let (jobs, now) = (jobs, house.clock.clock.now)
        return try await database.transaction { try await jobs.enqueue(new, now: now, in: $0) }
    }

    func overview(_ queue: WorkQueue) async throws -> QueueOverview {
        try #require(try await QueueMonitor(database: database).overview(of: queue.rawValue, now: house.clock.clock.now).first)
    }

    /// Works with handlers of the test's own until `condition` holds.
    func work(_ handlers: [String: JobHandler], until condition: @escaping @Sendable () async throws -> Bool) async throws {
        let worker = JobWorker(
            streams: WorkStreams(consumer: "test", queues: WorkQueue.others), store: jobs, redis: house.house.redis, handlers: handlers, slots: 16,
            lease: 30, clock: house.clock.clock, wakeup: Wakeup(), logger: house.house.logger)
        try await house.withBackground([worker, service.dispatcher]) { try await eventually("the jobs are done", condition) }
    }

    func states(of kind: String) async throws -> [String] {
        try await database.query("select state from jobs where kind = \(kind) order by id").map { try $0.decode("state") }
    }
}

@Suite("Jobs of every kind")
struct JobTests {
    @Test("a job is enqueued once a key, done in its lane's order, and counted")
    func done() async throws {
        let fixture = try await DeliveryFixture.make()
        let lane = UUID()
        let new = (0..<50).map { NewJob(queue: .webhook, kind: "t.order", lane: lane, payload: PostgresJSON(text: "\($0)"), uniqueKey: "k\($0)") }
        #expect(try await fixture.enqueue(new) == 50)
        #expect(try await fixture.enqueue(new) == 0)
        #expect(try await fixture.overview(.webhook).depth == 50)
        let seen = Mutex<[Int]>([])
        try await fixture.work([
            "t.order": { job in
                seen.withLock { $0.append(Int(String(decoding: job.payload, as: UTF8.self)) ?? -1) }
                return .done
            }
        ]) { try await Set(fixture.states(of: "t.order")) == ["completed"] }
        #expect(seen.withLock { $0 } == Array(0..<50))
        let after = try await fixture.overview(.webhook)
        #expect(after.depth == 0 && after.active == 0 && after.completedLastHour == 50 && after.failed == 0)
    }

    @Test("what fails is tried again later, at most as often as it may, and then waits for an operator with its error and its log")
    func failures() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.enqueue([
            NewJob(queue: .bounce, kind: "t.fail", maxAttempts: 2), NewJob(queue: .bounce, kind: "t.dead"), NewJob(queue: .bounce, kind: "t.unknown"),
            NewJob(queue: .bounce, kind: "t.snooze"),
        ])
        struct Broken: Error {}
        let later = fixture.house.clock.clock.now.addingTimeInterval(3_600)
        let handlers: [String: JobHandler] = [
            "t.fail": { _ in throw Broken() }, "t.dead": { _ in .dead("never") }, "t.snooze": { _ in .snooze(until: later) },
        ]
        try await fixture.work(handlers) {
            // Nobody waits for the back-off here.
            try await fixture.database.query("update jobs set run_at = now() where kind = 't.fail' and state = 'queued'")
            try await fixture.database.query("update lanes set next_at = now() where queue = 'queue:bounce:process'")
            return try await fixture.database.query("select 1 as one from jobs where queue = 'queue:bounce:process' and state = 'failed'").count == 3
        }
        let rows = try await fixture.database.query("select kind, attempt, error from jobs where state = 'failed' and kind like 't.%' order by kind")
        #expect(
            try rows.map { "\(try $0.decode("kind", as: String.self)) \(try $0.decode("attempt", as: Int.self))" } == [
                "t.dead 1", "t.fail 2", "t.unknown 1",
            ])
        #expect(try rows[0].decode("error", as: String.self) == "never")
        let snoozed = try await fixture.database.query("select state, attempt, run_at from jobs where kind = 't.snooze'")[0]
        #expect(try snoozed.decode("state", as: String.self) == "queued" && snoozed.decode("attempt", as: Int.self) == 0)

        let failed = try await fixture.operate(.get, "/bounce:process/jobs?state=failed")
        #expect(failed.status == 200 && failed.body.contains("t.dead") && failed.body.contains("never"))
        let ofKind = try await fixture.operate(.get, "/bounce:process/jobs?state=failed&kind=t.fail")
        #expect(ofKind.status == 200 && ofKind.body.contains("t.fail") && !ofKind.body.contains("t.dead"))
        for state in JobViewStore.State.allCases {
            let ofNobody = try await fixture.operate(.get, "/bounce:process/jobs?state=\(state)&kind=t.fail&tenant=\(TenantID(UUID()))")
            #expect(ofNobody.status == 200 && ofNobody.body.contains(#""data":[]"#), "\(state)")
        }
        #expect(try await fixture.operate(.get, "/bounce:process/jobs?tenant=odd").status == 400)
        let dead: UUID = try await fixture.database.query("select id from jobs where kind = 't.dead'")[0].decode("id")
        let detail = try await fixture.operate(.get, "/bounce:process/jobs/\(dead)")
        #expect(detail.body.contains(#""level":"error""#) && detail.body.contains(#""payload":"{}""#))
        #expect(try await fixture.operate(.post, "/bounce:process/jobs/\(dead)/retry").status == 204)
        #expect(try await fixture.states(of: "t.dead") == ["queued"])
        #expect(try await fixture.operate(.post, "/bounce:process/retry-all", #"{"kind":"t.fail"}"#).body.contains(#""count":1"#))
        #expect(try await fixture.overview(.bounce).failed == 1)
        // Both take no body, and a filter.
        #expect(try await fixture.operate(.post, "/webhook:process/retry-all", "").body == #"{"count":0}"#)
        #expect(try await fixture.operate(.post, "/bounce:process/clear-failed", #"{"kind":"t.fail"}"#).body == #"{"count":0}"#)
        #expect(try await fixture.operate(.post, "/bounce:process/clear-failed", #"{"tenant":"\#(TenantID(UUID()))"}"#).body == #"{"count":0}"#)
        #expect(try await fixture.operate(.post, "/bounce:process/clear-failed", "").body.contains(#""count":1"#))
        let cleared = try await fixture.overview(.bounce)
        #expect(cleared.failed == 0 && cleared.depth == 3)
        let actions = try await fixture.database.query(
            "select jsonb_path_query_first(body::jsonb, '$.**.audit.action') #>> '{}' as action from outbox where type = 'delivery.queue.operated' order by id"
        )
        let names = try actions.map { try $0.decode("action", as: String.self) }
        #expect(names.sorted() == ["job.retry", "queue.clear_failed", "queue.retry_all"])
    }

    @Test("other services enqueue by RPC, each key once; a queue of mail or none at all is refused")
    func remote() async throws {
        let fixture = try await DeliveryFixture.make()
        let job = DeliveryRPC.PlannedJob(key: "k", lane: nil, payload: ["a": "b"], priority: 100, dueAt: fixture.house.clock.clock.now)
        func call(_ queue: String, _ jobs: [DeliveryRPC.PlannedJob]) async throws -> DeliveryRPC.EnqueueResult {
            try await fixture.rpc.call(DeliveryRPC.EnqueueJobs(tenant: fixture.tenant, queue: queue, kind: "t.remote", jobs: jobs))
        }
        #expect(try await call("queue:webhook:process", [job]) == .init(enqueued: 1, known: 0))
        #expect(try await call("queue:webhook:process", [job]) == .init(enqueued: 0, known: 1))
        for queue in ["queue:email-sending", "queue:none"] {
            let error = await #expect(throws: RPCError.self) { _ = try await call(queue, [job]) }
            #expect(error?.kind == "unknown_queue")
        }
        let error = await #expect(throws: RPCError.self) { _ = try await call("queue:webhook:process", []) }
        #expect(error?.kind == "invalid_batch")
    }

    @Test("a job whose worker dies comes back under a new fence; the old worker's word counts for nothing; a poison job ends")
    func crashes() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.enqueue([NewJob(queue: .webhook, kind: "t.crash", maxAttempts: 2)])
        func claim() async throws -> [WorkStreams.Entry] {
            let lease = DispatcherLease(database: fixture.database, holder: "test", length: .seconds(60))
            let fence = try #require(try await lease.take())
            return fixture.entries(
                try await fixture.claims().claim(
                    .webhook, room: 10, share: FairShare(), fence: fence, holder: "test", lease: 30, now: fixture.house.clock.clock.now
                ).claimed)
        }
        let first = try await fixture.jobs.take(try await claim())
        #expect(first.count == 1)
        try await fixture.endLeases()
        #expect(try await fixture.sweep() == 1)
        try await fixture.jobs.finish([(first[0], .done)], now: Date(), spread: { 0 })
        #expect(try await fixture.states(of: "t.crash") == ["queued"])
        #expect(try await claim().count == 1)
        try await fixture.endLeases()
        try await fixture.sweep()
        #expect(try await fixture.states(of: "t.crash") == ["failed"])
        let overview = try await fixture.overview(.webhook)
        #expect(overview.failed == 1 && overview.active == 0 && overview.depth == 0)
    }

    @Test("cron kinds come once a period, and what ended long ago is removed without touching the ledger")
    func upkeep() async throws {
        let fixture = try await DeliveryFixture.make()
        let cron = Cron(database: fixture.database, jobs: fixture.jobs)
        let now = fixture.house.clock.clock.now
        for _ in 0..<3 { try await cron.enqueueDue(now: now) }
        #expect(try await fixture.states(of: "maintenance.retention").count == 1)
        try await cron.enqueueDue(now: now.addingTimeInterval(3_600))
        #expect(try await fixture.states(of: "maintenance.retention").count == 2)

        let mailbox = try await fixture.mailbox()
        let plan = fixture.plan(mailbox, ["a@x.example", "refuse-550@x.example"])
        _ = try await fixture.rpc.call(plan)
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        try await fixture.write(taken[0].delivery, .accepted(code: 250, text: "ok"))
        try await fixture.write(taken[1].delivery, .refused(code: 550, text: "no"))
        func prune(after days: Double) async throws -> Int {
            let clock = WallClock { now.addingTimeInterval(days * 86_400) }
            let retention = Maintenance.Retention(completed: 30 * 86_400, failed: 365 * 86_400, logs: 90 * 86_400)
            try await Maintenance(database: fixture.database, retention: retention, clock: clock).prune()
            return try await fixture.database.query("select 1 as one from jobs where kind = 'email'").count
        }
        #expect(try await prune(after: 29) == 2)
        #expect(try await prune(after: 31) == 1)
        #expect(try await prune(after: 366) == 0)
        #expect(try await fixture.database.query("select 1 as one from job_logs").isEmpty)
        #expect(try await fixture.rpc.call(plan) == .init(enqueued: 0, known: 2))
        #expect(try await fixture.overview(.mail).failed == 0)
    }

    @Test("counters that a defect made drift are set right")
    func recount() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.enqueue([NewJob(queue: .webhook, kind: "t.a"), NewJob(queue: .webhook, kind: "t.b")])
        try await fixture.database.query("update queue_counters set waiting = waiting + 40, failed = 7")
        let retention = Maintenance.Retention(completed: 1, failed: 1, logs: 1)
        try await Maintenance(database: fixture.database, retention: retention, clock: fixture.house.clock.clock).recount()
        let overview = try await fixture.overview(.webhook)
        #expect(overview.depth == 2 && overview.failed == 0)
    }
}

@Suite("Deep lanes")
struct DeepLaneTests {
    @Test("the first jobs of a lane come in order out of their index, however many wait behind them", arguments: ["auto", "force_generic_plan"])
    func plan(mode: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let lane = Lane(tenant: fixture.tenant, id: UUID())
        try await fixture.database.query(
            """
            insert into jobs (id, queue, kind, tenant_id, lane_id, priority, run_at, created_at)
            select gen_random_uuid(), 'queue:webhook:process', 't.deep', \(lane.tenant), \(lane.id), 100 + n % 3, now() - make_interval(secs => n), now()
            from generate_series(1, 20000) n
            """)
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        try await owner.query("analyze jobs")
        let plan = try await owner.transaction { transaction -> String in
            try await transaction.query("select set_config('plan_cache_mode', \(mode), true)")
            return try await transaction.query("explain \(ClaimStore.heads(.webhook, [lane: 50]))").map {
                try $0.decode("QUERY PLAN", as: String.self)
            }
            .joined(separator: "\n")
        }
        #expect(plan.contains("jobs_claimable") && !plan.contains("jobs_in_lane") && !plan.contains("Seq Scan on jobs"), "\(plan)")
    }
}

@Suite("The queue monitor")
struct QueueMonitorTests {
    @Test("only staff sees it, and only ops works it")
    func whoMay() async throws {
        let fixture = try await DeliveryFixture.make()
        #expect(try await fixture.operate(.get, "", staff: nil).status == 403)
        #expect(try await fixture.operate(.get, "", staff: .finance).status == 403)
        #expect(try await fixture.operate(.get, "", staff: .support).status == 200)
        #expect(try await fixture.operate(.post, "/email-sending/resume", staff: .support).status == 403)
        #expect(try await fixture.operate(.post, "/email-sending/resume", staff: .superAdmin).status == 204)
        #expect(try await fixture.operate(.get, "/nobody").status == 404)
        #expect(try await fixture.operate(.get, "/email-sending/jobs?state=odd").status == 400)
        #expect(try await fixture.operate(.post, "/email-sending/pause", #"{"reason":" "}"#).status == 400)
    }

    @Test("a paused queue admits nothing, says by whom and why, and goes on when resumed")
    func pause() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        #expect(try await fixture.operate(.post, "/email-sending/pause", #"{"reason":"provider trouble"}"#).status == 204)
        #expect(try await fixture.claim().isEmpty)
        let seen = try await fixture.operate(.get, "/queue:email-sending")
        #expect(seen.body.contains(#""is_paused":true"#) && seen.body.contains("provider trouble") && seen.body.contains("Test Person"))
        #expect(try await fixture.operate(.post, "/email-sending/resume").status == 204)
        #expect(try await fixture.claim().count == 1)
    }

    @Test("a list goes on where its page ended, whatever became of the job there meanwhile", arguments: ["waiting", "delayed"])
    func pages(state: String) async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.enqueue((0..<6).map { NewJob(queue: .webhook, kind: "t.page", uniqueKey: "\($0)") })
        // Closer to each other than what JSON says of them.
        let start: SQL = state == "waiting" ? "timestamptz '2026-01-01'" : "timestamptz '2126-01-01'"
        try await fixture.database.query("update jobs set run_at = \(start) + unique_key::integer * interval '1 microsecond'")
        let order: [JobID] = try await fixture.database.query("select id from jobs order by run_at").map { try $0.decode("id") }
        func page(_ cursor: String?) async throws -> (jobs: [JobID], next: String?) {
            let answer = try await fixture.operate(
                .get, "/webhook:process/jobs?state=\(state)&limit=2" + (cursor.map { "&cursor=\($0)" } ?? ""))
            #expect(answer.status == 200 && answer.body.firstMatch(of: /"(id|lane)":"[^"]*[A-F]/) == nil, "\(answer.body)")
            return (
                answer.body.matches(of: /"id":"([0-9a-f-]{36})"/).compactMap { JobID($0.1) },
                answer.body.firstMatch(of: /"next":"([^"]+)"/).map { String($0.1) }
            )
        }
        let first = try await page(nil)
        #expect(first.jobs == Array(order[0..<2]) && first.next != nil)
        try await fixture.database.query("delete from jobs where id = \(order[1])")
        let second = try await page(first.next)
        #expect(second.jobs == Array(order[2..<4]) && second.next != nil)
        try await fixture.database.query("update jobs set run_at = run_at + interval '1 day' where id = \(order[3])")
        let third = try await page(second.next)
        #expect(third.jobs == [order[4], order[5]])
        let foreign = Data(#"[{"due_at":9223372036854775807,"id":"\#(order[4])"}]"#.utf8).base64URL
        #expect(try await fixture.operate(.get, "/webhook:process/jobs?state=\(state)&cursor=\(foreign)").status == 400)
    }

    @Test("the age of the oldest job goes by the service's clock")
    func age() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.enqueue([NewJob(queue: .webhook, kind: "t.old")])
        fixture.house.clock.advance(by: .seconds(86_400))
        let answer = try await fixture.operate(.get, "/webhook:process")
        let age = try #require(answer.body.firstMatch(of: /"oldest_age_seconds":([0-9]+)/).flatMap { Int($0.1) }, "\(answer.body)")
        #expect((86_400..<90_000).contains(age))
    }

    @Test("what waits, is delayed, runs and is held by a gate is told apart; a cancelled mail gives its reservation back")
    func numbers() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        var plan = fixture.plan(mailbox, (0..<6).map { "l\($0)@x.example" })
        let reservation = ReservationID(UUID())
        for index in plan.sends.indices { plan.sends[index].reservation = reservation }
        plan.sends[5].dueAt = fixture.house.clock.clock.now.addingTimeInterval(3_600)
        _ = try await fixture.rpc.call(plan)
        #expect(try await fixture.claim(limit: 2).count == 2)
        let before = try await fixture.overview(.mail)
        #expect(before.depth == 6 && before.active == 2 && before.waiting == 3 && before.delayed == 1 && before.health == .healthy)
        #expect(try #require(before.oldestAgeSeconds) >= 0)
        let waiting: UUID = try await fixture.database.query("select id from jobs where state = 'queued' order by id limit 1")[0].decode("id")
        #expect(try await fixture.operate(.post, "/email-sending/jobs/\(waiting)/cancel").status == 204)
        #expect(try await fixture.operate(.post, "/email-sending/jobs/\(waiting)/cancel").status == 409)
        #expect(try await fixture.overview(.mail).depth == 5)
        #expect(try await fixture.states()["cancelled"] == 1)
        let released: Int = try await fixture.database.query("select released from reservation_settlements")[0].decode("released")
        #expect(released == 1)
        // A gate sets aside what it holds: others in the same lane go on, and nothing is lost when it opens.
        _ = try await fixture.rpc.call(fixture.gate(open: false, version: 1))
        #expect(try await fixture.claim().isEmpty)
        #expect(try await fixture.database.query("select 1 as one from jobs where state = 'gated'").count == 2)
        #expect(try await fixture.overview(.mail).depth == 5)
        _ = try await fixture.rpc.call(fixture.gate(open: true, version: 2))
        #expect(try await SendGates(database: fixture.database, wakeup: Wakeup()).release())
        #expect(try await fixture.claim().count == 2)
    }

    @Test("health: overdue jobs and failures against the queue's own thresholds")
    func health() {
        let usual = QueueHealth.Thresholds()
        #expect(QueueHealth(overdue: 99, failed: 10, thresholds: usual) == .healthy)
        #expect(QueueHealth(overdue: 100, failed: 0, thresholds: usual) == .warning)
        #expect(QueueHealth(overdue: 1_000, failed: 0, thresholds: usual) == .warning)
        #expect(QueueHealth(overdue: 1_001, failed: 0, thresholds: usual) == .critical)
        #expect(QueueHealth(overdue: 0, failed: 11, thresholds: usual) == .critical)
        #expect(QueueHealth(overdue: 5_000, failed: 0, thresholds: .init(warningWaiting: 10_000, criticalWaiting: 50_000)) == .healthy)
    }
}

@Suite("Mail of unknown fate")
struct AmbiguousTests {
    private func held(_ fixture: DeliveryFixture) async throws -> Delivery {
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        #expect(try await DataSentMarks(database: fixture.database).mark(taken[0].delivery))
        try await fixture.write(taken[0].delivery, .ambiguous(text: "the line broke"))
        return taken[0].delivery
    }

    @Test("it is listed with its reason and settled by its owner", arguments: [("sent", "accepted"), ("not_sent", "refused"), ("resend", "planned")])
    func settling(settlement: String, state: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let delivery = try await held(fixture)
        let list = try await fixture.send(.get, "/api/v1/sends/ambiguous")
        #expect(list.status == 200 && list.body.contains(delivery.send.description) && list.body.contains("the line broke"))
        #expect(try await !fixture.send(.get, "/api/v1/sends/ambiguous", tenant: TenantID(UUID())).body.contains(delivery.send.description))
        let path = "/api/v1/sends/\(delivery.send)/settle"
        #expect(try await fixture.send(.post, path, #"{"as":"\#(settlement)"}"#, tenant: TenantID(UUID())).status == 404)
        #expect(try await fixture.send(.post, path, #"{"as":"\#(settlement)"}"#).status == 204)
        #expect(try await fixture.send(.post, path, #"{"as":"\#(settlement)"}"#).status == 404)
        #expect(try await fixture.states() == [state: 1])
        // Whoever sent it first can say nothing more.
        try await fixture.write(delivery, .accepted(code: 250, text: "late"))
        #expect(try await fixture.states() == [state: 1])
        #expect(try await fixture.claim().count == (settlement == "resend" ? 1 : 0))
        #expect(try await fixture.overview(.mail).failed == 0)
    }

    @Test("the list can be narrowed to a mailbox, a campaign, or both")
    func narrowed() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailboxes = [try await fixture.mailbox(), try await fixture.mailbox("other@sender.example")]
        let campaigns = [CampaignID(UUID()), CampaignID(UUID())]
        for (number, mailbox) in mailboxes.enumerated() {
            for (other, campaign) in campaigns.enumerated() {
                _ = try await fixture.plan(one: "m\(number)c\(other)@x.example", mailbox) { $0.campaign = campaign }
            }
        }
        try await fixture.database.query("update sends set state = 'ambiguous'")
        func found(_ query: String) async throws -> [String] {
            let answer = try await fixture.send(.get, "/api/v1/sends/ambiguous?\(query)")
            #expect(answer.status == 200, "\(answer.body)")
            return answer.body.matches(of: /"recipient":"([^@]+)@/).map { String($0.1) }.sorted()
        }
        #expect(try await found("limit=50") == ["m0c0", "m0c1", "m1c0", "m1c1"])
        #expect(try await found("mailbox=\(mailboxes[1])") == ["m1c0", "m1c1"])
        #expect(try await found("campaign=\(campaigns[0])") == ["m0c0", "m1c0"])
        #expect(try await found("mailbox=\(mailboxes[0])&campaign=\(campaigns[1])") == ["m0c1"])
        #expect(try await found("campaign=\(CampaignID(UUID()))") == [])
        #expect(try await fixture.send(.get, "/api/v1/sends/ambiguous?mailbox=none").status == 400)
    }

    @Test("a tenant that wants it has such mail sent again by itself; others have it held")
    func policy() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await held(fixture)
        let ambiguous = AmbiguousSends(
            api: fixture.house.house.api, worker: fixture.database, counters: QueueCounters(instance: "test", .other),
            events: SendEvents(outbox: fixture.house.house.outbox), outbox: fixture.house.house.outbox, wakeup: Wakeup(),
            clock: fixture.house.clock.clock)
        #expect(try await ambiguous.resendByPolicy() == 0)
        #expect(try await fixture.send(.get, "/api/v1/sends/settings").body == #"{"ambiguous":"hold"}"#)
        #expect(try await fixture.send(.put, "/api/v1/sends/settings", #"{"ambiguous":"resend"}"#).status == 200)
        #expect(try await ambiguous.resendByPolicy() == 1)
        #expect(try await fixture.states() == ["planned": 1])
        // Others hear that it will be tried again.
        #expect(try await fixture.database.query("select 1 as one from outbox where body like '%\"state\":\"deferred\"%'").count == 1)
        #expect(try await fixture.claim().count == 1)
    }
}
