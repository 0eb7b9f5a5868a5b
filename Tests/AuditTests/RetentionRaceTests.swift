import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Audit

/// How far a month's retirement is when somebody comes in between.
enum RetirementMoment: CaseIterable, Sendable {
    /// What goes was looked at and locked.
    case looked
    /// The month is dropped, and that is not committed.
    case dropped

    /// What tells that it has come so far.
    fileprivate var lock: (mode: String, table: String) {
        switch self {
        case .looked: ("ShareLock", "audit.trail_holds")
        case .dropped: ("AccessExclusiveLock", "audit.trail_events_y1")
        }
    }
}

/// Sees in one test's database who has a lock, and whether anybody waits for one.
private struct LockWatch: Sendable {
    private let database: Database

    init(_ fixture: AuditFixture) {
        database = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
    }

    func isHeld(_ mode: String, on table: String) async throws -> Bool {
        try await !database.query(
            """
            select 1 as one from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
            where l.granted and l.mode = \(mode)::text and l.relation = to_regclass(\(table)::text)
            """
        ).isEmpty
    }

    /// Of the locks that have a name and no table.
    func isNamedLockHeld() async throws -> Bool {
        try await !database.query(
            """
            select 1 as one from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
            where l.granted and l.locktype = 'advisory'
            """
        ).isEmpty
    }

    func isAwaited() async throws -> Bool {
        try await !database.query(
            """
            select 1 as one from pg_locks l join pg_database d on d.oid = l.database and d.datname = current_database()
            where not l.granted
            """
        ).isEmpty
    }
}

extension AuditFixture {
    private var ownLine: Database { Database(house.database.configuration(role: "audit_worker"), connections: 1) }

    /// Drops a month of the class `y1` as a sweeper does. At the moment `work` begins; when it waits, the rest is done. What became of both.
    fileprivate func retire<Value: Sendable>(
        _ month: String, at moment: RetirementMoment, meanwhile work: @escaping @Sendable () async throws -> Value
    ) async throws -> (gone: Result<Int64, any Error>, done: Result<Value, any Error>) {
        let (locks, line, signer) = (LockWatch(self), ownLine, try trail.signer)
        try await line.query("select trail_make_partitions(\(month)::date, 1) as made")
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        defer { opener.finish() }
        let retirement = Task {
            try await line.transaction { transaction -> Int64 in
                let rows = try await transaction.query("select tenant_id, entries, seqs, at from trail_retirement('y1', \(month)::date)")
                try await Pruning.sign(try rows.map { try Pruning($0, kept: "y1", month: month) }, by: signer, in: transaction)
                if moment == .looked { for await _ in gate {} }
                let gone: Int64 = try await transaction.query("select trail_retire_month('y1', \(month)::date) as gone")[0].decode("gone")
                if moment == .dropped { for await _ in gate {} }
                return gone
            }
        }
        try await eventually("the month is \(moment)") { try await locks.isHeld(moment.lock.mode, on: moment.lock.table) }
        let other = Task { try await work() }
        try await eventually("somebody waits for the month") { try await locks.isAwaited() }
        opener.finish()
        return (await retirement.result, await other.result)
    }

    /// Has a sweeper come while `work` of a transaction is done and not committed, and commits when the sweeper waits. A sweeper that did not wait
    /// as long comes again.
    fileprivate func sweep(
        whenever isBegun: @escaping @Sendable (LockWatch) async throws -> Bool, during work: @escaping @Sendable (Transaction) async throws -> Void
    ) async throws {
        let (locks, line) = (LockWatch(self), ownLine)
        let (gate, opener) = AsyncStream.makeStream(of: Void.self)
        defer { opener.finish() }
        let other = Task {
            try await line.transaction { transaction in
                try await work(transaction)
                for await _ in gate {}
            }
        }
        try await eventually("the other has begun") { try await isBegun(locks) }
        let sweeping = Task { try await sweep() }
        try await eventually("the sweeper waits") { try await locks.isAwaited() }
        opener.finish()
        try await other.value
        _ = await sweeping.result
        try await sweep()
    }

