import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail and its sending window")
struct WindowTests {
    /// In a zone where it is between noon and one now, so that the hours around lie within one local day; every day.
    private static func window(_ now: Date, _ start: Int = 660, _ end: Int = 840) -> SendingWindow {
        let west = Int(now.timeIntervalSince1970) / 3_600 % 24 - 12
        let zone = west == 0 ? "Etc/GMT" : west > 0 ? "Etc/GMT+\(west)" : "Etc/GMT-\(-west)"
        return SendingWindow(zone: zone, openings: (1...7).map { SendingWindow.Opening(weekday: $0, start: start, end: end) })
    }

    private func plan(
        _ fixture: DeliveryFixture, _ mailbox: MailboxID, _ recipients: [String], _ window: SendingWindow?, due: Date? = nil
    ) -> DeliveryRPC.EnqueueSends {
        var plan = fixture.plan(mailbox, recipients)
        for index in plan.sends.indices {
            plan.sends[index].window = window
            if let due { plan.sends[index].dueAt = due }
        }
        return plan
    }

    private func runAt(_ fixture: DeliveryFixture, _ recipient: String) async throws -> Date {
        let rows = try await fixture.database.query("select j.run_at from jobs j join sends s on s.id = j.id where s.recipient = \(recipient)")
        return try rows[0].decode("run_at")
    }

