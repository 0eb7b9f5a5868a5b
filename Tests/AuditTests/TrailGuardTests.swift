import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Audit
@testable import Streams

extension AuditFixture {
    /// Whoever has the database in hand, beyond every privilege.
    func tamper(_ statements: SQL...) async throws {
        let owner = Database(house.database.configuration(role: "postgres"), connections: 1)
        try await owner.transaction { transaction in
            try await transaction.query("set local search_path = audit")
            try await transaction.query("set local session_replication_role = replica")
            for statement in statements { try await transaction.query(statement) }
        }
    }

    /// A consumer that lives longer than one batch.
    fileprivate func intake(_ trail: Trail) -> EventIntake {
        EventIntake(source: .campaigns, database: house.house.worker, logger: house.house.logger) { events, transaction in
            try await trail.record(events, from: .campaigns, in: transaction)
        }
    }

    fileprivate func entries(_ count: Int, _ action: String, tenant: TenantID? = nil) throws -> [IntakeEntry] {
        try (0..<count).compactMap { _ in
            let event = try PendingEvent(
                CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: house.clock.clock.now, tenant: tenant ?? self.tenant,
                actor: EventActor(kind: .user, id: "u1"), audit: AuditRecord(action: action, targets: [.init(type: "template", id: "t1")]))
            return StreamEntry(.array([.text(Array("1-1".utf8)), .array([.text(Array("body".utf8)), .text(Array(event.body.utf8))])]))
                .map(IntakeEntry.init)
        }
    }

    fileprivate func size(_ tenant: TenantID) async throws -> Int64 {
        try await house.house.worker.query("select size from trail_heads where tenant_id = \(tenant)").first?.decode("size") ?? 0
    }
}

@Suite("The service signs for nothing that it did not write")
struct TrailGuardTests {
    @Test(
        "a tree that somebody has been at takes nothing more in: its events wait in quarantine, other companies' land",
        arguments: [
            "head", "head and checkpoint", "forged checkpoint", "no checkpoints", "tile cut", "tile begun", "frontier",
        ])
    func damage(attack: String) async throws {
        let fixture = try await AuditFixture.make()
        let (tenant, other) = (fixture.tenant, TenantID(UUID()))
        let trail = try fixture.trail
        let intake = fixture.intake(trail)
        try await intake.take(try fixture.entries(100, "thing.do") + fixture.entries(5, "thing.do", tenant: other))
        switch attack {
        case "head": try await fixture.tamper("update trail_heads set size = 64, frontier = substring(frontier for 32) where tenant_id = \(tenant)")
        case "head and checkpoint":
            try await fixture.tamper(
                "update trail_heads set size = 64, frontier = substring(frontier for 32) where tenant_id = \(tenant)",
                """
                update trail_checkpoints set size = 64, root = (select frontier from trail_heads where tenant_id = \(tenant))
                where tenant_id = \(tenant)
                """)
        case "forged checkpoint":
            let forger = try CheckpointSigner(name: trail.signer.name, seeds: [randomBytes(32)])
            let root = MerkleTree.leaf([])
            try await fixture.tamper(
                "update trail_heads set size = 128, frontier = \(root) where tenant_id = \(tenant)",
                """
                insert into trail_checkpoints (tenant_id, size, root, note, at)
                values (\(tenant), 128, \(root), \(try forger.note(of: tenant, size: 128, root: root)), now())
                """)
        case "no checkpoints": try await fixture.tamper("delete from trail_checkpoints where tenant_id = \(tenant)")
        case "tile cut":
            try await fixture.tamper("update trail_tiles set hashes = substring(hashes for 3168) where tenant_id = \(tenant) and level = 0")
        case "tile begun":
            try await fixture.tamper("insert into trail_tiles (tenant_id, level, tile, hashes) values (\(tenant), 1, 0, sha256('x'))")
        default: try await fixture.tamper("update trail_heads set frontier = '' where tenant_id = \(tenant)")
        }
        try await intake.take(try fixture.entries(3, "thing.late") + fixture.entries(3, "thing.late", tenant: other))
        let worker = fixture.house.house.worker
        #expect(try await worker.query("select 1 from trail_events where tenant_id = \(tenant) and action = 'thing.late'").isEmpty)
        #expect(try await fixture.size(other) == 8)
        let waiting = try await worker.query("select reason from quarantined_events")
        #expect(waiting.count == 3)
        #expect(try waiting.allSatisfy { try $0.decode("reason", as: String.self).hasPrefix("the tree is damaged") })
        #expect(try await fixture.verify(other).status == 0)
        #expect(try await fixture.verify().status == 1)
        // While it is damaged a re-drive changes nothing.
        let id: EventID = try await worker.query("select event_id from quarantined_events limit 1")[0].decode("event_id")
        let staff = try await fixture.house.identityHeader(tenant: .zero, staff: .superAdmin)
        let again = try await fixture.send(.post, "/api/v1/platform/admin/audit-events/quarantine/\(id)/redrive", as: staff)
        #expect(again.status == 422 && again.kind == "still_rejected", "\(again.body)")
        #expect(try await worker.query("select 1 from quarantined_events").count == 3)
    }

