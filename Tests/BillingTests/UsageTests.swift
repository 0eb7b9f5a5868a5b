import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("What was used")
struct UsageTests {
    @Test(
        "whole percents, rounded down; without a limit there are none, and of nothing everything is used",
        arguments: [
            (0, 100, 0), (79, 100, 79), (1, 3, 33), (150, 100, 150), (5, nil, nil), (0, 0, 100), (.max, .max, 100), (.max / 2, .max, 49),
        ] as [(Int64, Int64?, Int?)])
    func percent(taken: Int64, limit: Int64?, expected: Int?) {
        // What is too large to be multiplied is reckoned coarsely, never wrongly above what it is.
        let percent = UsageMeter.percent(taken, of: limit)
        if taken > .max / 100 {
            #expect(percent ?? 0 <= expected ?? 0)
        } else {
            #expect(percent == expected)
        }
    }

    @Test(
        "warnings name the highest level that is reached",
        arguments: [(nil, nil), (0, nil), (79, nil), (80, 80), (89, 80), (90, 90), (99, 90), (100, 100), (250, 100)] as [(Int?, Int?)])
    func warning(percent: Int?, level: Int?) {
        #expect(UsageMeter.warning(percent) == level)
    }

    @Test(
        "the forecast goes on as it went, is never less than what is taken, and says nothing in the first three days",
        arguments: [
            (0.5, 100, 200), (0.25, 100, 400), (1.0, 100, 100), (1.5, 100, 100), (0.0, 3, nil), (0.0999, 3, nil), (0.1, 3, 30), (0.5, 0, 0),
            (0.5, .max, .max),
        ] as [(Double, Int64, Int64?)])
    func forecast(part: Double, taken: Int64, expected: Int64?) {
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        let period = BillingPeriod(start: start, end: start + 30 * 86_400)
        #expect(UsageMeter.forecast(taken: taken, period: period, now: start + part * 30 * 86_400) == expected)
    }

    @Test("every limit with what is taken of it, and a warning where it gets tight")
    func route() async throws {
        let ground = try await StripeGround.make()
        let tenant = ground.tenant
        try await ground.worker.query(
            """
            insert into resource_counts (tenant_id, resource, used, reserved) values
                (\(tenant), 'users', 1, 1), (\(tenant), 'mailboxes', 9, 0), (\(tenant), 'leads', 8000, 0), (\(tenant), 'domains', 1, 0)
            on conflict (tenant_id, resource) do update set used = excluded.used, reserved = excluded.reserved
            """)
        try await ground.worker.query("update mail_periods set used = 400, reserved = 100 where tenant_id = \(tenant)")
        ground.advance(2 * StripeGround.day)
        let young = try await ground.send(.get, "/api/v1/billing/usage")
        #expect(young.at("mails.used") == "400" && young.at("mails.forecast_at_period_end") == nil, "\(young.body)")
        #expect(young.at("users.forecast_at_period_end") == "2")
        ground.advance(5 * StripeGround.day)
        let usage = try await ground.send(.get, "/api/v1/billing/usage")
        #expect(usage.at("mails.used") == "400" && usage.at("mails.reserved") == "100" && usage.at("mails.limit") == "10000")
        #expect(usage.at("mails.percent") == "5" && usage.at("mails.forecast_at_period_end") == "1000", "half of the trial is over")
        #expect(usage.at("users.forecast_at_period_end") == "2" && usage.at("leads.forecast_at_period_end") == "8000", "what is had stays")
        #expect(usage.at("users.used") == "1" && usage.at("users.reserved") == "1" && usage.at("users.percent") == "100")
        #expect(usage.at("workspaces.used") == "0" && usage.at("workspaces.limit") == "3" && usage.at("mailboxes.percent") == "90")
        #expect(usage.at("api_calls_per_minute.limit") == "60")
        #expect(
            usage.body.contains(
                #""warnings":[{"level":100,"limit":"users"},{"level":90,"limit":"mailboxes"},{"level":80,"limit":"leads"}]"#), "\(usage.body)")
    }

    @Test("packs are within the limit and told apart; what was given back is not counted")
    func packs() async throws {
        let ground = try await StripeGround.make()
        let tenant = ground.tenant
        try await ground.worker.query("update mail_periods set allowance = 20000 where tenant_id = \(tenant)")
        try await ground.worker.query(
            """
            insert into pack_purchases (tenant_id, payment, pack, mails, period_start, amount, currency, created_at, refunded_at, mails_refunded)
            select \(tenant), x.payment, 'mails_10000', 10000, p.period_start, 1000, 'USD', p.period_start, x.refunded_at, x.back
            from mail_periods p cross join (values ('pi_1', null::timestamptz, 0), ('pi_2', \(ground.now), 10000)) as x (payment, refunded_at, back)
            where p.tenant_id = \(tenant)
            """)
        let usage = try await ground.send(.get, "/api/v1/billing/usage")
        #expect(usage.at("mails.limit") == "20000" && usage.at("mails.packs.count") == "1" && usage.at("mails.packs.mails") == "10000")
    }

    @Test("what was granted replaces the plan's limit, without end where it says so")
    func grants() async throws {
        let ground = try await StripeGround.make()
        try await ground.worker.query(
            """
            insert into access_grants (tenant_id, id, limits, reason, granted_by, starts_at)
            values (\(ground.tenant), \(UUID()), '{"users": null, "domains": 40}', 'pilot', 'staff', \(ground.now.addingTimeInterval(-60)))
            """)
        let usage = try await ground.send(.get, "/api/v1/billing/usage")
        #expect(usage.body.contains(#""users":{"forecast_at_period_end":0,"limit":null,"percent":null,"#), "\(usage.body)")
        #expect(usage.at("domains.limit") == "40" && usage.at("workspaces.limit") == "3")
    }
}
