import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Audit
@testable import Streams

extension AuditFixture {
    fileprivate func numbers() async throws -> [Int64] {
        try await house.house.worker.query("select seq from trail_events where tenant_id = \(tenant) order by seq").map { try $0.decode("seq") }
    }

    fileprivate func raw(_ body: String) -> StreamEntry? {
        StreamEntry(.array([.text(Array("1-1".utf8)), .array([.text(Array("body".utf8)), .text(Array(body.utf8))])]))
    }
}

@Suite("The trail's tree on a real database")
struct TrailCoreTests {
    @Test("entries of many batches at once are numbered without gaps, each once, and verify")
    func numbering() async throws {
        let fixture = try await AuditFixture.make()
        let all = try (0..<600).map { try fixture.event("thing.do_\($0 % 9)", actor: "u\($0)") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in 0..<4 {
                // Every event is taken in four times, by two at the same time.
                group.addTask {
                    for batch in 0..<6 {
                        let start = (batch + part / 2 * 3) % 6 * 100
                        try await fixture.take(Array(all[start..<start + 100]))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await fixture.numbers() == Array(1...600))
        let verified = try await fixture.verify()
        #expect(verified.status == 0, "\(verified.said)")
    }

    @Test("a redelivered event is dropped under the lock, whatever else is new")
    func redelivery() async throws {
        let fixture = try await AuditFixture.make()
        let events = try (0..<10).map { try fixture.event("thing.do_\($0)") }
        let trail = try fixture.trail
        let received = try events.map { try ReceivedEvent(body: Array($0.body.utf8)) }
        for part in [received[..<6], received[3...], received[...]] {
            try await fixture.house.house.worker.transaction { try await trail.record(Array(part), from: .campaigns, in: $0) }
        }
        #expect(try await fixture.numbers() == Array(1...10))
        #expect(try await fixture.verify().status == 0)
    }

    @Test("proofs hold against the signed checkpoint of the same answer")
    func proofs() async throws {
        let fixture = try await AuditFixture.make()
        let events = try (0..<300).map { try fixture.event("thing.do_\($0 % 9)") }
        for start in stride(from: 0, to: 300, by: 60) { try await fixture.take(Array(events[start..<start + 60])) }
        let proofs = TrailProofs(database: fixture.house.house.api, clock: fixture.house.clock.clock)
        for event in [events[0], events[255], events[256], events[299]] {
            let proof = try await proofs.inclusion(of: .id(event.header.id), tenant: fixture.tenant)
            #expect(proof.treeSize == 300 && proof.checkpoint.size == 300)
            #expect(climb(proof) == proof.checkpoint.root)
        }
        let early = try await proofs.inclusion(of: .id(events[7].header.id), tenant: fixture.tenant, size: 60)
        #expect(climb(early) == early.checkpoint.root && early.treeSize == 60)
        let consistency = try await proofs.consistency(from: 60, tenant: fixture.tenant)
        #expect(consistency.from.size == 60 && consistency.to.size == 300 && !consistency.hashes.isEmpty)
        await #expect(throws: ProofError.noEntry) { try await proofs.inclusion(of: .id(EventID(UUID())), tenant: fixture.tenant) }
        await #expect(throws: ProofError.noCheckpoint) { try await proofs.inclusion(of: .id(events[0].header.id), tenant: TenantID(UUID())) }
        let between = try await proofs.consistency(from: 61, tenant: fixture.tenant)
        #expect(between.from.checkpoint == nil && between.from.size == 61)
        await #expect(throws: ProofError.noCheckpoint) { try await proofs.consistency(from: 301, tenant: fixture.tenant) }
    }

    @Test("a checkpoint of nothing, which nobody here writes, proves nothing and ends nothing")
    func emptyCheckpoint() async throws {
        let fixture = try await AuditFixture.make()
        let stranger = TenantID(UUID())
        let owner = Database(fixture.house.database.configuration(role: "postgres"), connections: 1)
        try await owner.query(
            """
            insert into audit.trail_checkpoints (tenant_id, size, root, note, at)
            values (\(stranger), 0, \(Data(repeating: 0, count: 32)), 'nothing', \(fixture.house.clock.clock.now))
            """)
        let proofs = TrailProofs(database: fixture.house.house.api, clock: fixture.house.clock.clock)
        await #expect(throws: ProofError.noEntry) { try await proofs.inclusion(of: .seq(1), tenant: stranger) }
        await #expect(throws: ProofError.noCheckpoint) { try await proofs.consistency(from: 1, tenant: stranger) }
    }

    /// RFC 9162, 2.1.3.2.
    private func climb(_ proof: InclusionProof) -> Data {
        var (here, last, hash) = (proof.leafIndex, proof.treeSize - 1, proof.leafHash)
        for each in proof.hashes {
            if here & 1 == 1 || here == last {
                hash = MerkleTree.node(each, hash)
                while here & 1 == 0 && here != 0 { (here, last) = (here >> 1, last >> 1) }
            } else {
                hash = MerkleTree.node(hash, each)
            }
            (here, last) = (here >> 1, last >> 1)
        }
        return hash
    }

    @Test(
        "what would abort a batch goes to quarantine, and all others land",
        arguments: ["nul in metadata", "nul in the type", "half a character", "list of addresses", "long actor", "time of another id", "not JSON"])
    func poison(kind: String) async throws {
        let fixture = try await AuditFixture.make()
        let good = try (0..<40).map { try fixture.event("thing.do_\($0)") }
        let body = try fixture.event("thing.poison").body
        let altered =
            switch kind {
            case "nul in metadata": body.replacingOccurrences(of: #""metadata":{}"#, with: #""metadata":{"a":"\u0000"}"#)
            case "nul in the type": body.replacingOccurrences(of: #""type":"campaigns"#, with: #""type":"\u0000campaigns"#)
            case "half a character": body.replacingOccurrences(of: #""metadata":{}"#, with: #""metadata":{"a":"\ud800"}"#)
            case "list of addresses": body.replacingOccurrences(of: #""metadata":{}"#, with: #""address":"192.0.2.1, 192.0.2.2","metadata":{}"#)
            case "long actor": body.replacingOccurrences(of: #""id":"u1""#, with: "\"id\":\"\(String(repeating: "a", count: 3_200))\"")
            case "time of another id": body.replacingOccurrences(of: #""occurred_at":"2"#, with: #""occurred_at":"1"#)
            default: String(body.dropLast(9))
            }
        try #require(altered != body)
        let trail = try fixture.trail
        let intake = EventIntake(source: .campaigns, database: fixture.house.house.worker, logger: fixture.house.house.logger) {
            try await trail.record($0, from: .campaigns, in: $1)
        }
        let bodies = good.prefix(20).map(\.body) + [altered] + good.suffix(20).map(\.body)
        try await intake.take(bodies.compactMap { fixture.raw($0) }.map(IntakeEntry.init))
        #expect(try await fixture.numbers() == Array(1...40))
        let kept = try await fixture.house.house.worker.query("select body from quarantined_events")
        #expect(kept.count == 1)
        #expect(try kept.first?.decode("body", as: Data.self) == Data(altered.utf8))
        #expect(try await fixture.verify().status == 0)
    }

    @Test("an event of a month that nobody made lands all the same, is counted, and moves when the month is made")
    func partitions() async throws {
        let fixture = try await AuditFixture.make()
        let keeper = PartitionKeeper(database: fixture.house.house.worker, clock: fixture.house.clock.clock, logger: fixture.house.house.logger)
        let late = fixture.house.clock.clock.now.addingTimeInterval(200 * 86_400)
        try await fixture.take([try fixture.event("thing.do", at: late), try fixture.event("thing.do")])
        #expect(try await keeper.step() == 1)
        fixture.house.clock.advance(by: .seconds(200 * 86_400))
        #expect(try await keeper.step() == 0)
        #expect(try await fixture.numbers() == [1, 2])
        #expect(try await fixture.verify().status == 0)
    }

    @Test("a month keeps the class that its first event found")
    func classes() async throws {
        let fixture = try await AuditFixture.make()
        let worker = fixture.house.house.worker
        let now = fixture.house.clock.clock.now
        try await worker.query("insert into trail_plans (tenant_id, class, asked_at) values (\(fixture.tenant), 'd90', \(now))")
        try await fixture.take([try fixture.event("thing.do")])
        try await worker.query("update trail_plans set class = 'y7' where tenant_id = \(fixture.tenant)")
        try await fixture.take([try fixture.event("thing.do"), try fixture.event("thing.do", at: now.addingTimeInterval(-40 * 86_400))])
        let classes = try await worker.query("select class from trail_events order by seq").map { try $0.decode("class", as: String.self) }
        #expect(classes == ["d90", "d90", "y7"])
    }

    @Test("what was written before there were trees is numbered and moved, once")
    func backfill() async throws {
        let fixture = try await AuditFixture.make()
        let owner = Database(fixture.house.database.configuration(role: "audit_owner"), connections: 1)
        let start = fixture.house.clock.clock.now.addingTimeInterval(-70 * 86_400)
        for number in 0..<450 {
            let instant = start.addingTimeInterval(Double(number))
            try await owner.query(
                """
                insert into events (tenant_id, id, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id, actor_name,
                                    targets, changes, metadata)
                values (\(fixture.tenant), \(UUID.v7(at: instant)), \(instant), \(instant), 't', 'campaigns', 'thing.do', 'success', 'user', 'u1',
                        'Ada', '[{"type":"lead","id":"l1","name":"Bo"}]', '[]', '{"a":"b"}')
                """)
        }
        try await owner.query("insert into event_targets select tenant_id, 'lead:l1', id from events")
        let backfill = TrailBackfill(database: fixture.house.house.worker, trail: try fixture.trail, logger: fixture.house.house.logger)
        var damaged: Set<TenantID> = []
        #expect(try await backfill.step(but: &damaged) == TrailBackfill.batch)
        #expect(try await backfill.step(but: &damaged) == TrailBackfill.batch)
        #expect(try await backfill.step(but: &damaged) == 50)
        #expect(try await backfill.step(but: &damaged) == 0)
        #expect(damaged.isEmpty)
        #expect(try await owner.query("select id from events").isEmpty)
        #expect(try await owner.query("select event_id from event_targets").isEmpty)
        #expect(try await fixture.numbers() == Array(1...450))
        #expect(try await fixture.house.house.worker.query("select 1 from trail_events where recorded_at <> occurred_at").isEmpty)
        #expect(try await owner.query("select trail_unplaced() as n")[0].decode("n", as: Int.self) == 0)
        #expect(try await fixture.verify().status == 0)
    }

    @Test("an event of no company is in the platform's own tree")
    func platform() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([
            try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: fixture.house.clock.clock.now, tenant: nil,
                actor: .system("auth"), audit: AuditRecord(action: "session.refuse", outcome: .denied, targets: [.init(type: "user", id: "x")]))
        ])
        #expect(try await fixture.verify(Trail.platform).status == 0)
        #expect(try await fixture.verify().status == 2)
    }

    @Test(
        "tampering is found where it was done",
        arguments: [
            ("edit", "row", 42), ("edit and leaf", "row", 42), ("delete", "missing", 42), ("cut", "truncated", 250), ("insert", "unsigned", 301),
            ("swap", "row", 42), ("details", "details", 7), ("tile", "tile_leaf", 9), ("checkpoint", "checkpoint", 300), ("head", "head", 300),
        ])
    func tampering(attack: String, kind: String, seq: Int) async throws {
        let fixture = try await AuditFixture.make()
        for part in 0..<3 { try await fixture.take(try (0..<100).map { try fixture.event("thing.do_\(part)", actor: "u\($0)") }) }
        #expect(try await fixture.firstBad() == nil)
        switch attack {
        case "edit": try await fixture.tamper("update trail_events set outcome = 'denied' where seq = 42")
        case "edit and leaf": try await fixture.tamper("update trail_events set outcome = 'denied', leaf = sha256('x') where seq = 42")
        case "delete": try await fixture.tamper("delete from trail_events where seq = 42")
        case "cut": try await fixture.tamper("delete from trail_events where seq >= 250")
        case "insert":
            try await fixture.tamper(
                """
                insert into trail_events (tenant_id, id, seq, class, occurred_at, recorded_at, type, source, action, outcome, actor_kind, actor_id,
                                          targets, sd, leaf)
                select tenant_id, ('ffffffff-' || right(id::text, 27))::uuid, 301, class, occurred_at, recorded_at, type, source, action, outcome,
                       actor_kind, actor_id, targets, '{}', leaf from trail_events where seq = 300
                """)
        case "swap": try await fixture.tamper("update trail_events set seq = 85 - seq where seq in (42, 43)")
        case "details": try await fixture.tamper("update trail_details d set actor_name = 'X' from trail_events e where e.id = d.id and e.seq = 7")
        case "tile":
            try await fixture.tamper(
                "update trail_tiles set hashes = set_byte(hashes, 256, 255 - get_byte(hashes, 256)) where tile = 0 and level = 0")
        case "checkpoint": try await fixture.tamper("update trail_checkpoints set root = sha256('x') where size = 300")
        default: try await fixture.tamper("update trail_heads set size = 299")
        }
        let found = try await fixture.firstBad()
        #expect(found?.kind == kind && found?.seq == seq, "\(String(describing: found))")
    }
}
