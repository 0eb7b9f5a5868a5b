import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceRuntime
import TestSupport
import Testing

@testable import Audit

/// The keeper of a status on a real database, with a clock that the test moves.
struct StatusFixture: Sendable {
    let database: TestDatabase
    let board = StatusBoard()
    let clock: TestClock
    /// By how much the wall clock was set, counted from the beginning of 1970.
    private let shift: TestClock
    let keeper: StatusKeeper

    static func make(on postgres: TestPostgres = .shared) async throws -> StatusFixture {
        let database = try await postgres.database()
        let migrations = [HouseTables.migration(for: .audit)] + AuditService.migrations
        try await Migrator(database.configuration(role: "audit_owner"), migrations: migrations).run(logger: Self.logger)
        // The beginning of a minute at noon, so that minutes and days are easy to count.
        return StatusFixture(database: database, clock: TestClock(Date(timeIntervalSince1970: 1_800_014_400)), holder: "one")
    }

    /// Another process on the same database.
    func restarted(holder: String = "one") -> StatusFixture {
        StatusFixture(database: database, clock: clock, holder: holder)
    }

    private init(database: TestDatabase, clock: TestClock, holder: String) {
        self.database = database
        self.clock = clock
        let shift = TestClock(Date(timeIntervalSince1970: 0))
        self.shift = shift
        let (start, begin) = (clock.clock.now, ContinuousClock.now)
        keeper = StatusKeeper(
            board: board, database: Database(database.configuration(role: "audit_worker"), connections: 2), holder: holder,
            interval: .seconds(5), clock: clock.clock, logger: Self.logger,
            machine: { begin + .seconds(clock.clock.now.timeIntervalSince(start) - shift.clock.now.timeIntervalSince1970) })
    }

    /// Sets the wall clock, while the machine's own goes on.
    func setClock(by step: Duration) {
        clock.advance(by: step)
        shift.advance(by: step)
    }

    private static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    var worker: Database { Database(database.configuration(role: "audit_worker"), connections: 1) }

    func sample(_ health: Sample.Health, _ component: String = "smtp") {
        board.add(Sample(health: health, latency: .milliseconds(2), at: clock.clock.now), to: component)
    }

    /// Looks at one part every ten seconds for this long; writes after each look if asked.
    func pass(_ seconds: Int, _ health: Sample.Health, _ component: String = "smtp", keeping: Bool = true) async throws {
        for _ in 0..<(seconds / 10) {
            sample(health, component)
            await keeper.look()
            if keeping { try await keeper.keep() }
            clock.advance(by: .seconds(10))
        }
    }

    func state(_ component: String = "smtp") -> ComponentStatus? {
        board.components(now: clock.clock.now).first { $0.name == component }?.status
    }

    var incidents: [Incident] { board.snapshot(now: clock.clock.now).history.incidents }
    func days(_ component: String = "smtp") -> [UptimeDay] { board.snapshot(now: clock.clock.now).history.days[component] ?? [] }
}

@Suite("Uptime")
struct UptimeTests {
    private static let noon = Date(timeIntervalSince1970: 1_800_014_400)

    @Test("a minute is what was the worst in it, is counted once, and not before it is over")
    func minutes() {
        var ledger = MinuteLedger()
        let minute = MinuteLedger.minute(of: Self.noon)
        for (second, status) in [(0, ComponentStatus.operational), (10, .down), (20, .degraded), (60, .operational), (90, .unknown), (130, .down)] {
            ledger.observe("smtp", status, at: Self.noon.addingTimeInterval(Double(second)))
        }
        let day = UptimeDay.number(of: Self.noon)
        #expect(ledger.days(after: [:], before: minute + 2)["smtp"] == [UptimeDay(day: day, operational: 1, down: 1)])
        #expect(ledger.days(after: ["smtp": minute + 1], before: minute + 2)["smtp"] == [UptimeDay(day: day, operational: 1)])
        #expect(ledger.days(after: [:], before: minute)["smtp"] == [])
        ledger.forget(before: minute + 2)
        #expect(ledger.days(after: [:], before: minute + 3)["smtp"] == [UptimeDay(day: day, down: 1)])
    }