    @Test("a whole tree that is set back to what was signed earlier is found out by whoever saw it larger")
    func setBack() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        let trail = try fixture.trail
        let intake = fixture.intake(trail)
        try await intake.take(try fixture.entries(10, "thing.do"))
        let early = try await fixture.house.house.worker.query("select frontier from trail_heads where tenant_id = \(tenant)")[0]
        let frontier: Data = try early.decode("frontier")
        for _ in 0..<2 { try await intake.take(try fixture.entries(10, "thing.hide")) }
        try await fixture.tamper(
            "delete from trail_events where tenant_id = \(tenant) and seq > 10",
            "delete from trail_details d where tenant_id = \(tenant) and not exists (select from trail_events e where e.id = d.id)",
            "delete from trail_targets t where tenant_id = \(tenant) and not exists (select from trail_events e where e.id = t.id)",
            "delete from trail_checkpoints where tenant_id = \(tenant) and size > 10",
            "update trail_tiles set hashes = substring(hashes for 320) where tenant_id = \(tenant)",
            "update trail_heads set size = 10, frontier = \(frontier) where tenant_id = \(tenant)")
        // Nothing in the database tells; whoever kept a checkpoint, and the process that saw more, do.
        #expect(try await fixture.verify().status == 0)
        try await intake.take(try fixture.entries(1, "thing.late"))
        #expect(try await fixture.size(tenant) == 10)
        let waiting = try await fixture.house.house.worker.query("select reason from quarantined_events")
        #expect(try waiting.first?.decode("reason", as: String.self).contains("set back from 20 entries to 10") == true)
    }

    @Test("what a former key signed still counts, what an unknown one signed does not")
    func rotation() throws {
        let (old, new) = (randomBytes(32), randomBytes(32))
        let tenant = TenantID(UUID())
        let root = MerkleTree.leaf([1])
        let before = try CheckpointSigner(name: "n", seeds: [old])
        let note = try before.note(of: tenant, size: 7, root: root)
        let publicKey = try #require(Data(base64Encoded: String(before.verifierKeys[0].split(separator: "+", maxSplits: 2)[2])))
        let after = try CheckpointSigner(name: "n", seeds: [new], former: [publicKey.dropFirst()])
        #expect(after.confirms(note, tenant: tenant, size: 7, root: root))
        #expect(after.verifierKeys.count == 2 && after.verifierKeys.contains(before.verifierKeys[0]))
        #expect(try !after.note(of: tenant, size: 8, root: root).contains(String(note.suffix(60))))
        #expect(!after.confirms(note, tenant: tenant, size: 8, root: root))
        #expect(!after.confirms(note, tenant: TenantID(UUID()), size: 7, root: root))
        #expect(!after.confirms(note, tenant: tenant, size: 7, root: MerkleTree.leaf([2])))
        #expect(try !CheckpointSigner(name: "n", seeds: [new]).confirms(note, tenant: tenant, size: 7, root: root))
        #expect(!after.confirms("", tenant: tenant, size: 7, root: root))
    }

    @Test("a month whose plan nobody knows yet is kept longest")
    func undecided() async throws {
        let fixture = try await AuditFixture.make()
        try await fixture.take([try fixture.event("thing.do")])
        let row = try await fixture.house.house.worker.query("select class from trail_events where tenant_id = \(fixture.tenant)")[0]
        #expect(try row.decode("class", as: String.self) == "y7")
    }

    @Test("old checkpoints are thinned to the last of each day; the tree still verifies, and any size can be proved from")
    func thinning() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        for _ in 0..<6 { try await fixture.take([try fixture.event("thing.do")]) }
        // Two days long ago, three checkpoints each.
        try await fixture.tamper(
            """
            update trail_checkpoints set at = date_trunc('day', now()) - make_interval(days => 40 + (size <= 3)::integer) + make_interval(hours => size::integer)
            where tenant_id = \(tenant)
            """)
        try await fixture.sweep()
        let sizes = try await fixture.house.house.worker.query("select size from trail_checkpoints where tenant_id = \(tenant) order by size")
        #expect(try sizes.map { try $0.decode("size", as: Int.self) } == [3, 6])
        #expect(try await fixture.verify().status == 0)
        let proof = try await TrailProofs(database: fixture.house.house.api, clock: fixture.house.clock.clock).consistency(from: 2, tenant: tenant)
        #expect(proof.from.checkpoint == nil && proof.to.size == 6 && !proof.hashes.isEmpty)
    }
}