    /// Under which classes entries of an action are kept, by their numbers.
    fileprivate func classes(_ action: String) async throws -> [String] {
        try await house.house.worker.query(
            "select class from trail_events where tenant_id = \(tenant) and action = \(action) order by seq"
        ).map { try $0.decode("class") }
    }

    fileprivate func placeHold() async throws -> AuditReply {
        try await ask(.post, "/api/v1/audit/holds", #"{"reason":"The regulator asked for it."}"#)
    }

    fileprivate static let ada = AuditRecord.Target(type: "lead", id: "l1", name: "Ada Lovelace")
}

@Suite("Whoever comes while a month of the trail goes")
struct RetentionRaceTests {
    @Test("a hold that is placed meanwhile waits, and keeps all that is left", arguments: RetirementMoment.allCases)
    func holdWhileRetiring(moment: RetirementMoment) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.setPlan(.year, of: fixture.tenant)
        let instant = fixture.ago(500)
        try await fixture.take([
            try fixture.event("old.going", at: instant), try fixture.event("old.going", at: instant),
            try fixture.event("old.staying", at: fixture.ago(600)),
        ])
        let (gone, done) = try await fixture.retire(TrailTime(instant).month, at: moment) { try await fixture.placeHold() }
        #expect(try gone.get() == 2)
        #expect(try done.get().status == 201)
        try await fixture.sweep()
        #expect(try await fixture.classes("old.going").isEmpty)
        #expect(try await fixture.classes("old.staying") == ["hold"])
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"pruned\": 2,"), "\(verified.said)")
    }

    @Test("a hold that is being placed when the sweeper comes loses nothing of what it covers")
    func holdFirst() async throws {
        let fixture = try await AuditFixture.make()
        let (tenant, now) = (fixture.tenant, fixture.house.clock.clock.now)
        try await fixture.setPlan(.year, of: tenant)
        try await fixture.take(try (0..<3).map { _ in try fixture.event("old.event", at: fixture.ago(500)) })
        let hold = LegalHold(
            id: LegalHoldID(.v7(at: now)), reason: "The regulator asked for it.", from: nil, to: nil, placedBy: "user:u1", placedAt: now,
            releasedBy: nil, releasedAt: nil)
        try await fixture.sweep(
            whenever: { try await $0.isHeld("RowExclusiveLock", on: "audit.trail_holds") },
            during: { try await LegalHoldStore.insert(hold, of: tenant, in: $0) })
        #expect(try await fixture.classes("old.event") == ["hold", "hold", "hold"])
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"pruned\": 0,"), "\(verified.said)")
    }

    @Test("a person who is forgotten while a month under a hold is copied stands in no copy", arguments: RetirementMoment.allCases)
    func erasureWhileRetiring(moment: RetirementMoment) async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.year, of: tenant)
        #expect(try await fixture.placeHold().status == 201)
        let instant = fixture.ago(500)
        try await fixture.take(try (0..<3).map { _ in try fixture.entry("old.event", targets: [AuditFixture.ada], at: instant) })
        #expect(try await fixture.house.tables(holding: "Lovelace") != [])
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .campaigns)
        let (gone, done) = try await fixture.retire(TrailTime(instant).month, at: moment) {
            try await client.call(AuditRPC.EraseSubject(tenant: tenant, type: "lead", id: "l1")).isDone
        }
        #expect(try gone.get() == 0)
        #expect(try done.get())
        #expect(try await fixture.classes("old.event") == ["hold", "hold", "hold"])
        #expect(try await fixture.house.tables(holding: "Lovelace") == [])
        let verified = try await fixture.verify()
        #expect(verified.status == 0, "\(verified.said)")
    }

    @Test("a month under a hold that the sweeper meets while a person is being forgotten is copied without them")
    func erasureFirst() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.year, of: tenant)
        #expect(try await fixture.placeHold().status == 201)
        try await fixture.take([try fixture.entry("old.event", targets: [AuditFixture.ada], at: fixture.ago(500))])
        try await fixture.sweep(
            whenever: { try await $0.isNamedLockHeld() },
            during: { transaction in
                // As SubjectEraser does, step by step.
                try await transaction.query(TrailBackfill.lock)
                try await transaction.pipeline(ErasedSubjects.remember(AuditRPC.EraseSubject(tenant: tenant, type: "lead", id: "l1")))
                try await transaction.query("select erase_subject(\(tenant), 'lead', 'l1', 1000) as erased")
            })
        #expect(try await fixture.classes("old.event") == ["hold"])
        #expect(try await fixture.house.tables(holding: "Lovelace") == [])
        #expect(try await fixture.verify().status == 0)
    }

    @Test("two replicas sweep at once: each month is signed for once, and every tree verifies")
    func replicas() async throws {
        let fixture = try await AuditFixture.make()
        let tenants = [fixture.tenant, TenantID(UUID())]
        let ages = [450.0, 500, 550, 600]
        for tenant in tenants {
            try await fixture.setPlan(.year, of: tenant)
            let old = try ages.flatMap { age in
                try (0..<5).map { _ in try fixture.entry("old.event", at: fixture.ago(age), tenant: tenant) }
            }
            try await fixture.take(old + [try fixture.entry("new.event", tenant: tenant)])
        }
        let signer = try fixture.trail.signer
        let replicas = (0..<2).map { _ in
            RetentionSweeper(
                database: Database(fixture.house.database.configuration(role: "audit_worker"), connections: 2), signer: signer,
                clock: fixture.house.clock.clock, logger: fixture.house.house.logger)
        }
        await withTaskGroup(of: Void.self) { group in
            // What one finds in the other's hands for too long it leaves to its next round.
            for replica in replicas { group.addTask { _ = try? await replica.sweep() } }
        }
        try await fixture.sweep()
        let worker = fixture.house.house.worker
        let notes = try await worker.query("select tenant_id, month from trail_pruned")
        let months = try await worker.query("select distinct tenant_id, class, month from trail_pruned")
        #expect(notes.count == tenants.count * ages.count && months.count == notes.count)
        for tenant in tenants {
            let verified = try await fixture.verify(tenant)
            #expect(verified.status == 0 && verified.said.contains("\"pruned\": 20,"), "\(verified.said)")
        }
    }

    @Test("a late event of the month that goes lands all the same, and goes with its month, signed for", arguments: RetirementMoment.allCases)
    func lateEvent(moment: RetirementMoment) async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.setPlan(.year, of: fixture.tenant)
        let instant = fixture.ago(500)
        try await fixture.take(try (0..<3).map { _ in try fixture.event("old.event", at: instant) })
        let late = try fixture.event("late.event", at: instant)
        let (gone, done) = try await fixture.retire(TrailTime(instant).month, at: moment) {
            // A consumer tries again what the database refuses for now.
            for _ in 0..<5 {
                do {
                    try await fixture.take([late])
                    return
                } catch let error as PostgresError where error.isTransient {}
            }
            try await fixture.take([late])
        }
        try done.get()
        #expect(try await fixture.classes("late.event") == ["y1"])
        #expect(try await fixture.house.house.worker.query("select reason from quarantined_events").isEmpty)
        switch gone {
        case .success(let count):
            #expect(count == 3)
            #expect(try await fixture.classes("old.event").isEmpty)
        case .failure(let error):
            // Of two that wait for each other Postgres ends one: the month stays whole for now.
            let refusal = try #require(error as? PostgresError)
            #expect(refusal.code == .conflict || refusal.sqlState == "55P03", "\(refusal)")
            #expect(try await fixture.classes("old.event").count == 3)
        }
        let first = try await fixture.verify()
        #expect(first.status == 0, "\(first.said)")
        try await fixture.sweep()
        #expect(try await fixture.classes("late.event").isEmpty)
        #expect(try await fixture.classes("old.event").isEmpty)
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"pruned\": 4,"), "\(verified.said)")
    }
}
