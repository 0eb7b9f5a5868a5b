import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import Logging
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    fileprivate static let delivery = "/api/v1/audit/checkpoint-delivery"

    /// With webhooks allowed where a test has one.
    fileprivate static func make(configuration: [String: String]) async throws -> AuditFixture {
        let house = try await TestHouse.make(for: AuditService.self, configuration: configuration)
        return AuditFixture(house: house, service: try await AuditService(house.house))
    }

    fileprivate static func local() async throws -> AuditFixture { try await make(configuration: ["audit.webhook.reach": "anywhere"]) }

    fileprivate var loop: CheckpointDeliveryLoop {
        get throws {
            let trail = try self.trail
            return CheckpointDeliveryLoop(
                database: house.house.worker, sender: try CheckpointSender(house: house.house, verifierKeys: trail.signer.verifierKeys),
                acts: OwnActs(trail: trail, clock: house.clock.clock), wakeup: Wakeup(), clock: house.clock.clock, logger: house.house.logger)
        }
    }

    /// Does all that is due.
    fileprivate func work() async throws {
        let loop = try loop
        while try await loop.step() {}
    }

    /// Sets a webhook; its secret.
    fileprivate func setWebhook(_ url: String) async throws -> String {
        let answer = try await ask(.put, Self.delivery, #"{"kind":"webhook","url":"\#(url)"}"#)
        #expect(answer.status == 200, "\(answer.body)")
        return answer.text("secret")
    }

    fileprivate func acts(_ action: String) async throws -> Int {
        try await house.house.worker.query("select id from trail_events where tenant_id = \(tenant) and action = \(action)").count
    }
}

@Suite("Checkpoints that are handed out")
struct CheckpointDeliveryTests {
    @Test(
        "the pause after a failure grows from a minute to six hours",
        arguments: [(1, 60.0), (2, 120), (3, 240), (9, 15_360), (10, 21_600), (1_000, 21_600)])
    func pauses(failures: Int, seconds: TimeInterval) {
        #expect(CheckpointSchedule.pause(afterFailures: failures) == seconds)
    }

    @Test("a webhook is set, shown without its secret, replaced and deleted; each but the look is an entry of the trail")
    func setting() async throws {
        let fixture = try await AuditFixture.local()
        #expect(try await fixture.ask(.get, AuditFixture.delivery).status == 404)
        let url = "http://localhost:1/private-path"
        let secret = try await fixture.setWebhook(url)
        #expect(secret.hasPrefix("whsec_") && secret.utf8.count > 40)
        let shown = try await fixture.ask(.get, AuditFixture.delivery, role: .admin)
        #expect(shown.status == 200 && shown.text("url") == url && shown.text("kind") == "webhook")
        #expect(!shown.body.contains("whsec_") && !shown.body.contains("secret"))
        #expect(try await fixture.house.tables(holding: secret) == [])
        #expect(try await fixture.house.tables(holding: "private-path") == ["checkpoint_deliveries"])
        let other = try await fixture.setWebhook("http://localhost:1/elsewhere")
        #expect(other != secret)
        #expect(try await fixture.acts("checkpoint_delivery.set") == 2)
        #expect(try await fixture.ask(.delete, AuditFixture.delivery).status == 204)
        #expect(try await fixture.ask(.delete, AuditFixture.delivery).status == 404)
        #expect(try await fixture.ask(.get, AuditFixture.delivery).status == 404)
        #expect(try await fixture.acts("checkpoint_delivery.delete") == 1)
    }

