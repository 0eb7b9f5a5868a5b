import Contracts
import Foundation
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Delivery

@Suite("Webhooks on their way")
struct WebhookDeliveryTests {
    @Test("what happens is read from the stream, told once with a signature that Python takes for genuine, and counted as delivered")
    func wholeWay() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, secret) = try await ground.create("\(server)/hook", types: #"["mailbox.stopped"]"#)
            let mailbox = MailboxID(UUID())
            let event = try PendingEvent(
                DeliveryEvents.MailboxStopped(mailbox: mailbox, reason: "535 no"), at: ground.now, tenant: ground.tenant,
                workspace: ground.workspace, actor: .system("test"))
            let other = try PendingEvent(
                DeliveryEvents.MailboxConnected(mailbox: mailbox), at: ground.now, tenant: ground.tenant, actor: .system("test"))
            let outbox = ground.house.house.outbox
            try await ground.database.transaction { try await outbox.append([event, other], in: $0) }
            try await ground.house.withBackground(ground.service.webhooks.background, relay: true) {
                try await eventually("it is delivered") { try await ground.states() == ["delivered": 1] }
            }
            let call = try #require(double.calls.first)
            #expect(double.calls.count == 1)
            #expect(try call.isSigned(with: secret))
            #expect(try !call.isSigned(with: WebhookSignature.makeSecret()))
            #expect(call.headers["content-type"] == "application/json" && call.headers["user-agent"] == "PenguinMails-Webhooks/1")
            #expect(call.headers["webhook-timestamp"] == "\(Int64(ground.now.timeIntervalSince1970))")
            let expected = #"""
                {"created_at":"\#(WireJSON.format(ground.now))","data":{"mailbox":"\#(mailbox)","reason":"535 no"},"id":"\#(call.message)","tenant":"\#(ground.tenant)","type":"mailbox.stopped","workspace":"\#(ground.workspace)"}
                """#
            #expect(call.body == expected)
            let detail = try await ground.ask(.get, "/\(id)/deliveries/\(call.message)")
            #expect(detail.status == 200 && detail.body.contains(#""status":200"#), "\(detail.body)")
        }
    }

    @Test("a server that fails is asked by the table, each time with the same message and a new time, and after the sixth failure no more")
    func retries() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, secret) = try await ground.create("\(server)/hook")
            double.always("/hook", .internalServerError)
            try await ground.publish(1)
            #expect(try await ground.work() == 1)
            for (number, pause) in WebhookSchedule.pauses.enumerated() {
                #expect(try await ground.states() == ["waiting": 1])
                ground.house.clock.advance(by: .seconds(pause * 0.9 - 1))
                #expect(try await ground.work() == 0, "too early after \(number + 1) failures")
                ground.house.clock.advance(by: .seconds(pause * 0.2 + 2))
                #expect(try await ground.work() == 1, "nothing after \(number + 1) failures")
            }
            #expect(try await ground.states() == ["failed": 1])
            ground.house.clock.advance(by: .seconds(86_400 * 2))
            #expect(try await ground.work() == 0)
            let calls = double.calls
            #expect(calls.count == 6 && Set(calls.map(\.message)).count == 1 && Set(calls.map(\.body)).count == 1)
            #expect(Set(calls.compactMap { $0.headers["webhook-timestamp"] }).count == 6)
            for call in calls { #expect(try call.isSigned(with: secret)) }
            // Replayed, it has all its tries before it, and its history behind it.
            double.always("/hook", nil)
            double.answer("/hook", .badGateway)
            #expect(try await ground.ask(.post, "/\(id)/deliveries/\(calls[0].message)/replay").status == 202)
            #expect(try await ground.work() == 1)
            #expect(try await ground.states() == ["waiting": 1])
            ground.house.clock.advance(by: .seconds(67))
            #expect(try await ground.work() == 1)
            #expect(try await ground.states() == ["delivered": 1])
            let attempts = try await ground.database.query("select number, status from webhook_attempts order by number")
            #expect(try attempts.map { try $0.decode("number", as: Int.self) } == Array(1...8))
            #expect(try attempts.map { try $0.decode("status", as: Int.self) } == [500, 500, 500, 500, 500, 500, 502, 200])
        }
    }

    @Test("after a hundred failures in a row an endpoint is paused and the trail says so; what happens meanwhile is kept and sent on resumption")
    func pause() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, _) = try await ground.create("\(server)/hook")
            double.always("/hook", .internalServerError)
            try await ground.publish(99)
            #expect(try await ground.work() == 99)
            #expect(try await ground.state(of: id) == "active")
            // One success, and the count begins anew.
            double.answer("/hook", .ok)
            try await ground.publish(1)
            #expect(try await ground.work() == 1)
            try await ground.publish(120)
            #expect(try await ground.work() == 100)
            #expect(try await ground.state(of: id) == "paused")
            #expect(try await ground.acts() == ["webhook.create", "webhook.pause"])
            try await ground.publish(1)
            ground.house.clock.advance(by: .seconds(400))
            #expect(try await ground.work() == 0)
            let shown = try await ground.ask(.get, "/\(id)")
            #expect(shown.body.contains(#""state":"paused""#) && shown.body.contains("100 attempts failed in a row."), "\(shown.body)")
            double.always("/hook", nil)
            #expect(try await ground.ask(.patch, "/\(id)", #"{"state":"active"}"#).status == 200)
            #expect(try await ground.work() == 99 + 120 + 1)
            #expect(try await ground.states() == ["delivered": 221])
            #expect(try await ground.acts() == ["webhook.create", "webhook.pause", "webhook.resume"])
        }
    }

    @Test("410 Gone disables an endpoint: it is told no more and nothing is kept for it, until somebody says otherwise")
    func gone() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, _) = try await ground.create("\(server)/hook")
            double.answer("/hook", .gone)
            try await ground.publish(1)
            #expect(try await ground.work() == 1)
            #expect(try await ground.state(of: id) == "disabled")
            #expect(try await ground.states() == ["failed": 1])
            #expect(try await ground.acts() == ["webhook.create", "webhook.disable"])
            try await ground.publish(1)
            #expect(try await ground.states() == ["failed": 1])
            #expect(try await ground.ask(.patch, "/\(id)", #"{"state":"active"}"#).status == 200)
            try await ground.publish(1)
            #expect(try await ground.work() == 1)
            #expect(try await ground.states() == ["failed": 1, "delivered": 1])
        }
    }

    @Test("a redirect is a failure, and nobody goes where it points")
    func redirect() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            _ = try await ground.create("\(server)/hook")
            double.answer("/hook", .found)
            try await ground.publish(1)
            #expect(try await ground.work() == 1)
            #expect(double.calls.map(\.path) == ["/hook"])
            let error: String = try await ground.database.query("select last_error from webhook_deliveries")[0].decode("last_error")
            #expect(error == "The server answered 302; redirects are not followed.")
        }
    }

    @Test("a server that does not answer keeps nobody waiting but itself, and has no more than four requests at once")
    func slow() async throws {
        let ground = try await WebhookGround.make()
        let neighbour = ground.other
        let double = WebhookDouble()
        try await double.serve { server in
            _ = try await ground.create("\(server)/slow", types: #"["campaign.paused"]"#)
            _ = try await ground.create("\(server)/quick", types: #"["campaign.started"]"#)
            _ = try await neighbour.create("\(server)/neighbour")
            double.hold("/slow")
            try await ground.publish(50)
            // Waits longer than any machine that tests run on is slow: what is held is let go here, not given up.
            try await ground.house.withBackground([try ground.patientCourier()]) {
                try await eventually("the slow one has its four") { double.calls(of: "/slow").count == 4 }
                try await ground.publish((0..<40).map { _ in ground.fact(.init(UUID().uuidString), .campaignStarted) })
                try await neighbour.publish(40)
                try await eventually("all others have everything", within: .seconds(60)) {
                    double.calls(of: "/quick").count == 40 && double.calls(of: "/neighbour").count == 40
                }
                #expect(double.calls(of: "/slow").count == 4)
                double.letGo("/slow")
                try await eventually("the slow one has everything too", within: .seconds(60)) { try await ground.states() == ["delivered": 90] }
            }
            #expect(Set(double.calls(of: "/slow").map(\.message)).count == 50 && double.calls(of: "/slow").count == 50)
        }
    }

    @Test("the old secret signs beside the new one for a day, and then no longer")
    func rotation() async throws {
        let ground = try await WebhookGround.make()
        let double = WebhookDouble()
        try await double.serve { server in
            let (id, old) = try await ground.create("\(server)/hook")
            let answer = try await ground.ask(.post, "/\(id)/rotate-secret")
            #expect(answer.status == 200)
            let new = try WireJSON.decoder().decode(WebhookGround.Created.self, from: Data(answer.body.utf8)).secret
            #expect(new != old)
            try await ground.publish(1)
            try await ground.work()
            let during = try #require(double.calls.last)
            #expect(try during.isSigned(with: old))
            #expect(try during.isSigned(with: new))
            ground.house.clock.advance(by: .seconds(86_401))
            try await ground.publish(1)
            try await ground.work()
            let after = try #require(double.calls.last)
            #expect(after.message != during.message)
            #expect(try !after.isSigned(with: old))
            #expect(try after.isSigned(with: new))
        }
    }

    @Test("an endpoint is told what it asked for, of the workspace it asked for, and of no other company")
    func selection() async throws {
        let ground = try await WebhookGround.make()
        let stranger = ground.other
        let double = WebhookDouble()
        try await double.serve { server in
            _ = try await ground.create("\(server)/all")
            _ = try await ground.create("\(server)/mailboxes", types: #"["mailbox.stopped","mailbox.changed"]"#)
            _ = try await ground.create("\(server)/here", workspace: ground.workspace)
            _ = try await stranger.create("\(server)/stranger")
            let mailbox = MailboxID(UUID())
            try await ground.hear(DeliveryEvents.MailboxStopped(mailbox: mailbox, reason: "r"), workspace: ground.workspace)
            try await ground.hear(DeliveryEvents.MailboxChanged(mailbox: mailbox), workspace: WorkspaceID(UUID()))
            try await ground.hear(DeliveryEvents.MailboxConnected(mailbox: mailbox))
            try await ground.work()
            #expect(double.calls(of: "/all").count == 3 && double.calls(of: "/mailboxes").count == 2)
            #expect(double.calls(of: "/here").count == 1 && double.calls(of: "/here")[0].body.contains("mailbox.stopped"))
            #expect(double.calls(of: "/stranger").isEmpty)
            // One message, whoever is told.
            #expect(Set(double.calls.map(\.message)).count == 3)
        }
    }

    @Test("what is heard twice is told once, and of a mail its workspace and mailbox are told too")
    func once() async throws {
        let ground = try await WebhookGround.make()
        let (send, mailbox, enrolment) = (SendID(UUID()), MailboxID(UUID()), EnrolmentID(UUID()))
        try await ground.database.query(
            """
            insert into sends (tenant_id, id, send_key, state, workspace_id, enrolment_id, mailbox_id, recipient, created_at)
            values (\(ground.tenant), \(send), 'campaign:x:1', 'accepted', \(ground.workspace), \(enrolment), \(mailbox), 'a@x.example', now())
            """)
        let double = WebhookDouble()
        try await double.serve { server in
            _ = try await ground.create("\(server)/hook", workspace: ground.workspace)
            let opened = DeliveryEvents.Feedback(
                kind: .opened, sendKey: "campaign:x:1", campaign: nil, enrolment: enrolment, isMachine: false, at: ground.now)
            try await ground.hear(DeliveryEvents.FeedbackReceived(feedback: [opened]), id: 3)
            try await ground.hear(DeliveryEvents.RecipientUnsubscribed(campaign: nil, enrolment: enrolment), workspace: ground.workspace)
            var unsubscribed = opened
            unsubscribed.kind = .unsubscribed
            try await ground.hear(DeliveryEvents.FeedbackReceived(feedback: [unsubscribed]))
            try await ground.work()
            #expect(double.calls.count == 2)
            let told = try #require(double.calls.first { $0.body.contains("email.opened") })
            #expect(told.body.contains(#""send":"\#(send)""#) && told.body.contains(#""mailbox":"\#(mailbox)""#))
            #expect(told.body.contains(#""workspace":"\#(ground.workspace)""#) && told.body.contains(#""is_machine":false"#))
            #expect(!told.body.contains("a@x.example"))
        }
    }
}