    @Test("a mail is due in its window: at once where that is open, else at the next opening; what is overdue keeps its place only in an open one")
    func enqueueing() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let now = fixture.house.clock.clock.now
        let (open, later) = (Self.window(now), Self.window(now, 900, 960))
        let opening = try #require(later.next(from: now))
        #expect(opening > now + 7_200 && opening <= now + 10_800)
        for (recipient, window, due) in [
            ("any@x.example", nil, now), ("open@x.example", open, now), ("later@x.example", later, now),
            ("past@x.example", open, now - 86_400), ("missed@x.example", later, now - 86_400), ("far@x.example", open, now + 7_200),
        ] as [(String, SendingWindow?, Date)] {
            #expect(try await fixture.rpc.call(plan(fixture, mailbox, [recipient], window, due: due)).enqueued == 1)
        }
        #expect(try await runAt(fixture, "any@x.example") == now)
        #expect(try await runAt(fixture, "open@x.example") == now)
        #expect(try await runAt(fixture, "later@x.example") == opening)
        #expect(try await runAt(fixture, "past@x.example") == now - 86_400)
        #expect(try await runAt(fixture, "missed@x.example") == opening)
        let far = try #require(open.next(from: now + 7_200))
        #expect(far > now + 7_200)
        #expect(try await runAt(fixture, "far@x.example") == far)
    }

    @Test("a window that cannot be kept, or never opens, is refused with its whole batch")
    func invalid() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let today = ZoneClock.utc.local(at: fixture.house.clock.clock.now)
        let mondays = (0..<60).map { CivilDay.text(of: today.day - (today.weekday - 1) + 7 * $0) }
        let monday = SendingWindow.Opening(weekday: 1, start: 0, end: 1_440)
        for window in [
            SendingWindow(zone: "Nowhere/Town", openings: [monday]), SendingWindow(zone: "UTC", openings: []),
            SendingWindow(zone: "UTC", openings: [monday], holidays: mondays),
        ] {
            var request = fixture.plan(mailbox, ["good@x.example", "bad@x.example"])
            request.sends[1].window = window
            let refused = request
            let error = await #expect(throws: RPCError.self) { _ = try await fixture.rpc.call(refused) }
            #expect(error?.kind == "invalid_batch")
        }
        #expect(try await fixture.states() == [:])
    }

    @Test("a mail whose window has closed by its turn is not sent: its try does not count, its place is free, and it goes at the next opening")
    func closed() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let clock = fixture.house.clock
        let window = Self.window(clock.clock.now)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["a@x.example", "b@x.example"], window))
        clock.advance(by: .seconds(3 * 3_600))
        let next = try #require(window.next(from: clock.clock.now))
        #expect(next > clock.clock.now)
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("both wait for the next opening") {
                let waiting: SQL = "select 1 as one from jobs where kind = 'email' and state = 'queued' and run_at = \(next)"
                return try await fixture.database.query(waiting).count == 2
            }
            #expect(try fixture.mail.mails().isEmpty)
            #expect(try await fixture.states() == ["planned": 2])
            let attempts = try await fixture.database.query("select attempt from jobs where kind = 'email'")
            #expect(try attempts.map { try $0.decode("attempt", as: Int.self) } == [0, 0])
            let used = try await fixture.database.query("select coalesce(sum(mails), 0)::bigint as mails from mailbox_minutes")
            #expect(try used[0].decode("mails", as: Int.self) == 0)
            // The next day, at eleven o'clock.
            clock.advance(by: .seconds(20 * 3_600))
            #expect(window.contains(clock.clock.now))
            try await fixture.database.query("update jobs set run_at = now() where kind = 'email'")
            try await fixture.database.query("update lanes set next_at = now() where queue = 'queue:email-sending'")
            try await eventually("both are sent") { try await fixture.states() == ["accepted": 2] }
        }
        #expect(try fixture.mail.mails().count == 2)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("no retry is planned for an hour outside: it is moved to the next opening")
    func retries() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let now = fixture.house.clock.clock.now
        let window = Self.window(now)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["a@x.example"], window))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let delivery = try #require(taken.first).delivery
        let end = try #require(window.end(after: now))
        let next = try #require(window.next(from: end))
        func job(_ result: DeliveryResult, at instant: Date) -> Resolution.Job {
            Resolution(result, of: delivery, now: instant, spread: 0).job
        }
        let later = DeliveryResult.deferred(code: 450, text: "later")
        #expect(job(later, at: end - 600) == .again(at: end - 300, counted: true))
        #expect(job(later, at: end - 60) == .again(at: next, counted: true))
        #expect(job(.unreachable(text: "no route"), at: end - 10) == .again(at: end - 8, counted: true))
        #expect(job(.unreachable(text: "no route"), at: end - 1) == .again(at: next, counted: true))
        #expect(job(.mailboxRefused(text: "no"), at: end) == .again(at: next, counted: false))
        #expect(job(.handedBack, at: end) == .again(at: next, counted: false))
        // In the database too.
        fixture.house.clock.advance(by: .milliseconds(Int64(end.timeIntervalSince(now) * 1_000) - 60_000))
        try await fixture.write(delivery, later)
        #expect(try await runAt(fixture, "a@x.example") == next)
        #expect(try await fixture.states() == ["deferred": 1])
    }

    @Test("a window that cannot be read is closed: the mail waits and is looked at every day")
    func unreadable() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let now = fixture.house.clock.clock.now
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["a@x.example"], Self.window(now)))
        try await fixture.database.query(
            "update send_contents set sending_window = jsonb_set(sending_window, '{zone}', to_jsonb('Nowhere/Town'::text))")
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let delivery = try #require(taken.first).delivery
        #expect(delivery.isClosed(at: now))
        #expect(Resolution(.handedBack, of: delivery, now: now, spread: 0).job == .again(at: now + 86_400, counted: false))
    }

    @Test("a mail that was given back untouched begins no gap: the next one of its mailbox may go at once")
    func gap() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        #expect(try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/limits", #"{"gap_seconds":120}"#).status == 200)
        let now = fixture.house.clock.clock.now
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["a@x.example"], Self.window(now), due: now - 1))
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["b@x.example"], nil))
        let store = DeliveryStore(database: fixture.database, lease: 30)
        let first = try await store.take(fixture.entries(try await fixture.claim()))
        #expect(first.map(\.delivery.recipient) == ["a@x.example"])
        // As the dispatcher looks while the mail is in a worker's hands: not again for a long time.
        #expect(try await fixture.claim().isEmpty)
        fixture.house.clock.advance(by: .seconds(3 * 3_600))
        try await fixture.write(first[0].delivery, .handedBack)
        let second = try await store.take(fixture.entries(try await fixture.claim()))
        #expect(second.map(\.delivery.recipient) == ["b@x.example"])
        // One that was sent begins the gap, and its mailbox is looked at when that ends, not when the mail had to have its end at the latest.
        #expect(try await fixture.claim().isEmpty)
        try await fixture.write(second[0].delivery, .accepted(code: 250, text: "ok"))
        #expect(try await fixture.claim().isEmpty)
        let next: Date = try await fixture.database.query("select next_at from lanes where queue = 'queue:email-sending'")[0].decode("next_at")
        #expect((90.0...121).contains(next.timeIntervalSinceNow))
    }
}
