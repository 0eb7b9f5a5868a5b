import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import Mail
import NIOCore
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams
import TestSupport
import Testing

@testable import Delivery

/// Delivery on real Postgres, Redis and mail server; Billing takes every settlement.
struct DeliveryFixture: Sendable {
    let house: TestHouse
    let service: DeliveryService
    let mail: TestMailServer
    let rpc: RPCClient
    let tenant = TenantID(UUID())
    let workspace = WorkspaceID(UUID())
    let campaign = CampaignID(UUID())
    /// What the plan has room for, as the service asked.
    var places = TestPlaces()

    /// `mailboxes`: how many the plan allows.
    static func make(
        lease: Int = 30, destinationConcurrency: Int = 32, mailboxes: Int64? = nil, more: [String: String] = [:], tracer: Tracer = .silent
    ) async throws -> DeliveryFixture {
        var auth = RPCRouter(service: .auth)
        auth.on(AuthRPC.ReadWorkspace.self) { request, _ in
            AuthRPC.Workspace(id: request.workspace, name: "W", slug: "w", postalAddress: nil)
        }
        var billing = RPCRouter(service: .billing)
        billing.on(BillingRPC.ConfirmMail.self) { request, _ in
            BillingRPC.Reservation(id: request.reservation, count: 500, used: request.used, released: 0, periodEnd: Date())
        }
        billing.on(BillingRPC.ReleaseMail.self) { request, _ in
            BillingRPC.Reservation(id: request.reservation, count: 500, used: 0, released: request.released, periodEnd: Date())
        }
        let places = TestPlaces(limits: mailboxes.map { [.mailboxes: $0] } ?? [:])
        places.add(to: &billing)
        let house = try await TestHouse.make(
            for: DeliveryService.self, peers: [.auth: auth, .billing: billing],
            configuration: [
                "delivery.lease.seconds": "\(lease)", "delivery.connections.per.mailbox": "1", "delivery.smtp.reach": "anywhere",
                "delivery.destination.concurrency": "\(destinationConcurrency)",
            ].merging(more) { $1 }, tracer: tracer)
        let service = try await DeliveryService(house.house)
        return DeliveryFixture(
            house: house, service: service, mail: try await TestMailServer.start(), rpc: .local(house.router(service), caller: .campaigns),
            places: places)
    }

    var database: Database { house.house.worker }

    func send(_ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, tenant: TenantID? = nil) async throws -> (
        status: Int, body: String
    ) {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant)
        headers[.contentType] = "application/json"
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    func smtp(port: Int? = nil, password: String = "secret") -> String {
        #"{"host":"127.0.0.1","port":\#(port ?? mail.port),"security":"none","username":"sender","password":"\#(password)"}"#
    }

    func mailbox(_ address: String = "me@sender.example") async throws -> MailboxID {
        let body = #"{"workspace":"\#(workspace)","address":"\#(address)","display_name":"Me","smtp":\#(smtp())}"#
        let answer = try await send(.post, "/api/v1/mailboxes", body)
        let identifier = answer.body.firstMatch(of: /"id":"([0-9a-f-]{36})"/)?.1
        return try #require(identifier.flatMap { MailboxID($0) }, "\(answer.body)")
    }

    func plan(_ mailbox: MailboxID, _ recipients: [String], prefix: String = "campaign") -> DeliveryRPC.EnqueueSends {
        DeliveryRPC.EnqueueSends(
            tenant: tenant,
            sends: recipients.map { recipient in
                DeliveryRPC.PlannedSend(
                    sendKey: "\(prefix):\(recipient):1", workspace: workspace, campaign: campaign, enrolment: EnrolmentID(UUID()), mailbox: mailbox,
                    recipient: recipient, recipientName: "Ünï", subject: "Hi", text: "Leave: {{unsubscribe_url}}", html: nil, priority: 100,
                    dueAt: house.clock.clock.now, reservation: nil)
            })
    }

