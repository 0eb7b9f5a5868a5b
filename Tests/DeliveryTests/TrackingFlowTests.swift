import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

private let browser: HTTPFields = [
    .userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", .realAddress: "198.51.100.7",
]

@Suite("Openings and clicks")
struct TrackingFlowTests {
    private static let html = #"<body><a href="https://a.example/1?x=1&amp;y=2">one</a> <a href="https://a.example/2">two</a></body>"#

    /// A mail that is out, and its message as it went.
    private func ground(
        settings: String? = #"{"opens":true,"clicks":true,"hidden_link":true}"#, opens: Bool = true, clicks: Bool = true,
        before: (DeliveryFixture) async throws -> Void = { _ in }
    ) async throws -> (fixture: DeliveryFixture, send: SendID, html: String) {
        let fixture = try await DeliveryFixture.make()
        // An hour into a day, so that none of these tests runs over midnight.
        let now = fixture.house.clock.clock.now.timeIntervalSince1970
        fixture.house.clock.advance(by: .seconds((now / 86_400).rounded(.up) * 86_400 - now + 3_600))
        if let settings { #expect(try await fixture.ask(.put, "/api/v1/tracking/settings", settings, as: .admin).status == 200) }
        let mailbox = try await fixture.mailbox()
        let send = try await fixture.plan(one: "ada@lead.example", mailbox) { mail in
            (mail.html, mail.tracksOpens, mail.tracksClicks) = (Self.html, opens, clicks)
        }
        try await before(fixture)
        let entries = fixture.entries(try await fixture.claim())
        let store = DeliveryStore(database: fixture.database, lease: 30, trackingHost: fixture.service.tracking.host)
        let loaded = try #require(try await store.take(entries).first)
        let delivery = loaded.delivery
        let html = try delivery.tracking.map {
            try fixture.service.tracking.tracker.html(Self.html, tenant: fixture.tenant, send: send, $0)
        }
        // Composed, the mail can be written.
        let composer = MessageComposer(links: try fixture.links(), tracker: fixture.service.tracking.tracker)
        #expect(try !composer.compose(delivery, from: loaded.mailbox).isEmpty)
        #expect(try await DataSentMarks(database: fixture.database).mark(delivery))
        try await fixture.write(delivery, .accepted(code: 250, text: "ok"))
        // The mark has the database's time: this clock stands still, and goes on from there.
        try await fixture.database.query("update sends set data_sent_at = \(fixture.house.clock.clock.now)")
        return (fixture, send, html ?? Self.html)
    }

    private func path(_ kind: String, _ number: Int = 0, in html: String) throws -> String {
        let pattern = kind == "o" ? /https:\/\/localhost:8443(\/t\/o\/[^"]+)/ : /https:\/\/localhost:8443(\/t\/c\/[^"]+)/
        let found = html.matches(of: pattern).map { String($0.1) }
        try #require(found.indices.contains(number), "\(html)")
        return found[number]
    }

    private func judged(_ fixture: DeliveryFixture, after seconds: Int = 60) async throws -> [String] {
        try await fixture.service.tracking.intake.flush()
        fixture.house.clock.advance(by: .seconds(seconds))
        while try await fixture.service.tracking.judge.judge() {}
        return try await fixture.told("delivery.feedback.received")
    }

    @Test("a click leads where the link led, is written within the moment, judged a little later, and told once a day")
    func click() async throws {
        let (fixture, send, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        for _ in 0..<3 {
            let answer = try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser)
            #expect(answer.status == 302 && answer.headers[.location] == "https://a.example/1?x=1&y=2")
            #expect(answer.headers[.cacheControl]?.contains("no-store") == true && answer.headers[.referrerPolicy] == "no-referrer")
            #expect(answer.headers[.setCookie] == nil)
        }
        try await fixture.service.tracking.intake.flush()
        #expect(try await fixture.number("select sum(times)::bigint as n from tracking_hits where judged_at is null") == 3)
        // Too early to say.
        #expect(try await !fixture.service.tracking.judge.judge())
        let told = try await judged(fixture)
        #expect(told.count == 1 && told[0].contains(#""kind":"clicked""#) && told[0].contains(#""is_machine":false"#), "\(told)")
        #expect(told[0].contains(fixture.campaign.description))
        _ = try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser)
        #expect(try await judged(fixture).count == 1)
        let counts = try await fixture.ask(.get, "/api/v1/tracking/sends/\(send)", as: .viewer)
        #expect(counts.body.contains(#""human":4"#) && counts.body.contains(#""kind":"click""#), "\(counts.body)")
        #expect(try await fixture.ask(.get, "/api/v1/tracking/sends/\(send)", tenant: TenantID(UUID())).status == 404)
        // The next day it is told again.
        fixture.house.clock.advance(by: .seconds(86_400))
        _ = try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser)
        #expect(try await judged(fixture).count == 2)
    }

    @Test("an opening is an image of 43 bytes whatever the token, and a made-up one counts for nothing")
    func open() async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        for path in [try path("o", in: html), "/t/o/none", try path("o", in: html) + "x", "/t/o/" + String(repeating: "x", count: 5_000)] {
            let answer = try await fixture.ask(.get, path, as: nil, headers: browser)
            #expect(answer.status == 200 && answer.headers[.contentType] == "image/gif" && answer.bytes == 43)
        }
        #expect(TrackingRoutes.pixel.count == 43 && TrackingRoutes.pixel.starts(with: "GIF89a".utf8))
        let told = try await judged(fixture)
        #expect(told.count == 1 && told[0].contains(#""kind":"opened""#) && told[0].contains(#""is_machine":false"#), "\(told)")
        #expect(try await fixture.number("select sum(human)::bigint as n from tracking_counts") == 1)
    }

    @Test("a scanner that follows everything, the hidden link too, makes every hit beside it a machine's")
    func scanner() async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        let links = html.matches(of: /https:\/\/localhost:8443(\/t\/c\/[^"]+)/).map { String($0.1) }
        #expect(links.count == 3)
        #expect(try await fixture.ask(.get, links[0], as: nil, headers: browser).status == 302)
        fixture.house.clock.advance(by: .seconds(12))
        // A page without a way on.
        let hidden = try await fixture.ask(.get, links[2], as: nil, headers: browser)
        #expect(hidden.status == 200 && hidden.headers[.location] == nil)
        let told = try await judged(fixture)
        #expect(told.count == 1 && told[0].contains(#""is_machine":true"#), "\(told)")
        #expect(try await fixture.number("select sum(human)::bigint as n from tracking_counts") == 0)
        // Whoever comes an hour later is a person all the same.
        fixture.house.clock.advance(by: .seconds(3_600))
        _ = try await fixture.ask(.get, links[0], as: nil, headers: browser)
        #expect(try await judged(fixture).last?.contains(#""is_machine":false"#) == true)
    }

    @Test("HEAD counts for nothing, and other methods are not answered")
    func head() async throws {
        let (fixture, _, html) = try await ground()
        for path in [try path("o", in: html), try path("c", in: html)] {
            #expect(try await fixture.ask(.head, path, as: nil, headers: browser).status < 400)
            #expect(try await fixture.ask(.post, path, as: nil, headers: browser).status >= 400)
        }
        #expect(fixture.service.tracking.buffer.take().isEmpty)
    }

    @Test("nothing leads anywhere but where a mail of ours led")
    func noOpenRedirect() async throws {
        let (fixture, send, html) = try await ground()
        let tokens = fixture.service.tracking.tokens
        var wrong = ["/t/c/none", "/t/c/https://evil.example", "/t/c/aHR0cHM6Ly9ldmlsLmV4YW1wbGU", try path("c", in: html).dropLast(3) + "abc"]
        // Even a token of ours leads to the web alone.
        for destination in ["javascript:alert(1)", "//evil.example", "data:text/html,x", "https://", "https://a.example/\r\nX: y", ""] {
            let token = TrackingToken(kind: .click, tenant: fixture.tenant, send: send, destination: destination)
            wrong.append("/t/c/\(try tokens.text(of: token))")
        }
        wrong.append("/t/c/\(try tokens.text(of: TrackingToken(kind: .open, tenant: fixture.tenant, send: send, destination: "https://a.example")))")
        for path in wrong {
            let answer = try await fixture.ask(.get, path + (path.contains("?") ? "" : "?url=https://evil.example"), as: nil, headers: browser)
            #expect(answer.status == 404 && answer.headers[.location] == nil, "\(path)")
        }
        #expect(fixture.service.tracking.buffer.take().isEmpty)
    }

    @Test(
        "nothing is put into a mail unless company, campaign and person let it",
        arguments: [
            (nil, true, true, false, "c"), (#"{"opens":true,"clicks":false,"hidden_link":true}"#, true, true, false, "o"),
            (#"{"opens":true,"clicks":true,"hidden_link":true}"#, false, true, false, "c"),
            (#"{"opens":true,"clicks":true,"hidden_link":true}"#, true, false, false, "o"),
            (#"{"opens":true,"clicks":true,"hidden_link":true}"#, true, true, true, ""),
            (#"{"opens":false,"clicks":false,"hidden_link":true}"#, true, true, false, ""),
        ] as [(String?, Bool, Bool, Bool, String)])
    func switches(settings: String?, opens: Bool, clicks: Bool, isLeftOut: Bool, expected: String) async throws {
        let (_, _, html) = try await ground(settings: settings, opens: opens, clicks: clicks) { fixture in
            guard isLeftOut else { return }
            let answer = try await fixture.ask(.post, "/api/v1/tracking/opt-outs", #"{"addresses":["Ada@lead.example"]}"#, as: .member)
            #expect(answer.status == 204)
        }
        #expect(html.contains("/t/o/") == expected.contains("o") && html.contains("/t/c/") == expected.contains("c"), "\(html)")
        if expected.isEmpty { #expect(html == Self.html) }
    }

    @Test("what comes of a mail that is out falls away when the company, or the person, wants nothing noticed any more", arguments: [true, false])
    func switchedOffLater(byPerson: Bool) async throws {
        let (fixture, send, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        if byPerson {
            let body = "choice=tracking_off"
            #expect(
                try await fixture.ask(
                    .post, try fixture.leavingPath(send), body, as: nil, headers: [.contentType: "application/x-www-form-urlencoded"]
                ).status == 200)
        } else {
            #expect(
                try await fixture.ask(.put, "/api/v1/tracking/settings", #"{"opens":false,"clicks":false,"hidden_link":false}"#, as: .admin).status
                    == 200)
        }
        #expect(try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser).status == 302)
        _ = try await fixture.ask(.get, try path("o", in: html), as: nil, headers: browser)
        #expect(try await judged(fixture).isEmpty)
        #expect(try await fixture.number("select count(*) as n from tracking_hits") == 0)
    }

    @Test("the company's own tracking host stands in its mails where it has one, and nothing that is no host")
    func host() async throws {
        let tenant = TenantID(UUID())
        for (host, base) in [
            ("click.sender.example", "https://click.sender.example"), ("", "https://p.example"), ("evil.example/\"><script>", "https://p.example"),
        ] {
            let hosts = TrackingHost(fallback: "https://p.example") { asked, domain in asked == tenant && domain == "sender.example" ? host : nil }
            #expect(await hosts.base(of: tenant, from: "Me@Sender.example") == base)
            #expect(await hosts.base(of: tenant, from: "me@other.example") == "https://p.example")
            #expect(await hosts.base(of: TenantID(UUID()), from: "me@sender.example") == "https://p.example")
        }
    }

    @Test("settings are an admin's to change, and the trail says what changed")
    func settings() async throws {
        let fixture = try await DeliveryFixture.make()
        let unset = try await fixture.ask(.get, "/api/v1/tracking/settings", as: .viewer).body
        #expect(unset.contains(#""clicks":true"#) && unset.contains(#""hidden_link":true"#) && unset.contains(#""opens":false"#), "\(unset)")
        let body = #"{"opens":true,"clicks":true,"hidden_link":false}"#
        #expect(try await fixture.ask(.put, "/api/v1/tracking/settings", body, as: .member).status == 403)
        #expect(try await fixture.ask(.put, "/api/v1/tracking/settings", body, as: .admin).status == 200)
        let told = try await fixture.told("delivery.tracking.changed")
        #expect(told.count == 1 && told[0].contains("tracking_settings.change") && told[0].contains("hidden_link"), "\(told)")
    }

    @Test("the buffer holds so much and no more, the same again is one entry, and what could not be written waits")
    func buffer() {
        let buffer = HitBuffer(limit: 3)
        let now = Date()
        func key(_ link: UInt16) -> HitBuffer.Key {
            .init(tenant: .zero, send: .zero, kind: .click, link: link, links: 9, visitor: .person)
        }
        for link in 0..<3 { #expect(buffer.add(key(UInt16(link)), at: now)) }
        #expect(!buffer.add(key(3), at: now))
        #expect(buffer.add(key(0), at: now.addingTimeInterval(-1)))
        let batch = buffer.take()
        #expect(batch.count == 3 && batch[key(0)] == .init(at: now.addingTimeInterval(-1), times: 2))
        #expect(buffer.take().isEmpty)
        #expect(buffer.add(key(7), at: now) && buffer.add(key(0), at: now))
        buffer.putBack(batch)
        let merged = buffer.take()
        #expect(merged.count == 3 && merged[key(0)]?.times == 3)
    }

    @Test("what came is in the database within a second, and at a graceful end all of it")
    func lossBound() async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        #expect(TrackingIntake.period <= .milliseconds(500))
        let paths = [try path("c", in: html), try path("o", in: html)]
        let intake = fixture.service.tracking.intake
        try await fixture.house.withBackground([intake]) {
            _ = try await fixture.ask(.get, paths[0], as: nil, headers: browser)
            try await eventually("it is written") { try await fixture.number("select count(*) as n from tracking_hits") == 1 }
            _ = try await fixture.ask(.get, paths[1], as: nil, headers: browser)
        }
        #expect(try await fixture.number("select count(*) as n from tracking_hits") == 2)
    }

    @Test("what is judged is swept after ten minutes, and what came of it stays")
    func sweep() async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        _ = try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser)
        _ = try await judged(fixture)
        let cut = fixture.house.clock.clock.now
        #expect(try await TrackingStore.sweep(before: cut, limit: 100, in: fixture.database) == 0)
        #expect(try await TrackingStore.sweep(before: cut.addingTimeInterval(1), limit: 100, in: fixture.database) == 1)
        #expect(try await fixture.number("select count(*) as n from tracking_counts") == 1)
    }

    @Test("no table keeps an address or a program of whoever looked, in a column or in words")
    func schema() async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        for kind in ["c", "o"] { _ = try await fixture.ask(.get, try path(kind, in: html), as: nil, headers: browser) }
        _ = try await judged(fixture)
        for words in ["198.51.100.7", "Chrome/131", "AppleWebKit"] { #expect(try await fixture.house.tables(holding: words) == []) }
        let owner = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
        let columns = try await owner.query(
            """
            select table_name || '.' || column_name as name from information_schema.columns
            where table_schema not in ('pg_catalog', 'information_schema') and (table_name like 'tracking%' or table_name like '%suppression%')
              and (data_type in ('inet', 'cidr') or column_name ~ '(^|_)(ip|agent|user_agent|remote|client)(_|$)')
            """)
        #expect(try columns.map { try $0.decode("name", as: String.self) } == [])
    }

    @Test("with the company its tracking goes, and with a workspace what its mails have brought", arguments: [true, false])
    func purge(isWholeCompany: Bool) async throws {
        let (fixture, _, html) = try await ground()
        fixture.house.clock.advance(by: .seconds(600))
        _ = try await fixture.ask(.get, try path("c", in: html), as: nil, headers: browser)
        _ = try await judged(fixture)
        #expect(try await fixture.ask(.post, "/api/v1/tracking/opt-outs", #"{"addresses":["bo@lead.example"]}"#).status == 204)
        for _ in 0..<30 {
            let request = DeliveryRPC.Purge(tenant: fixture.tenant, workspace: isWholeCompany ? nil : fixture.workspace)
            if try await fixture.rpc.call(request).isDone { break }
        }
        let left = try await fixture.house.rows(of: fixture.tenant)
        #expect(left["tracking_hits"] == nil && left["tracking_counts"] == nil)
        if isWholeCompany { #expect(left == [:]) } else { #expect(left["tracking_settings"] == 1 && left["tracking_opt_outs"] == 1) }
    }
}
