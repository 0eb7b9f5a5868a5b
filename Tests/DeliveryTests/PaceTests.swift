import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Delivery

@Suite("Fair shares")
struct FairShareTests {
    private static func tenant(_ number: UInt8) -> TenantID {
        TenantID(UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    }

    private static func lane(_ tenant: UInt8, _ lane: UInt8 = 1) -> Lane {
        Lane(tenant: Self.tenant(tenant), id: UUID(uuid: (lane, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    }

    @Test("one tenant with a million mails takes no more than the others while they want something, and all that they leave")
    func flood() {
        var share = FairShare()
        let demands = [(lane: Self.lane(0), wants: 1_000_000)] + (1..<100).map { (lane: Self.lane($0), wants: 100) }
        var left = Dictionary(uniqueKeysWithValues: demands.map { ($0.lane, $0.wants) })
        var rounds = 0
        while left.contains(where: { $0.key != Self.lane(0) && $0.value > 0 }) {
            let shares = share.share(1_000, among: left.map { (lane: $0.key, wants: $0.value) })
            #expect(shares.values.reduce(0, +) == 1_000)
            for (lane, count) in shares { left[lane, default: 0] -= count }
            rounds += 1
            let taken = 1_000_000 - left[Self.lane(0), default: 0]
            // Never more than a turn ahead of the slowest of the others.
            let slowest = (1..<100).map { 100 - left[Self.lane($0), default: 0] }.min() ?? 0
            if slowest < 100 { #expect(taken <= slowest + 16) }
        }
        #expect(rounds <= 11)
        #expect(share.share(500, among: [(Self.lane(0), 10_000)]) == [Self.lane(0): 500])
    }

    @Test("with less room than tenants everybody has a turn before anybody has two")
    func turns() {
        var share = FairShare()
        let demands = (0..<10).map { (lane: Self.lane(UInt8($0)), wants: 1_000) }
        var taken: [Lane: Int] = [:]
        for _ in 0..<20 {
            for (lane, count) in share.share(3, among: demands, quantum: 1) { taken[lane, default: 0] += count }
        }
        #expect(taken.count == 10 && taken.values.allSatisfy { $0 == 6 })
    }

    @Test("a tenant's share is shared among its lanes alike; nobody gets more than it wants", arguments: [1, 7, 40, 200])
    func lanes(room: Int) {
        var share = FairShare()
        let demands = [(Self.lane(1, 1), 3), (Self.lane(1, 2), 50), (Self.lane(1, 3), 50), (Self.lane(2, 1), 20), (Self.lane(3, 1), 0)]
        let shares = share.share(room, among: demands.map { (lane: $0.0, wants: $0.1) })
        #expect(shares.values.reduce(0, +) == min(room, 123))
        for (lane, wants) in demands { #expect(shares[lane, default: 0] <= wants) }
        #expect(abs(shares[Self.lane(1, 2), default: 0] - shares[Self.lane(1, 3), default: 0]) <= 1)
    }
}

@Suite("The pace of a mailbox")
struct MailboxPaceTests {
    private static let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("each limit closes with its own reason, the smallest allowance counts")
    func verdicts() {
        var pace = MailboxPace(dailyLimit: 50, hourlyLimit: 10)
        #expect(pace.verdict(now: Self.now, cap: 32) == .open(10))
        pace.usedInHour = 8
        #expect(pace.verdict(now: Self.now, cap: 32) == .open(2))
        pace.usedInHour = 10
        #expect(pace.verdict(now: Self.now, cap: 32) == .closed(.hourlyLimit))
        pace.usedInDay = 50
        #expect(pace.verdict(now: Self.now, cap: 32) == .closed(.dailyLimit))
        #expect(MailboxPace(inFlight: 32).verdict(now: Self.now, cap: 32) == .closed(.busy))
        #expect(MailboxPace(inFlight: 30).verdict(now: Self.now, cap: 32) == .open(2))
        #expect(MailboxPace(gapSeconds: 60).verdict(now: Self.now, cap: 32) == .open(1))
        #expect(MailboxPace(gapSeconds: 60, inFlight: 1).verdict(now: Self.now, cap: 32) == .closed(.busy))
        #expect(MailboxPace(opensAt: Self.now.addingTimeInterval(1)).verdict(now: Self.now, cap: 32) == .closed(.gap))
    }

    @Test("the day's limit is the warm-up's where there is one")
    func warmup() {
        let strategy = WarmupStrategy.even(days: 10)
        let began = Self.now.addingTimeInterval(-86_400 * 3 - 60)
        let pace = MailboxPace(dailyLimit: 200, warmup: Warmup(strategy: strategy, startedAt: began))
        #expect(pace.effectiveDailyLimit(now: Self.now) == 80)
        #expect(MailboxPace(dailyLimit: 200).effectiveDailyLimit(now: Self.now) == 200)
    }

    @Test("whatever happens to claims on their way, no hour and no 24 hours hold more than the limit", arguments: 0..<50 as Range<UInt64>)
    func windows(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var minutes: [Int: Int] = [:]
        var sent: [Double] = []
        let (daily, hourly) = (Int.random(in: 5...60, using: &random), Int.random(in: 2...12, using: &random))
        var time = 0.0
        while time < 3 * 86_400 {
            time += Double.random(in: 1...900, using: &random)
            func used(_ window: Double) -> Int {
                minutes.filter { Double($0.key * 60) > time - window - MailboxPace.guardTime }.values.reduce(0, +)
            }
            let pace = MailboxPace(dailyLimit: daily, hourlyLimit: hourly, usedInDay: used(86_400), usedInHour: used(3_600))
            guard case .open(let allowance) = pace.verdict(now: Date(timeIntervalSince1970: time), cap: 32) else { continue }
            minutes[Int(time) / 60, default: 0] += allowance
            // A claimed mail goes out within a minute, or goes back and still counts.
            for _ in 0..<allowance where Int.random(in: 0..<10, using: &random) > 0 { sent.append(time + Double.random(in: 0..<60, using: &random)) }
        }
        sent.sort()
        for (limit, window) in [(daily, 86_400.0), (hourly, 3_600)] where sent.count > limit {
            for index in 0..<(sent.count - limit) where sent[index + limit] - sent[index] < window {
                Issue.record("seed \(seed): \(limit + 1) mails within \(sent[index + limit] - sent[index]) s")
                return
            }
        }
        #expect(sent.count > daily)
    }
}

@Suite("Pace in the database")
struct PaceInDatabaseTests {
    private func limit(_ fixture: DeliveryFixture, _ mailbox: MailboxID, _ body: String) async throws {
        let answer = try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/limits", body)
        #expect(answer.status == 200, "\(answer.body)")
    }

    /// As if what was claimed had been claimed so long ago, and the lanes were due.
    private func age(_ fixture: DeliveryFixture, by interval: SQL) async throws {
        try await fixture.database.query("update mailbox_minutes set minute = minute - interval '\(interval)'")
        try await fixture.database.query("update lanes set next_at = now() where next_at < 'infinity'")
    }

    @Test("hourly and daily limits hold over restarts, open again when the window has passed, and what sent nothing does not count")
    func windows() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await limit(fixture, mailbox, #"{"hourly":5,"daily":8}"#)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<30).map { "l\($0)@x.example" }))
        let first = try await fixture.claim()
        #expect(first.count == 5)
        // A new dispatcher knows as much as the old one: nothing is in memory.
        #expect(try await fixture.claim().isEmpty)
        let next: Date = try await fixture.database.query("select next_at from lanes")[0].decode("next_at")
        #expect((3_500.0...3_800).contains(next.timeIntervalSinceNow))
        // One of them sent nothing: its place is free again.
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(first))
        try await fixture.write(taken[0].delivery, .unreachable(text: "no route"))
        for loaded in taken.dropFirst() { try await fixture.write(loaded.delivery, .accepted(code: 250, text: "ok")) }
        try await fixture.database.query("update lanes set next_at = now()")
        #expect(try await fixture.claim().count == 1)
        try await age(fixture, by: "63 minutes")
        #expect(try await fixture.claim().count == 3)
        try await age(fixture, by: "63 minutes")
        #expect(try await fixture.claim().isEmpty)
        try await age(fixture, by: "25 hours")
        #expect(try await fixture.claim().count == 5)
    }

    @Test("a mailbox with a gap sends one mail after the other, and the gap begins with the end of the last")
    func gap() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await limit(fixture, mailbox, #"{"gap_seconds":120}"#)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example", "b@x.example"]))
        let first = try await fixture.claim()
        #expect(first.count == 1)
        #expect(try await fixture.claim().isEmpty)
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(first))
        try await fixture.write(taken[0].delivery, .accepted(code: 250, text: "ok"))
        #expect(try await fixture.claim().isEmpty)
        let opens: Date = try await fixture.database.query("select opens_at from mailboxes")[0].decode("opens_at")
        #expect((100.0...121).contains(opens.timeIntervalSinceNow))
        try await fixture.database.query("update mailboxes set opens_at = now()")
        try await fixture.database.query("update lanes set next_at = now()")
        #expect(try await fixture.claim().count == 1)
    }

    @Test("a paused mailbox sends nothing and says why; resumed, it goes on at once")
    func pause() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let paused = try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/pause", #"{"reason":"on holiday"}"#)
        #expect(paused.status == 200 && paused.body.contains(#""state":"paused""#) && paused.body.contains("on holiday"))
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        #expect(try await fixture.claim().isEmpty)
        // New settings are no word about the pause.
        let again = try await fixture.send(.put, "/api/v1/mailboxes/\(mailbox)/smtp", fixture.smtp())
        #expect(again.status == 200 && again.body.contains(#""state":"paused""#) && again.body.contains("on holiday"), "\(again.body)")
        #expect(try await fixture.claim().isEmpty)
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/resume", "{}").body.contains(#""state":"active""#))
        #expect(try await fixture.claim().count == 1)
    }

    @Test("a mailbox whose mail is refused too often pauses itself with the figures, and goes on when its owner says so")
    func bounces() async throws {
        #expect(AutoPause.reason(accepted: 37, refused: 2) == nil)
        #expect(AutoPause.reason(accepted: 38, refused: 2) == nil)
        #expect(AutoPause.reason(accepted: 37, refused: 3) != nil)
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<45).map { "l\($0)@x.example" }))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim(limit: 43)))
        func state() async throws -> String { try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body }
        for loaded in taken.prefix(38) { try await fixture.write(loaded.delivery, .accepted(code: 250, text: "ok")) }
        for loaded in taken[38..<40] { try await fixture.write(loaded.delivery, .refused(code: 550, text: "5.1.1 nobody")) }
        var body = try await state()
        #expect(body.contains(#""state":"active""#))
        try await fixture.write(taken[40].delivery, .refused(code: 550, text: "5.1.1 nobody"))
        body = try await state()
        #expect(body.contains(#""state":"paused""#) && body.contains("3 of the last 41 mails"))
        #expect(try await fixture.claim().isEmpty)
        let told = try await fixture.database.query("select body from outbox where body like '%mailbox.pause%'")
        #expect(told.count == 1)
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/resume", "{}").status == 200)
        // What its owner has seen does not pause it again.
        try await fixture.write(taken[41].delivery, .refused(code: 550, text: "5.1.1 nobody"))
        body = try await state()
        #expect(body.contains(#""state":"active""#))
        #expect(try await fixture.claim().count == 2)
    }

    @Test("three tries in a row that reached no server pause a mailbox; what breaks at once is one try, and an answer begins anew")
    func failures() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<9).map { "l\($0)@x.example" }))
        let store = DeliveryStore(database: fixture.database, lease: 30)
        let taken = try await store.take(fixture.entries(try await fixture.claim()))
        func failures() async throws -> Int { try await fixture.database.query("select failures from mailboxes")[0].decode("failures") }
        func later() async throws { try await fixture.database.query("update mailboxes set failed_at = failed_at - interval '6 minutes'") }
        for loaded in taken[0..<4] { try await fixture.write(loaded.delivery, .unreachable(text: "no route")) }
        #expect(try await failures() == 1)
        try await later()
        try await fixture.write(taken[4].delivery, .unreachable(text: "no route"))
        #expect(try await failures() == 2)
        // Loaded anew, as a worker does: it then knows that its mailbox was failing.
        let (fresh, old) = (try #require(try await store.take([fixture.entry(taken[5].delivery)]).first), taken[6])
        try await fixture.write(fresh.delivery, .deferred(code: 451, text: "4.2.0 later"))
        #expect(try await failures() == 0)
        try await fixture.write(old.delivery, .unreachable(text: "no route"))
        for index in 7..<9 {
            try await later()
            #expect(try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body.contains(#""state":"active""#))
            try await fixture.write(taken[index].delivery, .unreachable(text: "no route"))
        }
        let body = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body
        #expect(body.contains(#""state":"paused""#) && body.contains("three times in a row: no route"))
    }

    @Test("a destination that refuses the sender rests, other destinations and refusals of one recipient do not matter")
    func destinations() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@busy.example", "b@full.example"]))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        try await fixture.write(taken[0].delivery, .deferred(code: 451, text: "4.7.1 slow down"))
        try await fixture.write(taken[1].delivery, .deferred(code: 452, text: "4.2.2 mailbox full"))
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["c@busy.example", "d@full.example", "e@other.example"]))
        let next = try await fixture.claim()
        let sent = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(next)).map(\.delivery.recipient)
        #expect(Set(sent) == ["d@full.example", "e@other.example"])
        let rows = try await fixture.database.query("select destination from destination_pauses")
        #expect(try rows.map { try $0.decode("destination", as: String.self) } == ["busy.example"])
    }
}

@Suite("Placeholders")
struct PlaceholderTests {
    @Test(
        "every one is replaced, and nothing else",
        arguments: [
            ("", ""), ("no", "no"), ("{{u}}", "X"), ("a{{u}}b{{u}}", "aXbX"), ("{{{u}}}", "{X}"), ("{{u}", "{{u}"), ("ü{{u}}🐧", "üX🐧"),
            ("{{u}}{{u}}", "XX"),
        ])
    func substituting(text: String, expected: String) {
        #expect(text.substituting("{{u}}", with: "X") == expected)
    }
}