    func states() async throws -> [String: Int] {
        let rows = try await database.query("select state, count(*) as n from sends group by state")
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("state"), try $0.decode("n")) })
    }

    func gate(open: Bool, version: Int64) -> DeliveryRPC.SetSendGate {
        DeliveryRPC.SetSendGate(tenant: tenant, scope: "campaign", id: campaign.description, isOpen: open, reason: "test", version: version)
    }

    /// Claims as the dispatcher does, without handing anything to workers.
    func claim(limit: Int = 100, holder: String = "test") async throws -> [Claim] {
        let lease = DispatcherLease(database: database, holder: holder, length: .seconds(60))
        guard let fence = try await lease.take() else { return [] }
        return try await claims().claim(
            .mail, room: limit, share: FairShare(), fence: fence, holder: holder, lease: 30, now: house.clock.clock.now
        ).claimed
    }

    func claims(perMailbox: Int = 100) -> ClaimStore {
        ClaimStore(
            database: database, events: SendEvents(outbox: house.house.outbox), counters: QueueCounters(instance: "test", .dispatch),
            erased: ErasedOptOuts(digests: AddressDigests(keyring: house.house.keyring)), perMailbox: perMailbox)
    }

    /// Leases end here when a test says so: every outcome may be a late one.
    var outcomes: OutcomeStore {
        OutcomeStore(
            events: SendEvents(outbox: house.house.outbox), counters: QueueCounters(instance: "test", .outcome), suppressions: suppressions,
            lease: .zero)
    }

    /// What the counters say, and what the tables say.
    func counts() async throws -> (counted: [Int], real: [Int]) {
        let row = try await database.query(
            """
            select coalesce(sum(waiting), 0)::bigint as waiting, coalesce(sum(active), 0)::bigint as active, coalesce(sum(failed), 0)::bigint as failed,
                (select count(*) from jobs where state in ('queued', 'gated')) as queued, (select count(*) from jobs where state = 'running') as running,
                (select count(*) from jobs where state = 'failed') as dead
            from queue_counters
            """)[0]
        func numbers(_ columns: [StaticString]) throws -> [Int] { try columns.map { try row.decode($0) } }
        return (try numbers(["waiting", "active", "failed"]), try numbers(["queued", "running", "dead"]))
    }

    /// Writes one result as a worker does.
    func write(_ delivery: Delivery, _ result: DeliveryResult) async throws {
        let now = house.clock.clock.now
        let outcomes = outcomes
        try await database.transaction {
            try await outcomes.write([.init(delivery: delivery, resolution: Resolution(result, of: delivery, now: now, spread: 0))], now: now, in: $0)
        }
    }

    /// Takes back what has lost its lease, as the dispatcher does.
    @discardableResult
    func sweep() async throws -> Int {
        try await Sweeper(
            database: database, events: SendEvents(outbox: house.house.outbox), counters: QueueCounters(instance: "test", .dispatch),
            logger: house.house.logger
        ).sweep(now: house.clock.clock.now)
    }

    func entries(_ claimed: [Claim]) -> [WorkStreams.Entry] {
        claimed.enumerated().map { .init(place: .init(stream: "s", position: "\($0)-1"), claim: $1) }
    }

    func entry(_ delivery: Delivery) -> WorkStreams.Entry {
        .init(place: .init(stream: "s", position: "1-1"), claim: delivery.claim)
    }

    func endLeases() async throws {
        try await database.query("update jobs set lease_until = now() - interval '1 second' where state = 'running'")
    }
}

