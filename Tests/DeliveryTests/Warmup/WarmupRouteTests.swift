import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Warm-ups in the database")
struct WarmupRouteTests {
    private struct View: Decodable {
        struct Planned: Decodable {
            let date: String
            let limit: Int
        }
        let state: String
        let strategy: String?
        let target: Int
        let todaysLimit: Int?
        let day: Int?
        let days: Int?
        let daysLeft: Int?
        let heldDays: Int
        let judgement: String?
        let plan: [Planned]
    }

    private func put(_ fixture: DeliveryFixture, _ mailbox: MailboxID, _ body: String) async throws -> View {
        let answer = try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/warmup", body)
        #expect(answer.status == 200, "\(answer.body)")
        return try WireJSON.decoder().decode(View.self, from: Data(answer.body.utf8))
    }

    private func view(_ fixture: DeliveryFixture, _ mailbox: MailboxID) async throws -> View {
        let answer = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)/warmup")
        return try WireJSON.decoder().decode(View.self, from: Data(answer.body.utf8))
    }

    private func budget(_ fixture: DeliveryFixture, _ mailbox: MailboxID) async throws -> DeliveryRPC.MailboxBudget {
        try #require(try await fixture.rpc.call(DeliveryRPC.ReadMailboxBudgets(tenant: fixture.tenant, mailboxes: [mailbox])).first)
    }

    @Test("begun, paused, resumed, changed and ended; the limits that routes show are those that sending keeps and forecasts get")
    func life() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        #expect(try await view(fixture, mailbox).state == "off")
        let path = "/api/v1/mailboxes/\(mailbox)/warmup"
        for body in [
            #"{"state":"running"}"#, #"{"state":"running","strategy":"unknown"}"#, #"{"state":"running","strategy":"moderate","target":0}"#,
            #"{"state":"on"}"#,
        ] {
            #expect(try await fixture.send(.put, path, body).status == 400)
        }
        #expect(try await fixture.send(.put, path, #"{"state":"paused"}"#).status == 409)
        #expect(try await fixture.request(.put, path, #"{"state":"off"}"#, role: .viewer).status == 403)
        let begun = try await put(fixture, mailbox, #"{"state":"running","strategy":"aggressive","target":100}"#)
        #expect(
            begun.state == "running" && begun.day == 1 && begun.days == 10 && begun.daysLeft == 10 && begun.todaysLimit == 10 && begun.target == 100)
        #expect(begun.plan.map(\.limit) == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100])
        #expect(begun.plan.first?.date == CivilDay.text(of: CivilDay.number(at: fixture.house.clock.clock.now)))
        #expect(try await budget(fixture, mailbox).ramp == begun.plan.map(\.limit))
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<40).map { "l\($0)@x.example" }))
        #expect(try await fixture.claim().count == 10)
        #expect(try await fixture.claim().isEmpty)
        // Paused after three days, it holds its step; forecasts get that limit for as long.
        try await fixture.database.query("update mailboxes set ramp_started_at = ramp_started_at - interval '3 days 1 hour'")
        let paused = try await put(fixture, mailbox, #"{"state":"paused"}"#)
        #expect(paused.state == "paused" && paused.day == 4 && paused.todaysLimit == 40 && paused.plan.isEmpty)
        try await fixture.database.query(
            "update mailboxes set ramp_started_at = ramp_started_at - interval '9 days', warmup_paused_at = warmup_paused_at - interval '9 days'")
        #expect(try await view(fixture, mailbox).todaysLimit == 40)
        let held = try await budget(fixture, mailbox)
        #expect(held.dailyLimit == 40 && held.ramp.isEmpty)
        let resumed = try await put(fixture, mailbox, #"{"state":"running"}"#)
        #expect(resumed.state == "running" && resumed.todaysLimit == 40 && resumed.daysLeft == 7)
        let slower = try await put(fixture, mailbox, #"{"state":"running","strategy":"conservative"}"#)
        #expect(slower.strategy == "conservative" && slower.todaysLimit == 40 && slower.days == 30 && slower.day == 12)
        let off = try await put(fixture, mailbox, #"{"state":"off"}"#)
        #expect(off.state == "off" && off.todaysLimit == 100 && off.plan.isEmpty)
        #expect(try await fixture.database.query("select id from outbox where body like '%mailbox.warm_up%'").count == 5)
    }

    @Test("the end of a warm-up is told once")
    func end() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let begun = try await put(fixture, mailbox, #"{"state":"running","strategy":"aggressive","target":100}"#)
        fixture.house.clock.advance(by: .seconds(60))
        for _ in 0..<(begun.days ?? 0) - 1 {
            fixture.house.clock.advance(by: .seconds(86_400))
            try await fixture.service.warmup.advance.run()
        }
        #expect(try await fixture.told("delivery.warmup.finished").isEmpty)
        for _ in 0..<3 {
            fixture.house.clock.advance(by: .seconds(86_400))
            try await fixture.service.warmup.advance.run()
        }
        let told = try await fixture.told("delivery.warmup.finished")
        #expect(told.count == 1 && told[0].contains(mailbox.description) && told[0].contains("aggressive"))
    }

    @Test("the hourly look back: the worse of the mailbox' and the domain's band decides, once a day, and a paused mailbox stands still")
    func lookBack() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await put(fixture, mailbox, #"{"state":"running","strategy":"moderate","target":100}"#)
        func band(_ scope: String, _ subject: String, _ band: String, _ score: Int) async throws {
            try await fixture.database.query(
                """
                insert into reputations (tenant_id, scope, subject, score, band, accepted, bounces, complaints, unsubscribes, checked_at)
                values (\(fixture.tenant), \(scope), \(subject), \(score), \(band), 0, 0, 0, 0, now())
                on conflict (tenant_id, scope, subject) do update set score = excluded.score, band = excluded.band
                """)
        }
        func dayLater() async throws -> View {
            fixture.house.clock.advance(by: .seconds(86_400))
            #expect(try await fixture.service.warmup.advance.run() == 1)
            #expect(try await fixture.service.warmup.advance.run() == 0)
            return try await view(fixture, mailbox)
        }
        fixture.house.clock.advance(by: .seconds(60))
        var seen = try await dayLater()
        #expect(seen.day == 2 && seen.judgement == "advanced" && seen.heldDays == 0)
        try await band("mailbox", mailbox.description, "green", 95)
        try await band("domain", "sender.example", "yellow", 80)
        seen = try await dayLater()
        #expect(seen.day == 2 && seen.judgement == "held" && seen.heldDays == 1)
        try await band("domain", "sender.example", "green", 95)
        _ = try await dayLater()
        seen = try await dayLater()
        #expect(seen.day == 4 && seen.todaysLimit == 20)
        try await band("mailbox", mailbox.description, "red", 20)
        seen = try await dayLater()
        #expect(seen.day == 2 && seen.judgement == "set_back" && seen.todaysLimit == 10)
        try await band("mailbox", mailbox.description, "green", 95)
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/pause", #"{"reason":"holiday"}"#).status == 200)
        seen = try await dayLater()
        #expect(seen.day == 2 && seen.judgement == "idle")
    }

    @Test("strategies are data: everybody reads them, staff changes them, and a change holds for the steps to come")
    func strategies() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let all = try await fixture.send(.get, "/api/v1/mailboxes/warmup-strategies").body
        for name in ["conservative", "moderate", "aggressive"] { #expect(all.contains("\"name\":\"\(name)\"")) }
        _ = try await put(fixture, mailbox, #"{"state":"running","strategy":"moderate","target":100}"#)
        let path = "/api/v1/platform/system/warmup-strategies"
        let body = #"{"title":"Moderate","description":"Slower at first.","least":2,"shares":[0.02,0.1,0.5,1]}"#
        #expect(try await fixture.request(.put, "\(path)/moderate", body).status == 403)
        #expect(try await fixture.request(.put, "\(path)/moderate", body, staff: .support).status == 403)
        #expect(try await fixture.request(.get, path, staff: .support).status == 200)
        #expect(try await fixture.request(.put, "\(path)/moderate", body, staff: .ops).status == 200)
        #expect(try await view(fixture, mailbox).plan.map(\.limit) == [2, 10, 50, 100])
        #expect(try await fixture.request(.put, "\(path)/own_pace", body, staff: .ops).status == 200)
        #expect(try await put(fixture, mailbox, #"{"state":"running","strategy":"own_pace"}"#).strategy == "own_pace")
        #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/limits", #"{"daily":50,"ramp":"own_pace"}"#).status == 200)
        #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/limits", #"{"daily":50,"ramp":"nothing"}"#).status == 400)
        let wrong = [#"{"title":"","description":"","least":2,"shares":[1]}"#, #"{"title":"T","description":"","least":2,"shares":[0.5]}"#]
        for body in wrong { #expect(try await fixture.request(.put, "\(path)/moderate", body, staff: .ops).status == 400) }
        #expect(try await fixture.request(.put, "\(path)/No", body, staff: .ops).status == 400)
    }
}
