import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Mailboxes without a server of their own")
struct DirectServiceTests {
    private static func fixture(more: [String: String] = [:]) async throws -> (DeliveryFixture, TestExchanges, TestDNSServer) {
        let exchanges = try await TestExchanges.start(["127.0.0.2": .init(["mx.reader.example"])])
        let dns = try await TestDNSServer.start([
            "reader.example": ["MX": ["10 mx.reader.example"]], "mx.reader.example": ["A": ["127.0.0.2"]], "null.example": ["MX": ["0 ."]],
        ])
        let fixture = try await DeliveryFixture.make(more: DirectGround.configuration(exchanges, dns).merging(more) { $1 })
        return (fixture, exchanges, dns)
    }

    private func connect(_ fixture: DeliveryFixture, _ address: String) async throws -> (status: Int, body: String) {
        try await fixture.send(
            .post, "/api/v1/mailboxes/direct", #"{"workspace":"\#(fixture.workspace)","address":"\#(address)","display_name":"Me"}"#)
    }

    private func verify(_ domain: String, _ fixture: DeliveryFixture) async throws {
        try await fixture.database.query(
            """
            insert into domains (tenant_id, id, workspace_id, name, token, state, created_at, next_check_at)
            values (\(fixture.tenant), \(UUID()), \(fixture.workspace), \(domain), 't', 'verified', now(), now() + interval '1 day')
            """)
    }

    private func mailbox(_ address: String, _ fixture: DeliveryFixture) async throws -> MailboxID {
        let answer = try await connect(fixture, address)
        let identifier = answer.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1
        return try #require(identifier.flatMap { MailboxID($0) }, "\(answer.body)")
    }

    @Test("they are offered where the operator says so, to authenticated domains, and can go back to a server")
    func offer() async throws {
        let plain = try await DeliveryFixture.make()
        let refused = try await connect(plain, "me@sender.example")
        #expect(refused.status == 422 && refused.body.contains("direct_not_offered"), "\(refused.body)")
        let (fixture, _, _) = try await Self.fixture()
        let stranger = try await connect(fixture, "me@sender.example")
        #expect(stranger.status == 422 && stranger.body.contains("domain_not_authenticated"), "\(stranger.body)")
        try await verify("sender.example", fixture)
        let made = try await connect(fixture, "me@sender.example")
        #expect(made.status == 201 && made.body.contains(#""transport":"direct""#) && made.body.contains("mta.operator.example"), "\(made.body)")
        #expect(try await connect(fixture, "me@sender.example").status == 409)
        let id = try #require(made.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1)
        let back = try await fixture.send(.put, "/api/v1/mailboxes/\(id)/smtp", fixture.smtp())
        #expect(back.status == 200 && back.body.contains(#""transport":"smtp""#), "\(back.body)")
        let again = try await fixture.send(.put, "/api/v1/mailboxes/\(id)/direct")
        #expect(again.status == 200 && again.body.contains(#""transport":"direct""#), "\(again.body)")
    }

    @Test("mail comes to its recipients' servers; unknown ones are suppressed, refusals by policy are not")
    func wholeWay() async throws {
        let (fixture, exchanges, dns) = try await Self.fixture()
        // It serves as long as somebody holds it.
        defer { withExtendedLifetime(dns) {} }
        try await verify("sender.example", fixture)
        let mailbox = try await mailbox("me@sender.example", fixture)
        let recipients = ["lead@reader.example", "unknown@reader.example", "policy@reader.example", "later@reader.example", "lead@null.example"]
        _ = try await fixture.rpc.call(fixture.plan(mailbox, recipients))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all have their fate", within: .seconds(40)) {
                try await fixture.states() == ["accepted": 1, "refused": 3, "deferred": 1]
            }
        }
        let mail = try #require(try exchanges.mails().first)
        // Bounces go to the mailbox itself.
        #expect(mail.recipient == "lead@reader.example" && mail.sender == "me@sender.example" && mail.tls == true)
        let suppressed = try await fixture.suppressed(recipients).sorted()
        #expect(suppressed == ["lead@null.example", "unknown@reader.example"])
        #expect(try await fixture.told("delivery.feedback.received").joined().components(separatedBy: "hard_bounce").count == 3)
        // The last counts were written when the service ended.
        #expect(try await fixture.number("select sum(sessions)::int as n from tls_report_counts where result_type = ''") == 1)
        let report = try await fixture.ask(
            .get, "/api/v1/platform/system/tls-reports/reader.example?day=\(TLSReportCounts.day(of: fixture.house.clock.clock.now))", staff: .ops)
        #expect(report.status == 200 && report.body.contains(#""total-successful-session-count":1"#), "\(report.body)")
        let list = try await fixture.ask(
            .get, "/api/v1/platform/system/tls-reports?day=\(TLSReportCounts.day(of: fixture.house.clock.clock.now))", staff: .ops)
        #expect(list.status == 200 && list.body.contains(#""mx_host":"mx.reader.example""#), "\(list.body)")
        #expect(try await fixture.ask(.get, "/api/v1/platform/system/tls-reports").status == 403)
        #expect(try await fixture.ask(.get, "/api/v1/platform/system/tls-reports?day=2026-02-30", staff: .ops).status == 400)
    }

    @Test("no more mails at once to a destination than the operator allows, over all mailboxes")
    func limit() async throws {
        let (fixture, exchanges, dns) = try await Self.fixture(more: ["delivery.direct.connections": "2"])
        // It serves as long as somebody holds it.
        defer { withExtendedLifetime(dns) {} }
        try await verify("sender.example", fixture)
        for number in 0..<5 {
            let mailbox = try await mailbox("me\(number)@sender.example", fixture)
            let recipients = (0..<6).map { "lead\(number)-\($0)@reader.example" }
            _ = try await fixture.rpc.call(fixture.plan(mailbox, recipients, prefix: "c\(number)"))
        }
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all are accepted", within: .seconds(60)) { try await fixture.states() == ["accepted": 30] }
        }
        let most = try exchanges.log().compactMap(\.open).max() ?? 0
        #expect((1...2).contains(most))
        #expect(Set(try exchanges.mails().compactMap(\.recipient)).count == 30)
    }

    @Test("a domain whose servers are a provider's counts as that provider, for pauses and on the wire")
    func providers() async throws {
        let dns = try await TestDNSServer.start([
            "hosted.example": ["MX": ["10 alt1.aspmx.l.google.com", "5 aspmx.l.google.com"]], "own.example": ["MX": ["10 mx.own.example"]],
            "silent.example": .init(fault: "servfail"),
        ])
        let fixture = try await DeliveryFixture.make(more: ["dns.server": dns.address])
        let mailbox = try await fixture.mailbox()
        let lookups = fixture.service.direct.lookups
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@hosted.example", "b@own.example", "c@silent.example", "d@gmail.com"]))
        // Taken in, and so noted.
        #expect(try await lookups.step())
        #expect(try await !lookups.step())
        let known = try await fixture.database.query(
            "select domain || ' ' || coalesce(provider, '-') as line from destination_providers order by domain"
        )
        .map { try $0.decode("line", as: String.self) }
        #expect(known == ["hosted.example google", "own.example -", "silent.example -"])
        try await fixture.database.query(
            """
            insert into destination_pauses (tenant_id, mailbox_id, destination, closed_until, deferrals)
            values (\(fixture.tenant), \(mailbox), 'google', now() + interval '1 hour', 1)
            """)
        let claimed = try await fixture.takeClaimed()
        #expect(Set(claimed.map(\.recipient)) == ["b@own.example", "c@silent.example"])
        try await fixture.database.query("delete from destination_pauses")
        try await fixture.database.query("update jobs set run_at = now() - interval '1 minute' where state = 'queued'")
        try await fixture.database.query("update lanes set next_at = now() - interval '1 minute'")
        let rest = try await fixture.takeClaimed()
        #expect(rest.count == 2 && rest.allSatisfy { $0.destination == "google" })
        // What DNS does not say any more stays as it was.
        try dns.publish(["hosted.example": .init(fault: "servfail")])
        fixture.house.clock.advance(by: .seconds(8 * 86_400))
        lookups.note(["hosted.example"])
        #expect(try await lookups.step())
        #expect(try await fixture.number("select count(*) as n from destination_providers where provider = 'google'") == 1)
    }
}