    @Test("minutes around midnight are in their own days")
    func midnight() {
        var ledger = MinuteLedger()
        let midnight = Date(timeIntervalSince1970: 1_800_057_600)
        for minute in -2..<3 { ledger.observe("api", .operational, at: midnight.addingTimeInterval(Double(minute) * 60)) }
        let day = UptimeDay.number(of: midnight)
        #expect(
            ledger.days(after: [:], before: .max)["api"] == [UptimeDay(day: day - 1, operational: 2), UptimeDay(day: day, operational: 3)])
    }

    @Test(
        "the share is never rounded up, maintenance is left out, nothing counted is no share",
        arguments: [
            ([], nil), ([UptimeDay(day: 1, maintenance: 9)], nil), ([UptimeDay(day: 1, operational: 10)], 100),
            ([UptimeDay(day: 1, operational: 129_599, down: 1)], 99.99), ([UptimeDay(day: 1, operational: 1, degraded: 1)], 100),
            ([UptimeDay(day: 1, operational: 1), UptimeDay(day: 2, down: 2, maintenance: 5)], 33.33),
        ] as [([UptimeDay], Double?)])
    func percent(days: [UptimeDay], expected: Double?) {
        #expect(UptimeDay.percent(days) == expected)
    }

    @Test("minutes reach the database once, also when they are written again or another replica writes")
    func stored() async throws {
        let first = try await StatusFixture.make()
        try await first.pass(300, .good)
        try await first.keeper.keep()
        #expect(first.days().map(\.operational) == [5])
        // The other replica saw the same minutes, but the first one holds the lease.
        let second = first.restarted(holder: "two")
        try await second.pass(120, .bad)
        #expect(try await first.worker.query("select down from status_days where component = 'smtp' and down > 0").isEmpty)
        try await first.keeper.keep()
        #expect(first.days().map(\.operational) == [5])
        // What nobody saw between two processes is not counted.
        first.clock.advance(by: .seconds(3_600))
        let third = first.restarted()
        try await third.pass(120, .good)
        try await third.keeper.keep()
        #expect(third.days().map(\.operational) == [7])
        #expect(third.board.components(now: third.clock.clock.now).first { $0.name == "smtp" }?.uptimePercent == 100)
    }

    @Test("what a second replica saw while the first one wrote, which then ended, is counted once")
    func takenOver() async throws {
        let first = try await StatusFixture.make()
        try await first.pass(120, .good)
        // The first one holds the lease, and writes no more.
        let second = first.restarted(holder: "two")
        try await second.pass(180, .bad)
        #expect(second.days().map(\.down) == [0])
        try await first.worker.query("update status_keeper set expires_at = '-infinity'")
        try await second.keeper.keep()
        try await second.keeper.keep()
        second.clock.advance(by: .seconds(60))
        try await second.keeper.keep()
        #expect(second.days().map(\.operational) == [1] && second.days().map(\.down) == [3])
    }

    @Test("a clock that was set far ahead takes no history away")
    func farAhead() async throws {
        let first = try await StatusFixture.make()
        let yesterday = UptimeDay.number(of: Date()) - 1
        try await first.worker.query(
            """
            insert into status_days (day, component, operational, degraded, down, maintenance) values (\(yesterday), 'api', 7, 0, 0, 0)
            """)
        try await first.pass(60, .good)
        first.setClock(by: .seconds(400 * 86_400))
        try await first.pass(180, .good)
        #expect(try await first.worker.query("select day from status_days where component = 'smtp'").count == 2)
        #expect(try await first.worker.query("select day from status_days where component = 'api'").count == 1)
    }

    @Test("an outage of the database is counted when it is back, and shown while it lasts")
    func withoutPostgres() async throws {
        let postgres = TestPostgres()
        let fixture = try await StatusFixture.make(on: postgres)
        try await fixture.pass(60, .good, "database")
        try await postgres.stop()
        try await fixture.pass(420, .bad, "database", keeping: false)
        await #expect(throws: (any Error).self) { try await fixture.keeper.keep() }
        #expect(fixture.state("database") == .down)
        #expect(fixture.incidents.map(\.components) == [["database"]])
        try await postgres.start()
        // The pool may still hold a broken line.
        try await eventually("it is written") { (try? await fixture.keeper.keep()) != nil }
        #expect(fixture.days("database").map(\.down) == [7])
        #expect(fixture.days("database").map(\.operational) == [1])
        #expect(try await fixture.worker.query("select id from status_incidents").count == 1)
    }
}
