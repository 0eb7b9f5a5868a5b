import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("The budgets of mailboxes")
struct MailboxBudgetTests {
    private func read(_ fixture: DeliveryFixture, _ mailboxes: [MailboxID], tenant: TenantID? = nil) async throws -> [DeliveryRPC.MailboxBudget] {
        try await fixture.rpc.call(DeliveryRPC.ReadMailboxBudgets(tenant: tenant ?? fixture.tenant, mailboxes: mailboxes))
    }

    private func limit(_ fixture: DeliveryFixture, _ mailbox: MailboxID, _ body: String) async throws {
        let answer = try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/limits", body)
        #expect(answer.status == 200, "\(answer.body)")
    }

    @Test("limits, the ramp's days to come, what was claimed by the hour, and what waits and is not held")
    func figures() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, other) = (try await fixture.mailbox(), try await fixture.mailbox("other@sender.example"))
        try await limit(fixture, mailbox, #"{"hourly":20,"daily":40,"ramp":"aggressive"}"#)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<7).map { "l\($0)@x.example" }))
        let claimed = try await fixture.claim(limit: 2)
        #expect(claimed.count == 2)
        // Three more may go today; a gate holds them.
        _ = try await fixture.rpc.call(fixture.gate(open: false, version: 1))
        #expect(try await fixture.claim().isEmpty)
        #expect(try await fixture.database.query("select 1 as one from jobs where state = 'gated'").count == 3)
        // What is no mail does not wait for the mailbox.
        #expect(try await fixture.enqueue([NewJob(queue: .webhook, kind: "t.other", tenant: fixture.tenant, lane: mailbox.uuid)]) == 1)

        let budgets = try await read(fixture, [other, mailbox, MailboxID(UUID())])
        #expect(Set(budgets.map(\.id)) == [mailbox, other])
        let budget = try #require(budgets.first { $0.id == mailbox })
        #expect(budget.workspace == fixture.workspace && budget.address == "me@sender.example")
        #expect(budget.state == "active" && budget.stateReason == nil && budget.opensAt == nil && budget.gapSeconds == 0)
        #expect(budget.dailyLimit == 40 && budget.hourlyLimit == 20)
        #expect(budget.ramp == [5, 8, 12, 16, 20, 24, 28, 32, 36, 40])
        #expect(budget.usage.map(\.mails).reduce(0, +) == 2 && budget.usage.count <= 2)
        let hour = try #require(budget.usage.first).hour
        #expect(hour.timeIntervalSince1970.truncatingRemainder(dividingBy: 3_600) == 0 && abs(hour.timeIntervalSinceNow) < 7_200)
        #expect(budget.waiting == 2 && budget.health == 100)
        let idle = try #require(budgets.first { $0.id == other })
        #expect(idle.dailyLimit == nil && idle.ramp.isEmpty && idle.usage.isEmpty && idle.waiting == 0)

        // Refused mail tells, and so does a pace that has closed it.
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(claimed))
        try await fixture.write(taken[0].delivery, .refused(code: 550, text: "5.1.1 nobody"))
        try await fixture.write(taken[1].delivery, .accepted(code: 250, text: "ok"))
        try await fixture.database.query("update mailboxes set opens_at = now() + interval '1 hour', ramp_started_at = now() - interval '8 days'")
        try await fixture.database.query("update mailbox_minutes set minute = minute - interval '25 hours'")
        let later = try #require(try await read(fixture, [mailbox]).first)
        #expect(later.health == 75 && later.usage.isEmpty && later.ramp == [36, 40])
        #expect(try #require(later.opensAt).timeIntervalSinceNow > 3_000)
    }

    @Test("the days of a warm-up: none without one, after it or while it is paused, and its own goal where no limit is set")
    func ramps() {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(MailboxPace(dailyLimit: 30).plannedLimits(now: now) == [])
        #expect(MailboxPace(dailyLimit: 30).lastingLimit(now: now) == 30)
        let began = MailboxPace(warmup: Warmup(strategy: .even(days: 30), startedAt: now))
        #expect(began.lastingLimit(now: now) == Warmup.defaultTarget)
        #expect(began.plannedLimits(now: now).count == 30 && began.plannedLimits(now: now).last == Warmup.defaultTarget)
        for day in 0..<32 {
            let instant = now.addingTimeInterval(Double(day) * 86_400 + 3_600)
            let limits = began.plannedLimits(now: instant)
            #expect(limits.first ?? Warmup.defaultTarget == began.effectiveDailyLimit(now: instant))
            #expect(limits.isEmpty == (day >= 30))
        }
        let small = MailboxPace(dailyLimit: 4, warmup: Warmup(strategy: .even(days: 20), startedAt: now))
        #expect(small.plannedLimits(now: now) == [4])
        var held = Warmup(strategy: .even(days: 10), startedAt: now)
        held.pause(at: now.addingTimeInterval(2.5 * 86_400))
        let paused = MailboxPace(dailyLimit: 100, warmup: held)
        let later = now.addingTimeInterval(40 * 86_400)
        #expect(paused.plannedLimits(now: later) == [] && paused.lastingLimit(now: later) == 30 && paused.effectiveDailyLimit(now: later) == 30)
    }

    @Test(
        "health falls with refused mail and with tries that reach no server, and says nothing against a mailbox that is little known",
        arguments: [
            (0, 0, 0, 100), (1_000, 0, 0, 100), (0, 1, 0, 75), (990, 10, 0, 90), (95, 5, 0, 50), (50, 50, 0, 0), (0, 0, 2, 60), (990, 10, 1, 70),
            (0, 0, 9, 0),
        ] as [(Int64, Int64, Int, Int)])
    func health(accepted: Int64, refused: Int64, failures: Int, expected: Int) {
        #expect(MailboxBudgets.health(accepted: accepted, refused: refused, failures: failures) == expected)
    }

    @Test("at most 200 are asked for, and nobody sees another company's")
    func limits() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        #expect(try await read(fixture, []) == [])
        #expect(try await read(fixture, [mailbox], tenant: TenantID(UUID())) == [])
        let many = (0..<201).map { _ in MailboxID(UUID()) }
        let error = await #expect(throws: RPCError.self) { _ = try await read(fixture, many) }
        #expect(error?.kind == "invalid_batch")
    }

    @Test("what waits is found by its index, however much waits for others", arguments: ["auto", "force_generic_plan"])
    func plan(mode: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.database.query(
            """
            insert into jobs (id, queue, kind, tenant_id, lane_id, priority, run_at, state, created_at)
            select gen_random_uuid(), 'queue:email-sending', 'email', \(fixture.tenant),
                case when n % 200 = 0 then \(mailbox)::uuid else md5((n % 200)::text)::uuid end, 100, now(),
                case when n % 3 = 0 then 'gated' else 'queued' end, now()
            from generate_series(1, 20000) n
            """)
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        try await owner.query("analyze jobs")
        let statement = MailboxBudgets.limits(of: [mailbox], fixture.tenant)
        let plan = try await owner.transaction { transaction -> String in
            try await transaction.query("select set_config('plan_cache_mode', \(mode), true)")
            return try await transaction.query("explain \(statement)").map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        }
        #expect(plan.contains("jobs_in_lane") && !plan.contains("Seq Scan on jobs"), "\(plan)")
        let budget = try #require(try await read(fixture, [mailbox]).first)
        #expect(budget.waiting == 66 || budget.waiting == 67)
    }
}