    @Test("members settle nothing, another company sees nothing, and nobody who answers requests reads the secret")
    func apart() async throws {
        let fixture = try await AuditFixture.local()
        let url = "http://localhost:1/hook"
        for method in [HTTPRequest.Method.get, .delete] {
            #expect(try await fixture.ask(method, AuditFixture.delivery, role: .member).status == 403)
        }
        #expect(try await fixture.ask(.put, AuditFixture.delivery, #"{"kind":"webhook","url":"\#(url)"}"#, role: .member).status == 403)
        _ = try await fixture.setWebhook(url)
        let stranger = AuditFixture(house: fixture.house, service: fixture.service)
        #expect(stranger.tenant != fixture.tenant)
        #expect(try await stranger.ask(.get, AuditFixture.delivery).status == 404)
        #expect(try await stranger.ask(.delete, AuditFixture.delivery).status == 404)
        #expect(try await stranger.ask(.post, AuditFixture.delivery + "/test").status == 404)
        let api = fixture.house.house.api
        #expect(try await api.query(as: stranger.tenant, "select id from checkpoint_deliveries").isEmpty)
        let tenant = fixture.tenant
        let error = await #expect(throws: PostgresError.self) {
            try await api.query(as: tenant, "select secret_sealed from checkpoint_deliveries")
        }
        #expect(error?.code == .insufficientPrivilege)
        #expect(try await fixture.ask(.get, AuditFixture.delivery).status == 200)
    }

    @Test("a webhook gets the newest signed note with a signature of its own, once a day, when the tree has grown, and once a week when not")
    func daily() async throws {
        let fixture = try await AuditFixture.local()
        let double = WebhookDouble()
        try await double.serve { url in
            let secret = try await fixture.setWebhook(url)
            // Two replicas at once.
            let (one, two) = (try fixture.loop, try fixture.loop)
            async let first = one.step()
            async let second = two.step()
            _ = try await (first, second)
            try await fixture.work()
            let call = try #require(double.calls.first)
            #expect(double.calls.count == 1)
            #expect(call.contentType == "application/json" && call.isSigned(with: secret) && !call.isSigned(with: secret + "x"))
            let newest = try #require(try await fixture.newestCheckpoint())
            let keys = try fixture.trail.signer.verifierKeys
            let told = try #require(call.told)
            #expect(told.type == "audit.checkpoint" && told.tenantId == fixture.tenant && told.at == newest.at)
            #expect(told.note == newest.note && told.size == newest.size && told.keys == keys)
            #expect(try await fixture.ask(.get, AuditFixture.delivery).text("size") == "\(newest.size)")

            try await fixture.take([try fixture.event("thing.do")])
            fixture.house.clock.advance(by: .seconds(86_399))
            try await fixture.work()
            #expect(double.calls.count == 1)
            fixture.house.clock.advance(by: .seconds(2))
            try await fixture.work()
            #expect(double.calls.count == 2 && double.calls.last?.told?.size == newest.size + 1)

            for _ in 0..<6 {
                fixture.house.clock.advance(by: .seconds(86_401))
                try await fixture.work()
            }
            #expect(double.calls.count == 2)
            fixture.house.clock.advance(by: .seconds(86_401))
            try await fixture.work()
            #expect(double.calls.count == 3)
        }
    }

    @Test("what fails is tried again after a growing pause, and shown until it arrives")
    func retry() async throws {
        let fixture = try await AuditFixture.local()
        let double = WebhookDouble()
        double.fail(with: .internalServerError, .badGateway)
        try await double.serve { url in
            _ = try await fixture.setWebhook(url)
            try await fixture.work()
            #expect(double.calls.count == 1)
            let failing = try await fixture.ask(.get, AuditFixture.delivery)
            #expect(failing.text("failure").contains("500") && failing.text("delivered_at") == "" && failing.text("failing_since") != "")
            for (wait, calls) in [(59, 1), (2, 2), (118, 2), (3, 3)] {
                fixture.house.clock.advance(by: .seconds(wait))
                try await fixture.work()
                #expect(double.calls.count == calls)
            }
            let recovered = try await fixture.ask(.get, AuditFixture.delivery)
            #expect(recovered.text("failure") == "" && recovered.text("failing_since") == "" && recovered.text("delivered_at") != "")
            #expect(try await fixture.acts("checkpoint_delivery.fail") == 0)
        }
    }

    @Test("a week of failures is told once, in the company's own trail")
    func told() async throws {
        let fixture = try await AuditFixture.local()
        // Nobody listens there.
        _ = try await fixture.setWebhook("http://127.0.0.1:1/hook")
        try await fixture.work()
        fixture.house.clock.advance(by: .seconds(7 * 86_400 - 1))
        try await fixture.work()
        #expect(try await fixture.acts("checkpoint_delivery.fail") == 0)
        for _ in 0..<3 {
            fixture.house.clock.advance(by: .seconds(6 * 3_600))
            try await fixture.work()
        }
        let told = try await fixture.house.house.worker.query(
            "select actor_kind, outcome from trail_events where tenant_id = \(fixture.tenant) and action = 'checkpoint_delivery.fail'")
        #expect(told.count == 1)
        #expect(try told.first?.decode("actor_kind", as: String.self) == "system")
        #expect(try told.first?.decode("outcome", as: String.self) == "failure")
    }

    @Test(
        "what is not an address of the Internet under https is refused",
        arguments: [
            "https://127.0.0.1/hook", "https://localhost/hook", "https://10.1.2.3:8443/hook", "https://169.254.169.254/latest", "https://127.1/",
            "https://0x7f000001/", "https://[::1]/hook", "https://[::ffff:127.0.0.1]/", "http://example.com/hook", "ftp://example.com/hook",
            "https://user:password@example.com/", "https://user@example.com/", "https://example.com@localhost/", "https:///hook", "https://",
            "https://exa mple.com/", "https://example.com\\\\@localhost/", "hook", "",
        ])
    func refused(url: String) async throws {
        let fixture = try await AuditFixture.make()
        let answer = try await fixture.ask(.put, AuditFixture.delivery, #"{"kind":"webhook","url":"\#(url)"}"#)
        #expect(answer.status == 400 || answer.status == 422, "\(answer.body)")
        #expect(try await fixture.house.rows(of: fixture.tenant)["checkpoint_deliveries"] == nil)
    }

    @Test("a name that means an address inside by now gets nothing, and a redirect is not followed")
    func reach() async throws {
        let fixture = try await AuditFixture.local()
        let double = WebhookDouble()
        try await double.serve { url in
            let address = try WebhookAddress(url, reach: .anywhere)
            let client = WebhookClient(reach: .publicAddresses, certificates: "")
            await #expect(throws: CheckpointFailure.self) { try await client.post(Data("{}".utf8), signature: "", to: address) }
            #expect(double.calls.isEmpty)
            double.fail(with: .found)
            _ = try await fixture.setWebhook(url)
            let answer = try await fixture.ask(.post, AuditFixture.delivery + "/test")
            #expect(answer.body.contains(#""delivered":false"#) && answer.text("status") == "302" && double.calls.count == 1, "\(answer.body)")
        }
    }

    @Test("a try sends at once, says what came back, counts when it arrives, and is not for sending many")
    func trial() async throws {
        let fixture = try await AuditFixture.local()
        let double = WebhookDouble()
        #expect(try await fixture.ask(.post, AuditFixture.delivery + "/test").status == 404)
        try await double.serve { url in
            let secret = try await fixture.setWebhook(url)
            double.fail(with: .serviceUnavailable)
            let failed = try await fixture.ask(.post, AuditFixture.delivery + "/test")
            #expect(failed.status == 200 && failed.body.contains(#""delivered":false"#), "\(failed.body)")
            #expect(failed.text("status") == "503" && failed.text("answer") == "heard" && failed.text("failure").contains("503"))
            #expect(try await fixture.ask(.get, AuditFixture.delivery).text("failure") == "")
            #expect(try await fixture.ask(.post, AuditFixture.delivery + "/test").status == 429)
            fixture.house.clock.advance(by: .seconds(61))
            let sent = try await fixture.ask(.post, AuditFixture.delivery + "/test")
            #expect(sent.status == 200 && sent.body.contains(#""delivered":true"#) && sent.text("status") == "200", "\(sent.body)")
            #expect(double.calls.count == 2 && double.calls.last?.isSigned(with: secret) == true)
            // That was today's.
            try await fixture.work()
            #expect(double.calls.count == 2)
            // To delete it and set it again is no way around the pause.
            #expect(try await fixture.ask(.delete, AuditFixture.delivery).status == 204)
            #expect(try await fixture.ask(.post, AuditFixture.delivery + "/test").status == 404)
            _ = try await fixture.setWebhook(url)
            #expect(try await fixture.ask(.post, AuditFixture.delivery + "/test").status == 429)
        }
    }

    @Test("a checkpoint comes by mail, with the note as it was signed")
    func mail() async throws {
        let server = try await TestMailServer.start()
        let fixture = try await AuditFixture.make(configuration: [
            "mail.host": "127.0.0.1", "mail.port": "\(server.port)", "mail.security": "none", "mail.username": "sender", "mail.password": "secret",
            "mail.from": "hello@penguinmails.test",
        ])
        let body = #"{"kind":"mail","address":"auditor@reader.example"}"#
        let answer = try await fixture.ask(.put, AuditFixture.delivery, body)
        #expect(answer.status == 200 && answer.text("address") == "auditor@reader.example" && answer.text("secret") == "", "\(answer.body)")
        try await fixture.work()
        let newest = try #require(try await fixture.newestCheckpoint())
        let mails = try server.mails().filter { $0.contains("auditor@reader.example") }
        let mail = try #require(mails.first)
        #expect(mails.count == 1)
        let plain = mail.replacing("\r\n", with: "\n")
        #expect(plain.contains("Subject: Checkpoint of your audit trail, \(WireJSON.format(fixture.house.clock.clock.now).prefix(10))\n"))
        // Quoted-printable, as far as the note needs it.
        let text = plain.replacing("=\n", with: "").replacing("=E2=80=94", with: "\u{2014}").replacing("=3D", with: "=")
        #expect(text.contains(newest.note), "\(plain)")
        #expect(text.contains("penguin audit verify") && text.contains("--since"))
        try await fixture.work()
        #expect(try server.mails().filter { $0.contains("auditor@reader.example") }.count == 1)
    }

    @Test(
        "requests that make no sense, and mail without a mail server, are refused",
        arguments: [
            (#"{"kind":"mail","address":"auditor@reader.example"}"#, 422), (#"{"kind":"mail","url":"https://example.com"}"#, 400),
            (#"{"kind":"log"}"#, 400), (#"{"kind":"webhook"}"#, 400), (#"{"kind":"mail","address":"nobody"}"#, 422),
            (#"{"kind":"webhook","url":"https://example.com","address":"a@b.example"}"#, 400),
        ])
    func senseless(body: String, status: Int) async throws {
        let fixture = try await AuditFixture.make()
        #expect(try await fixture.ask(.put, AuditFixture.delivery, body).status == status)
    }

    @Test("it goes with its company, and the platform's stays")
    func purge() async throws {
        let fixture = try await AuditFixture.local()
        _ = try await fixture.setWebhook("http://localhost:1/hook")
        #expect(try await fixture.house.rows(of: fixture.tenant)["checkpoint_deliveries"] == 1)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        #expect(try await client.call(AuditRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone)
        #expect(try await fixture.house.rows(of: fixture.tenant)["checkpoint_deliveries"] == nil)
        #expect(try await fixture.house.rows(of: Trail.platform)["checkpoint_deliveries"] == 1)
    }
}
