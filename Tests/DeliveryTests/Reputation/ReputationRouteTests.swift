import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Reputation for tenants and staff")
struct ReputationRouteTests {
    private struct View: Decodable {
        struct Day: Decodable {
            let date: String
            let score: Int?
            let counts: ReputationCounts
        }
        struct Trend: Decodable {
            let direction: String?
            let days: [Day]
        }
        struct PenaltyView: Decodable {
            let name: String
            let points: Double
        }
        let scope: String
        let domain: String
        let score: Int?
        let band: String?
        let reason: String?
        let windowDays: Int
        let counts: ReputationCounts
        let penalties: [PenaltyView]
        let trend: Trend
        let isListed: Bool
    }

    private struct List: Decodable {
        struct Item: Decodable {
            let tenant: String?
            let scope: String
            let subject: String
            let name: String
            let score: Int?
            let band: String?
            let hold: String?
        }
        struct Links: Decodable {
            let next: String?
        }
        let data: [Item]
        let page: Links
    }

    private func decode<Value: Decodable>(_ answer: (status: Int, body: String), as type: Value.Type = Value.self) throws -> Value {
        #expect(answer.status == 200, "\(answer.body)")
        return try WireJSON.decoder().decode(type, from: Data(answer.body.utf8))
    }

    @Test("a domain's and a mailbox' reputation: score, parts, history and trend, by name; nothing to say is null with a reason")
    func views() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, idle) = (try await fixture.mailbox(), try await fixture.mailbox("idle@sender.example"))
        for day in 0..<30 {
            // A bad first half, a clean second.
            try await fixture.note(ReputationCounts(accepted: 95, refused: day >= 10 ? 5 : 0, replies: 1), of: mailbox, daysAgo: day)
        }
        let view: View = try decode(try await fixture.send(.get, "/api/v1/domains/Sender.Example/reputation"))
        #expect(view.scope == "domain" && view.domain == "sender.example" && view.windowDays == 14)
        #expect(view.counts.accepted == 14 * 95 && view.counts.refused == 20)
        #expect(view.band == "yellow" || view.band == "green")
        #expect(view.penalties.map(\.name) == ["bounces", "complaints", "unsubscribes", "volume_swings"])
        #expect(view.penalties[0].points > 0 && view.penalties[1].points == 0)
        #expect(view.trend.days.count == 30 && view.trend.direction == "improving")
        #expect(
            view.trend.days.last?.score == view.score
                && view.trend.days.last?.date == CivilDay.text(of: CivilDay.number(at: fixture.house.clock.clock.now)))
        #expect(!view.isListed)
        let own: View = try decode(try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)/reputation?days=7"))
        #expect(own.scope == "mailbox" && own.score == view.score && own.trend.days.count == 7 && own.trend.direction == "improving")
        let none: View = try decode(try await fixture.send(.get, "/api/v1/mailboxes/\(idle)/reputation"))
        #expect(none.score == nil && none.band == nil && none.reason == "not_enough_mail" && none.trend.direction == nil)
        for days in ["0", "366", "x"] { #expect(try await fixture.send(.get, "/api/v1/mailboxes/\(idle)/reputation?days=\(days)").status == 400) }
        #expect(try await fixture.send(.get, "/api/v1/domains/unknown.example/reputation").status == 404)
        #expect(try await fixture.send(.get, "/api/v1/domains/\(UUID())/reputation").status == 404)
    }

    @Test("nobody sees another company's reputation, nor that of a workspace that is not theirs")
    func isolation() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.note(ReputationCounts(accepted: 100), of: mailbox)
        try await fixture.service.reputation.scoring.run()
        let paths = ["/api/v1/domains/sender.example/reputation", "/api/v1/mailboxes/\(mailbox)/reputation", "/api/v1/mailboxes/\(mailbox)/warmup"]
        for path in paths {
            #expect(try await fixture.send(.get, path).status == 200)
            #expect(try await fixture.send(.get, path, tenant: TenantID(UUID())).status == 404)
            #expect(try await fixture.request(.get, path, workspaces: [WorkspaceID(UUID())]).status == 404)
            #expect(try await fixture.request(.get, path, workspaces: [fixture.workspace]).status == 200)
        }
        let stranger = TenantID(UUID())
        let foreign: List = try decode(try await fixture.send(.get, "/api/v1/reputation", tenant: stranger))
        #expect(foreign.data.isEmpty)
        let restricted: List = try decode(try await fixture.request(.get, "/api/v1/reputation", workspaces: [WorkspaceID(UUID())]))
        #expect(restricted.data.isEmpty)
        #expect(
            try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/warmup", #"{"state":"running","strategy":"moderate"}"#, tenant: stranger)
                .status == 404)
        let sample = #"{"subject":"Hi","text":"Hello {{unsubscribe_url}}"}"#
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/compliance-check", sample, tenant: stranger).status == 404)
        // The database itself keeps them apart.
        for table in ["reputation_days", "reputations"] {
            let rows = try await fixture.house.rows(of: fixture.tenant)[table] ?? 0
            #expect(rows > 0)
        }
        #expect(try await fixture.house.house.api.query(as: stranger, "select tenant_id from reputation_days").isEmpty)
        #expect(try await fixture.house.house.api.query(as: stranger, "select tenant_id from reputations").isEmpty)
        #expect(try await fixture.house.house.api.query(as: fixture.tenant, "select tenant_id from reputation_days").count == 1)
    }

    @Test("a tenant's list has domains and mailboxes, with and without a score, page by page and filtered")
    func list() async throws {
        let fixture = try await DeliveryFixture.make()
        let (good, bad) = (try await fixture.mailbox(), try await fixture.mailbox("bad@other.example"))
        _ = try await fixture.mailbox("idle@other.example")
        try await fixture.note(ReputationCounts(accepted: 1_000), of: good, daysAgo: 8)
        try await fixture.note(ReputationCounts(accepted: 500, refused: 500), of: bad, domain: "other.example", daysAgo: 8)
        try await fixture.service.reputation.scoring.run()
        var seen: [List.Item] = []
        var next: String?
        repeat {
            let page: List = try decode(try await fixture.send(.get, "/api/v1/reputation?limit=2" + (next.map { "&cursor=\($0)" } ?? "")))
            seen += page.data
            next = page.page.next
        } while next != nil
        #expect(seen.count == 5 && seen.prefix(2).map(\.name) == ["other.example", "sender.example"])
        #expect(Set(seen.map { "\($0.scope) \($0.subject)" }).count == 5)
        let red: List = try decode(try await fixture.send(.get, "/api/v1/reputation?band=red"))
        #expect(Set(red.data.map(\.name)) == ["other.example", "bad@other.example"])
        let mailboxes: List = try decode(try await fixture.send(.get, "/api/v1/reputation?scope=mailbox&band=green"))
        #expect(mailboxes.data.map(\.name) == ["me@sender.example"])
        let held: List = try decode(try await fixture.send(.get, "/api/v1/reputation?held=true"))
        #expect(held.data.isEmpty)
        for query in ["band=blue", "scope=tenant", "held=maybe", "cursor=nonsense"] {
            #expect(try await fixture.send(.get, "/api/v1/reputation?\(query)").status == 400)
        }
    }

    @Test("staff sees every company's, filtered and page by page; nobody else does")
    func platform() async throws {
        let fixture = try await DeliveryFixture.make()
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        for company in [fixture, other] {
            let mailbox = try await company.mailbox()
            try await company.note(ReputationCounts(accepted: company.tenant == fixture.tenant ? 10_000 : 100, refused: 20), of: mailbox, daysAgo: 8)
        }
        try await fixture.service.reputation.scoring.run()
        let path = "/api/v1/platform/system/reputation"
        #expect(try await fixture.request(.get, path).status == 403)
        #expect(try await fixture.request(.get, path, staff: .finance).status == 403)
        let all: List = try decode(try await fixture.request(.get, path, staff: .support))
        #expect(all.data.count == 4 && Set(all.data.compactMap(\.tenant)) == [fixture.tenant.description, other.tenant.description])
        let red: List = try decode(try await fixture.request(.get, "\(path)?band=red&scope=domain", staff: .ops))
        #expect(red.data.map(\.tenant) == [other.tenant.description])
        let one: List = try decode(try await fixture.request(.get, "\(path)?tenant=\(fixture.tenant)&limit=1", staff: .ops))
        let next = try #require(one.page.next)
        let two: List = try decode(try await fixture.request(.get, "\(path)?tenant=\(fixture.tenant)&limit=1&cursor=\(next)", staff: .ops))
        #expect(one.data.map(\.scope) == ["domain"] && two.data.map(\.scope) == ["mailbox"] && two.page.next == nil)
        #expect(two.data.first?.name == "me@sender.example")
        #expect(try await fixture.request(.get, "\(path)?tenant=x", staff: .ops).status == 400)
    }
}