@Suite("Mail on its way")
struct DeliveryTests {
    @Test("every mail is sent once, in order, with what a mail must carry; refused ones are refused, dropped ones held")
    func wholeWay() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let recipients = (10..<40).map { "lead\($0)@x.example" } + ["refuse-550@x.example", "drop@x.example", "defer-450@x.example"]
        let request = fixture.plan(mailbox, recipients)
        #expect(try await fixture.rpc.call(request) == .init(enqueued: 33, known: 0))
        #expect(try await fixture.rpc.call(request) == .init(enqueued: 0, known: 33))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all have their fate", within: .seconds(40)) {
                try await fixture.states() == ["accepted": 30, "refused": 1, "ambiguous": 1, "deferred": 1]
            }
        }
        let mails = try fixture.mail.mails()
        #expect(mails.count >= 30)
        let first = try #require(mails.first)
        for header in [
            "Message-ID: <", "List-Unsubscribe: <https://localhost:8443/u/", "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "From: Me <me@sender.example>",
        ] {
            #expect(first.contains(header), "\(header)")
        }
        #expect(!first.contains("{{unsubscribe_url}}"))
        // What was said is erased, except of those whose fate is open.
        #expect(try await fixture.database.query("select send_id from send_contents").count == 2)
        // What did not end well has its conversation in its log.
        let refused = try await fixture.database.query("select transcript from job_logs where message like 'refused: %'")
        let transcript: String = try #require(refused.first).decode("transcript")
        #expect(transcript.contains("C: RCPT TO:<refuse-550@x.example>") && transcript.contains("\nS: 550 "), "\(transcript)")
        let next: Date = try await fixture.database.query("select run_at from jobs where state = 'queued' and kind = 'email'")[0].decode("run_at")
        #expect(next.timeIntervalSince(fixture.house.clock.clock.now) == 300)
        let told = try await fixture.database.query("select body from outbox where type = 'delivery.sends.resolved'").count
        #expect(told > 0 && told < 33)
    }

    @Test("a wrong password stops the mailbox with the server's words, not the queue; the right one lets it go on")
    func wrongPassword() async throws {
        let fixture = try await DeliveryFixture.make()
        let (bad, good) = (try await fixture.mailbox("bad@sender.example"), try await fixture.mailbox("good@sender.example"))
        let sealed = try fixture.house.house.keyring.seal(Data("wrong".utf8), for: SendingMailbox.place(bad, of: fixture.tenant))
        try await fixture.database.query("update mailboxes set password_sealed = \(sealed) where id = \(bad)")
        _ = try await fixture.rpc.call(fixture.plan(bad, ["a@x.example", "b@x.example"], prefix: "bad"))
        _ = try await fixture.rpc.call(fixture.plan(good, ["c@x.example", "d@x.example"], prefix: "good"))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("the good one's mail is out and the bad one is stopped") {
                let stopped = try await fixture.send(.get, "/api/v1/mailboxes/\(bad)").body.contains(#""state":"stopped""#)
                return try await fixture.states()["accepted"] == 2 && stopped
            }
            #expect(try await fixture.send(.get, "/api/v1/mailboxes/\(bad)").body.contains("535"))
            let wrong = try await fixture.send(.put, "/api/v1/mailboxes/\(bad)/smtp", fixture.smtp(password: "still wrong"))
            #expect(wrong.status == 422 && wrong.body.contains("smtp_test_failed") && wrong.body.contains("535"))
            #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(bad)/smtp", fixture.smtp()).status == 200)
            try await eventually("its mail goes on") { try await fixture.states() == ["accepted": 4] }
        }
        let attempts = try await fixture.database.query("select attempt from jobs where kind = 'email'").map {
            try $0.decode("attempt", as: Int.self)
        }
        #expect(attempts.allSatisfy { $0 == 1 })
    }

    @Test("new settings hold for what is sent from then on, also over a connection that is in use")
    func newSettings() async throws {
        let fixture = try await DeliveryFixture.make()
        let other = try await TestMailServer.start()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<400).map { "l\($0)@x.example" }))
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("the first are sent") { try await fixture.states()["accepted"] ?? 0 > 5 }
            #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/smtp", fixture.smtp(port: other.port)).status == 200)
            try await eventually("all are sent", within: .seconds(40)) { try await fixture.states() == ["accepted": 400] }
        }
        let (before, after) = (try fixture.mail.mails().count, try other.mails().count)
        #expect(before + after == 400 && after > 100, "\(before) and \(after)")
    }

    @Test("Redis emptied between admission and work: the claims come back and everything is sent once")
    func flushed() async throws {
        let fixture = try await DeliveryFixture.make(lease: 2)
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<20).map { "l\($0)@x.example" }))
        #expect(try await fixture.claim().count == 20)
        try await fixture.house.redis.flushAll()
        try await fixture.endLeases()
        // This test was the dispatcher; now the service's own may lead.
        try await fixture.database.query("update dispatcher_lease set expires_at = '-infinity'")
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all are sent", within: .seconds(40)) { try await fixture.states() == ["accepted": 20] }
        }
        #expect(try fixture.mail.mails().count == 20)
    }

    @Test("a paused campaign's mail waits, an older word about the gate is ignored, and it goes on when opened")
    func gates() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        _ = try await fixture.rpc.call(fixture.gate(open: false, version: 5))
        _ = try await fixture.rpc.call(fixture.gate(open: true, version: 4))
        #expect(try await fixture.claim().isEmpty)
        _ = try await fixture.rpc.call(fixture.gate(open: true, version: 6))
        #expect(try await SendGates(database: fixture.database, wakeup: Wakeup()).release())
        #expect(try await fixture.claim().count == 1)
    }

    @Test("who unsubscribes by POST is not written to, looking changes nothing, and a made-up link is nobody's")
    func unsubscribing() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["gone@x.example"], prefix: "one"))
        let send: SendID = try await fixture.database.query("select id from sends")[0].decode("id")
        let links = try UnsubscribeLinks(keyring: fixture.house.house.keyring, baseURL: fixture.house.house.publicBaseURL)
        let path = try #require(URL(string: links.link(tenant: fixture.tenant, send: send))).path()
        for _ in 0..<2 { #expect(try await fixture.send(.get, path).status == 200) }
        #expect(
            try await fixture.rpc.call(
                DeliveryRPC.FindSuppressed(tenant: fixture.tenant, workspace: fixture.workspace, addresses: ["gone@x.example"])) == [])
        for _ in 0..<2 { #expect(try await fixture.send(.post, path, "List-Unsubscribe=One-Click").status == 200) }
        #expect(
            try await fixture.rpc.call(
                DeliveryRPC.FindSuppressed(tenant: fixture.tenant, workspace: fixture.workspace, addresses: ["Gone@x.example"]))
                == ["gone@x.example"])
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["gone@x.example"], prefix: "two"))
        #expect(try await fixture.claim().isEmpty)
        #expect(try await fixture.states() == ["suppressed": 2])
        #expect(try await fixture.send(.post, path.dropLast(3) + "xxx").status == 404)
    }

    @Test("a lease that ends before the body means once more, after it means held; late and foreign results are sorted out by the fence")
    func leases() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example", "b@x.example"]))
        let store = DeliveryStore(database: fixture.database, lease: 30)
        let taken = try await store.take(fixture.entries(try await fixture.claim()))
        #expect(taken.map(\.delivery.recipient) == ["a@x.example", "b@x.example"])
        let marks = DataSentMarks(database: fixture.database)
        #expect(try await marks.mark(taken[1].delivery))
        try await fixture.endLeases()
        try await fixture.sweep()
        #expect(try await fixture.states() == ["planned": 1, "ambiguous": 1])
        // The slow worker wakes up: it may not begin the first, and its word about it counts for nothing.
        #expect(try await !marks.mark(taken[0].delivery))
        try await fixture.write(taken[0].delivery, .accepted(code: 250, text: "ok"))
        #expect(try await fixture.states() == ["planned": 1, "ambiguous": 1])
        // But the late reply of the same attempt settles what was held.
        try await fixture.write(taken[1].delivery, .accepted(code: 250, text: "ok"))
        #expect(try await fixture.states() == ["planned": 1, "accepted": 1])
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real && counts.real == [1, 0, 0])
    }

    @Test("one claim in two hands: whoever marked it says what became of it, the other's word counts for nothing")
    func twoHands() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example", "b@x.example"]))
        let store = DeliveryStore(database: fixture.database, lease: 30)
        let entries = fixture.entries(try await fixture.claim())
        let (first, second) = (try await store.take(entries), try await store.take(entries))
        let marks = DataSentMarks(database: fixture.database)
        #expect(try await marks.mark(first[0].delivery))
        #expect(try await !marks.mark(second[0].delivery))
        // The first is at its body: whatever the second says, the mail must not go back to the queue.
        for result in [DeliveryResult.unreachable(text: "no"), .handedBack, .mailboxRefused(text: "no"), .refused(code: 550, text: "no")] {
            try await fixture.write(second[0].delivery, result)
            #expect(try await fixture.states() == ["data_sent": 1, "claimed": 1], "\(result)")
        }
        try await fixture.write(first[0].delivery, .accepted(code: 250, text: "ok"))
        #expect(try await fixture.states() == ["accepted": 1, "claimed": 1])
        // What nobody marked may go back by anybody's word, and then the other may not begin it.
        try await fixture.write(second[1].delivery, .handedBack)
        #expect(try await !marks.mark(first[1].delivery))
        #expect(try await fixture.states() == ["accepted": 1, "planned": 1])
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real && counts.real == [1, 0, 0])
    }

    @Test("a dispatcher that lost its lease claims nothing")
    func dispatchers() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        let old = DispatcherLease(database: fixture.database, holder: "old", length: .seconds(60))
        let fence = try #require(try await old.take())
        #expect(try await DispatcherLease(database: fixture.database, holder: "new", length: .seconds(60)).take() == nil)
        try await fixture.database.query("update dispatcher_lease set expires_at = now() - interval '1 second'")
        #expect(try await DispatcherLease(database: fixture.database, holder: "new", length: .seconds(60)).take() == fence + 1)
        await #expect(throws: ClaimStore.LostLease.self) {
            try await fixture.claims().claim(.mail, room: 10, share: FairShare(), fence: fence, holder: "old", lease: 30, now: Date())
        }
    }

    @Test("passwords are sealed where they are stored, never shown, and another tenant sees no mailbox")
    func secrecy() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let sealed: String = try await fixture.database.query("select password_sealed from mailboxes")[0].decode("password_sealed")
        #expect(sealed.hasPrefix("v1.k1.") && !sealed.contains("secret"))
        #expect(try await !fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body.contains("password"))
        #expect(try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)", tenant: TenantID(UUID())).status == 404)
        let untested = #"{"workspace":"\#(fixture.workspace)","address":"x@y.example","display_name":"X","smtp":\#(fixture.smtp(password: "no"))}"#
        #expect(try await fixture.send(.post, "/api/v1/mailboxes", untested).status == 422)
    }
}

@Suite("When to try again")
struct RetryTests {
    @Test(
        "servers that say later are asked after 5, 15, 30, 60 minutes, then every two hours for three days",
        arguments: [(1, 5.0), (2, 15), (3, 30), (4, 60), (5, 120), (20, 120)])
    func deferrals(number: Int, minutes: Double) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        #expect(RetrySchedule.afterDeferral(number, firstAt: now, now: now) == now.addingTimeInterval(minutes * 60))
        #expect(RetrySchedule.afterDeferral(number, firstAt: now.addingTimeInterval(-72 * 3_600), now: now) == nil)
    }

    @Test(
        "what nobody answers is tried after 2, 4, 8 … 300 seconds, a quarter more or less",
        arguments: [(1, 2.0), (2, 4), (8, 256), (9, 300), (90, 300)])
    func unreachable(attempt: Int, seconds: Double) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        for spread in [-1.0, 0, 1] {
            #expect(RetrySchedule.afterUnreachable(attempt, spread: spread, now: now) == now.addingTimeInterval(seconds * (1 + 0.25 * spread)))
        }
    }
}
