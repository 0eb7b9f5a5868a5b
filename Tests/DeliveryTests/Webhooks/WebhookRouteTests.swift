import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Webhooks as their owners set them")
struct WebhookRouteTests {
    private static let url = "http://127.0.0.1:1/private-path"

    private func list(_ text: String) throws -> [String] {
        text.matches(of: /"message":"([0-9a-f-]{36})"/).map { String($0.1) }
    }

    @Test("a webhook is created, shown without its secret, changed, paused, resumed and deleted, and the trail has each act with the host alone")
    func life() async throws {
        let ground = try await WebhookGround.make()
        let (id, secret) = try await ground.create(Self.url, types: #"["email.replied","email.bounced","email.replied"]"#)
        let shown = try await ground.ask(.get, "/\(id)")
        #expect(shown.status == 200 && shown.body.contains(#""types":["email.replied","email.bounced"]"#), "\(shown.body)")
        #expect(!shown.body.contains("whsec_") && !shown.body.contains("sealed"))
        #expect(try await ground.house.tables(holding: secret) == [])
        #expect(try await ground.house.tables(holding: "private-path") == ["webhook_endpoints"])
        let changed = try await ground.ask(
            .patch, "/\(id)", #"{"url":"http://localhost:2/","types":["*"],"description":" mine ","state":"paused"}"#)
        #expect(changed.status == 200 && changed.body.contains(#""url":"http://localhost:2/""#), "\(changed.body)")
        #expect(changed.body.contains(#""types":["*"]"#) && changed.body.contains(#""description":"mine""#))
        #expect(changed.body.contains(#""state":"paused""#))
        #expect(try await ground.ask(.patch, "/\(id)", #"{"state":"active"}"#).body.contains(#""state":"active""#))
        // What is so already is no act.
        #expect(try await ground.ask(.patch, "/\(id)", #"{"state":"active","description":"mine"}"#).status == 200)
        #expect(try await ground.ask(.get).body.contains(id.description))
        #expect(try await ground.ask(.delete, "/\(id)").status == 204)
        for path in ["/\(id)", "/\(id)/deliveries"] { #expect(try await ground.ask(.get, path).status == 404) }
        #expect(try await ground.ask(.delete, "/\(id)").status == 404)
        #expect(try await ground.ask(.get).body.contains(#""data":[]"#))
        #expect(
            try await ground.acts() == ["webhook.change", "webhook.create", "webhook.delete", "webhook.pause", "webhook.resume"])
        let told: String = try await ground.database.query("select string_agg(body, '') as all from outbox")[0].decode("all")
        #expect(told.contains("127.0.0.1") && !told.contains("private-path"))
    }

    @Test("what is wrong is refused, and the part is named")
    func refused() async throws {
        let ground = try await WebhookGround.make(reach: "public")
        let wrong = [
            (#"{"url":"https://example.com/","types":[]}"#, "types"),
            (#"{"url":"https://example.com/","types":["email.replied","nonsense"]}"#, "types"),
            (#"{"url":"https://example.com/","types":["*","email.replied"]}"#, "types"),
            (#"{"url":"https://example.com/","types":["webhook.test"]}"#, "types"), (#"{"url":"http://example.com/","types":["*"]}"#, "url"),
            (#"{"url":"https://127.0.0.1/","types":["*"]}"#, "url"), (#"{"url":"https://[::1]/","types":["*"]}"#, "url"),
            (#"{"url":"https://a:b@example.com/","types":["*"]}"#, "url"), (#"{"url":"https://example.com:25/","types":["*"]}"#, "url"),
            (#"{"url":"ftp://example.com/","types":["*"]}"#, "url"), (#"{"types":["*"]}"#, "url"),
            (#"{"url":"https://example.com/","types":["*"],"description":"a\nb"}"#, "description"),
        ]
        for (body, field) in wrong {
            let answer = try await ground.ask(.post, "", body)
            #expect(answer.status == 400 && answer.body.contains(#""field":"\#(field)""#), "\(answer.body)")
            if field == "types" { #expect(answer.body.contains(#""known":["email.accepted","#)) }
        }
        #expect(try await ground.database.query("select id from webhook_endpoints").isEmpty)
    }

    @Test("a name that stands for an address inside can be set, but nothing is sent there, and nobody learns that it stands inside")
    func inside() async throws {
        let ground = try await WebhookGround.make(reach: "public")
        _ = try await ground.create("https://localhost:8443/")
        _ = try await ground.create("https://nobody.invalid/")
        try await ground.publish(1)
        #expect(try await ground.work() == 2)
        let errors = try await ground.database.query("select last_error from webhook_deliveries").map { try $0.decode("last_error", as: String.self) }
        #expect(errors == Array(repeating: "The host has no address of the Internet.", count: 2))
    }

    @Test("a company has at most twenty, also when many are asked for at once")
    func most() async throws {
        let ground = try await WebhookGround.make()
        let body = #"{"url":"\#(Self.url)","types":["*"]}"#
        for _ in 0..<18 { #expect(try await ground.ask(.post, "", body).status == 201) }
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try await ground.ask(.post, "", body).status } }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == [201, 201, 422, 422])
        #expect(try await ground.ask(.post, "", body).body.contains("too_many_webhooks"))
        #expect(try await ground.other.ask(.post, "", body).status == 201)
    }

    @Test("with an Idempotency-Key one is created however often it is asked for, with the same secret, which lies nowhere in clear")
    func idempotency() async throws {
        let ground = try await WebhookGround.make()
        let body = #"{"url":"\#(Self.url)","types":["*"]}"#
        let first = try await ground.ask(.post, "", body, key: "k")
        let second = try await ground.ask(.post, "", body, key: "k")
        #expect(first.status == 201 && second.status == 201 && first.body == second.body)
        let created = try WireJSON.decoder().decode(WebhookGround.Created.self, from: Data(first.body.utf8))
        #expect(try await ground.house.tables(holding: created.secret) == [])
        #expect(try await ground.database.query("select id from webhook_endpoints").count == 1)
        #expect(try await ground.ask(.post, "", body.replacing("private", with: "other"), key: "k").status == 422)
        // A new secret too is made once.
        let path = "/\(created.webhook.id)/rotate-secret"
        let (third, fourth) = (try await ground.ask(.post, path, key: "r"), try await ground.ask(.post, path, key: "r"))
        #expect(third.status == 200 && third.body == fourth.body && !third.body.contains(created.secret))
        #expect(try await ground.acts() == ["webhook.create", "webhook.rotate"])
    }

    @Test("members settle nothing, another company finds nothing, and whoever is limited to workspaces sees and sets what is told of these")
    func apart() async throws {
        let ground = try await WebhookGround.make()
        let (id, _) = try await ground.create(Self.url)
        let (own, _) = try await ground.create(Self.url, workspace: ground.workspace)
        try await ground.publish(1)
        let message: WebhookMessageID = try await ground.database.query("select id from webhook_messages")[0].decode("id")
        let questions: [(HTTPRequest.Method, String, String?)] = [
            (.get, "/\(id)", nil), (.patch, "/\(id)", "{}"), (.delete, "/\(id)", nil), (.post, "/\(id)/rotate-secret", nil),
            (.post, "/\(id)/test", nil),
            (.get, "/\(id)/deliveries", nil), (.get, "/\(id)/deliveries/\(message)", nil), (.post, "/\(id)/deliveries/\(message)/replay", nil),
            (.post, "/\(id)/replay", #"{"since":"2020-01-01T00:00:00Z"}"#),
        ]
        for (method, path, body) in questions {
            #expect(try await ground.ask(method, path, body, role: .member).status == 403, "\(path)")
            // A key reads webhooks and their deliveries, and changes none.
            #expect(try await ground.ask(method, path, body, role: .member, apiKey: UUID()).status == (method == .get ? 200 : 403), "\(path)")
            #expect(try await ground.other.ask(method, path, body).status == 404, "\(path)")
            #expect(try await ground.ask(method, path, body, workspaces: [ground.workspace]).status == 404, "\(path)")
        }
        #expect(try await ground.ask(.get, role: .member).status == 403)
        #expect(try await ground.ask(.get, "/event-types", role: .member).status == 403)
        #expect(try await ground.ask(.get, "/event-types").body.contains("email.replied"))
        #expect(try await ground.other.ask(.get).body.contains(#""data":[]"#))
        let seen = try await ground.ask(.get, workspaces: [ground.workspace]).body
        #expect(seen.contains(own.description) && !seen.contains(id.description))
        #expect(try await ground.ask(.get, "/\(own)", workspaces: [ground.workspace]).status == 200)
        let body = #"{"url":"\#(Self.url)","types":["*"]}"#
        #expect(try await ground.ask(.post, "", body, workspaces: [ground.workspace]).status == 400)
        let elsewhere = body.dropLast() + #","workspace":"\#(WorkspaceID(UUID()))"}"#
        #expect(try await ground.ask(.post, "", String(elsewhere), workspaces: [ground.workspace]).status == 404)
        for path in ["/nonsense", "/\(UUID().text)"] { #expect(try await ground.ask(.get, path).status == 404) }
        #expect(try await ground.house.unprotectedTables() == [])
    }

    @Test("a test is sent at once, signed, told in full, kept nowhere, and not again within ten seconds")
    func trial() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, secret) = try await ground.create("\(server)/hook")
            let answer = try await ground.ask(.post, "/\(id)/test")
            #expect(answer.status == 200 && answer.body.contains(#""status":200"#) && answer.body.contains(#""answer":"heard "#), "\(answer.body)")
            let call = try #require(double.calls.first)
            #expect(call.body.contains(#""type":"webhook.test""#))
            #expect(try call.isSigned(with: secret))
            #expect(try await ground.ask(.post, "/\(id)/test").status == 429)
            ground.house.clock.advance(by: .seconds(10))
            double.answer("/hook", .internalServerError)
            let failure = try await ground.ask(.post, "/\(id)/test")
            #expect(failure.status == 200 && failure.body.contains("The server answered 500, not 2xx."), "\(failure.body)")
            #expect(try await ground.database.query("select id from webhook_messages").isEmpty)
            #expect(try await ground.ask(.get, "/\(id)").body.contains(#""failures":0"#))
        }
    }

    @Test("deliveries are listed page by page, by state and type, and one is shown with its attempts and what was said")
    func deliveries() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, _) = try await ground.create("\(server)/hook")
            double.answer("/hook", .internalServerError)
            try await ground.publish(1)
            try await ground.work()
            ground.house.clock.advance(by: .seconds(1))
            try await ground.publish(2)
            try await ground.publish([ground.fact("x", .mailboxStopped)])
            try await ground.work()
            let all = try list(try await ground.ask(.get, "/\(id)/deliveries").body)
            #expect(all.count == 4 && all == all.sorted(by: >))
            let page = try await ground.ask(.get, "/\(id)/deliveries?limit=3").body
            let cursor = try #require(page.firstMatch(of: /"next":"([^"]+)"/)?.1)
            #expect(try list(page) == Array(all.prefix(3)))
            #expect(try list(try await ground.ask(.get, "/\(id)/deliveries?limit=3&cursor=\(cursor)").body) == [all[3]])
            #expect(try list(try await ground.ask(.get, "/\(id)/deliveries?state=waiting").body) == [all[3]])
            #expect(try list(try await ground.ask(.get, "/\(id)/deliveries?type=mailbox.stopped").body).count == 1)
            #expect(try list(try await ground.ask(.get, "/\(id)/deliveries?since=2100-01-01T00:00:00Z").body).isEmpty)
            #expect(try list(try await ground.ask(.get, "/\(id)/deliveries?until=2020-01-01T00:00:00Z").body).isEmpty)
            for wrong in ["state=nonsense", "type=nonsense", "since=yesterday", "cursor=%00", "limit=0"] {
                #expect(try await ground.ask(.get, "/\(id)/deliveries?\(wrong)").status == 400, "\(wrong)")
            }
            let detail = try await ground.ask(.get, "/\(id)/deliveries/\(all[3])")
            #expect(detail.body.contains(#""status":500"#) && detail.body.contains("The server answered 500, not 2xx."), "\(detail.body)")
            #expect(detail.body.contains(#""body":"{\"created_at\""#))
            let answer: String = try await ground.database.query("select answer from webhook_attempts where status = 500")[0].decode("answer")
            #expect(answer.hasPrefix("heard é") && answer.utf8.count <= 1_024 + 2)
            #expect(try await ground.ask(.get, "/\(id)/deliveries/\(UUID().text)").status == 404)
        }
    }

    @Test("everything that failed since a time is sent again, and by wish also what arrived; what is being sent is left alone")
    func replay() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, _) = try await ground.create("\(server)/hook")
            try await ground.publish(2)
            try await ground.work()
            ground.house.clock.advance(by: .seconds(100))
            let since = WireJSON.format(ground.now)
            try await ground.publish(3)
            try await ground.work()
            try await ground.database.query("update webhook_deliveries set state = 'failed' where created_at >= \(ground.now)")
            let failed = try await ground.ask(.post, "/\(id)/replay", #"{"since":"\#(since)"}"#)
            #expect(failed.status == 202 && failed.body.contains(#""replayed":3"#), "\(failed.body)")
            #expect(try await ground.work() == 3)
            let none = try await ground.ask(.post, "/\(id)/replay", #"{"since":"\#(since)"}"#)
            #expect(none.body.contains(#""replayed":0"#))
            let all = try await ground.ask(.post, "/\(id)/replay", #"{"since":"2020-01-01T00:00:00Z","state":"all"}"#)
            #expect(all.body.contains(#""replayed":5"#))
            let running = try await ground.courier.claim(room: 1)
            let message = try #require(running.first?.message)
            let refused = try await ground.ask(.post, "/\(id)/deliveries/\(message)/replay")
            #expect(refused.status == 409 && refused.body.contains("delivery_running"))
            for wrong in [#"{"since":"x"}"#, "{}", #"{"since":"2020-01-01T00:00:00Z","state":"running"}"#] {
                #expect(try await ground.ask(.post, "/\(id)/replay", wrong).status == 400, "\(wrong)")
            }
            #expect(try await ground.acts() == ["webhook.create", "webhook.replay", "webhook.replay"])
        }
    }
}
