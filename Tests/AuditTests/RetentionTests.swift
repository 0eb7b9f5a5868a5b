import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams
import TestSupport
import Testing

@testable import Audit

extension AuditFixture {
    fileprivate var superuser: Database { Database(house.database.configuration(role: "postgres"), connections: 1) }

    /// Some days ago, in whole milliseconds.
    func ago(_ days: Double) -> Date { house.clock.clock.now.addingTimeInterval(-days * 86_400) }

    fileprivate func event(of tenant: TenantID, at instant: Date) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.TemplateCreated(template: TemplateID(UUID())), at: instant, tenant: tenant, actor: EventActor(kind: .user, id: "u1"),
            audit: AuditRecord(action: "old.event", targets: [.init(type: "template", id: "t1", name: "Name")]))
    }

    func sweep() async throws {
        try await RetentionSweeper(
            database: house.house.worker, signer: try trail.signer, clock: house.clock.clock, logger: house.house.logger
        ).sweep()
    }

    /// The classes under which entries `old.event` of a company are kept.
    fileprivate func kept(of tenant: TenantID) async throws -> [String] {
        try await house.house.worker.query(
            "select class from trail_events where tenant_id = \(tenant) and action = 'old.event' order by id"
        ).map { try $0.decode("class") }
    }

    func setPlan(_ kept: RetentionClass, of tenant: TenantID) async throws {
        try await house.house.worker.query(
            """
            insert into trail_plans (tenant_id, plan, class, asked_at) values (\(tenant), 'x', \(kept), \(house.clock.clock.now))
            on conflict (tenant_id) do update set class = excluded.class
            """)
    }
}

@Suite("How long the trail is kept")
struct RetentionTests {
    /// RFC 9162, section 2.1.3.2.
    private func root(of proof: InclusionProof) -> Data {
        var (index, last, root) = (proof.leafIndex, proof.treeSize - 1, proof.leafHash)
        for hash in proof.hashes {
            if index & 1 == 1 || index == last {
                root = MerkleTree.node(hash, root)
                while index & 1 == 0 && index != 0 { (index, last) = (index >> 1, last >> 1) }
            } else {
                root = MerkleTree.node(root, hash)
            }
            (index, last) = (index >> 1, last >> 1)
        }
        return root
    }

    @Test("the database and the program agree on the days of each class, and a plan without a class keeps a year")
    func classes() async throws {
        let fixture = try await AuditFixture.make()
        for row in try await fixture.superuser.query("select class, days from audit.trail_retention") {
            let kept = try #require(RetentionClass(rawValue: try row.decode("class", as: String.self)))
            #expect(try row.decode("days", as: Int.self) == kept.days)
        }
        let plans = try RetentionPlans("starter=d90, business=y7")
        #expect(plans.retention(of: "starter") == .quarter && plans.retention(of: "business") == .sevenYears)
        #expect(plans.retention(of: "unheard") == .year && plans.retention(of: nil) == .year)
        #expect(throws: SettingsError.self) { try RetentionPlans("starter=forever") }
    }

    @Test("a month whose time and grace are over goes with its partition; the roots still verify")
    func lapse() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.year, of: tenant)
        try await fixture.take(try (0..<20).map { _ in try fixture.event(of: tenant, at: fixture.ago(500)) })
        let recent = try fixture.event(of: tenant, at: fixture.ago(1))
        try await fixture.take([recent])
        #expect(try await fixture.kept(of: tenant).count == 21)
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant) == ["y1"])
        let details = try await fixture.house.house.worker.query("select id from trail_details where tenant_id = \(tenant)")
        let targets = try await fixture.house.house.worker.query("select id from trail_targets where tenant_id = \(tenant) and target = 't1'")
        #expect(details.count == 1 && targets.count == 1)
        let proofs = TrailProofs(database: fixture.house.house.api, clock: fixture.house.clock.clock)
        let proof = try await proofs.inclusion(of: .id(recent.header.id), tenant: tenant)
        #expect(proof.treeSize == 21 && root(of: proof) == proof.checkpoint.root)
        #expect(try await proofs.consistency(from: 20, to: 21, tenant: tenant).hashes.isEmpty == false)
        // An entry that is gone with its time has its place proved all the same.
        let gone = try await proofs.inclusion(of: .seq(7), tenant: tenant)
        #expect(gone.leaf == nil && root(of: gone) == gone.checkpoint.root)
        #expect(proof.leaf?.contains("old.event") == true)
        #expect(proof.disclosures?["target.0.name"]?.value == "\"Name\"")
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"pruned\": 20"), "\(verified.said)")
        // Next to what was dropped lawfully nothing can be hidden.
        try await fixture.tamper("delete from trail_events where tenant_id = \(tenant)")
        #expect(try await fixture.firstBad()?.seq == 21)
    }

    @Test(
        "an entry that somebody made older, or changed, is not signed away; its month stays",
        arguments: ["moved to another month", "outcome", "leaf as well", "under a hold"])
    func disguised(attack: String) async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.quarter, of: tenant)
        try await fixture.take([try fixture.event(of: tenant, at: fixture.ago(500)), try fixture.event(of: tenant, at: fixture.ago(1))])
        let old = EventID(.v7(at: fixture.ago(490)))
        switch attack {
        case "moved to another month":
            try await fixture.tamper(
                "update trail_events set id = \(old), occurred_at = \(fixture.ago(490)), class = 'd90' where tenant_id = \(tenant) and seq = 2")
        case "outcome": try await fixture.tamper("update trail_events set outcome = 'denied' where tenant_id = \(tenant) and seq = 1")
        case "leaf as well":
            let row = try await fixture.house.house.worker.query(
                "select \(TrailStore.columns) from \(TrailStore.source) where e.tenant_id = \(tenant) and e.seq = 1")[0]
            let leaf = MerkleTree.leaf(Array(try TrailStore.line(row).leaf.replacing("success", with: "denied").utf8))
            try await fixture.tamper("update trail_events set outcome = 'denied', leaf = \(leaf) where tenant_id = \(tenant) and seq = 1")
        default:
            try await fixture.tamper(
                "update trail_events set class = 'hold' where tenant_id = \(tenant) and seq = 2",
                "update trail_retention set days = -400")
        }
        try await fixture.sweep()
        let left = try await fixture.house.house.worker.query("select seq from trail_events where tenant_id = \(tenant) order by seq")
        let mustStay: Int64 = ["outcome", "leaf as well"].contains(attack) ? 1 : 2
        #expect(try left.map { try $0.decode("seq", as: Int64.self) }.contains(mustStay))
        let signed = try await fixture.house.house.worker.query("select seqs from (select note as seqs from trail_pruned) p")
        #expect(try !signed.contains { try $0.decode("seqs", as: String.self).contains("\(mustStay)-\(mustStay)") })
    }

    @Test("months that are gone stay gone: no sweep makes again what another dropped")
    func settled() async throws {
        let fixture = try await AuditFixture.make()
        let old = fixture.ago(3_000)
        for kept in RetentionClass.allCases {
            let tenant = TenantID(UUID())
            try await fixture.setPlan(kept, of: tenant)
            try await fixture.take([try fixture.event(of: tenant, at: old)])
        }
        for _ in 0..<2 { try await fixture.sweep() }
        let month = TrailTime(old).month.prefix(7).replacing("-", with: "_")
        let left = try await fixture.superuser.query("select relname::text as name from pg_class where relname like \("%" + month)")
        #expect(try left.map { try $0.decode("name", as: String.self) } == [])
        #expect(try await fixture.house.house.worker.query("select 1 from trail_pruned").count == 3)
    }

    @Test("what was not signed for is not dropped, and a note that nobody signed passes for nothing")
    func unsigned() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.year, of: tenant)
        let instant = fixture.ago(500)
        try await fixture.take(try (0..<3).map { _ in try fixture.event(of: tenant, at: instant) })
        let month = TrailTime(instant).month
        let worker = fixture.house.house.worker
        try await worker.query("select trail_make_partitions(\(month)::date, 1) as made")
        let error = await #expect(throws: PostgresError.self) { try await worker.query("select trail_retire_month('y1', \(month)::date) as gone") }
        #expect(error?.sqlState == "55000")
        #expect(try await fixture.kept(of: tenant).count == 3)
        try await worker.transaction { transaction in
            try await transaction.query(
                """
                insert into trail_pruned (tenant_id, id, class, month, count, note, at)
                select tenant_id, gen_random_uuid(), 'y1', \(month)::date, entries, 'x', at from trail_retirement('y1', \(month)::date)
                """)
            try await transaction.query("select trail_retire_month('y1', \(month)::date) as gone")
        }
        #expect(try await fixture.kept(of: tenant).isEmpty)
        #expect(try await fixture.firstBad()?.kind == "pruning")
    }

    @Test("what is not over yet is not dropped, whoever asks, and only the background may ask")
    func grace() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        // 366 days are over, the thirty of grace are not: the month ends at most 31 days after it.
        let instant = fixture.ago(366 + 5)
        try await fixture.setPlan(.year, of: tenant)
        try await fixture.take([try fixture.event(of: tenant, at: instant)])
        let month = TrailTime(instant).month
        let worker = fixture.house.house.worker
        try await worker.query("select trail_make_partitions(\(month)::date, 1) as made")
        let early = await #expect(throws: PostgresError.self) { try await worker.query("select trail_retire_month('y1', \(month)::date) as gone") }
        #expect(early?.sqlState == "55000")
        for wrong: SQL in [
            "select trail_retire_month('hold', \(month)::date) as gone", "select trail_retire_month('y1', \(month)::date + 1) as gone",
        ] {
            let error = await #expect(throws: PostgresError.self) { try await worker.query(wrong) }
            #expect(error?.sqlState == "22023")
        }
        let api = fixture.house.house.api
        let foreign = await #expect(throws: PostgresError.self) { try await api.query("select trail_retire_month('y1', \(month)::date) as gone") }
        #expect(foreign?.code == .insufficientPrivilege)
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant) == ["y1"])
    }

    @Test("a hold keeps its company's entries when their month goes, until thirty days after its release")
    func hold() async throws {
        let fixture = try await AuditFixture.make()
        let (tenant, other) = (fixture.tenant, TenantID(UUID()))
        let reason = #"{"reason":"The regulator asked for it."}"#
        #expect(try await fixture.ask(.post, "/api/v1/audit/holds", #"{"reason":"short"}"#).status == 400)
        #expect(try await fixture.ask(.post, "/api/v1/audit/holds", reason, role: .admin).status == 403)
        let placed = try await fixture.ask(.post, "/api/v1/audit/holds", reason)
        #expect(placed.status == 201, "\(placed.body)")
        for each in [tenant, other] { try await fixture.setPlan(.year, of: each) }
        try await fixture.take([try fixture.event(of: tenant, at: fixture.ago(500)), try fixture.event(of: other, at: fixture.ago(500))])
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant) == ["hold"])
        #expect(try await fixture.kept(of: other).isEmpty)
        let names = try await fixture.house.house.worker.query(
            "select target_names::text as names from trail_details where tenant_id = \(tenant) and class = 'hold'")
        #expect(try names.map { try $0.decode("names", as: String.self) } == [#"["Name"]"#])

        let one = "/api/v1/audit/holds/\(placed.text("id"))"
        #expect(try await fixture.ask(.delete, one).status == 204)
        #expect(try await fixture.ask(.delete, one).status == 404)
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant) == ["hold"])
        // Only the superuser can pretend that the release was long ago.
        let superuser = fixture.superuser
        try await superuser.query("alter table audit.trail_holds disable trigger user")
        try await superuser.query("update audit.trail_holds set released_at = now() - interval '31 days'")
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant).isEmpty)
        let verified = try await fixture.verify()
        #expect(verified.status == 0 && verified.said.contains("\"hold\""), "\(verified.said)")
        let acts = try await fixture.house.house.worker.query(
            "select action from trail_events where tenant_id = \(tenant) and action like 'legal_hold.%' order by seq")
        #expect(try acts.map { try $0.decode("action", as: String.self) } == ["legal_hold.place", "legal_hold.release"])
    }

    @Test("a hold of another time keeps nothing of this one")
    func boundedHold() async throws {
        let fixture = try await AuditFixture.make()
        let body = #"{"reason":"Only that week matters.","to":"\#(WireJSON.format(fixture.ago(700)))"}"#
        #expect(try await fixture.ask(.post, "/api/v1/audit/holds", body).status == 201)
        try await fixture.setPlan(.year, of: fixture.tenant)
        try await fixture.take([
            try fixture.event(of: fixture.tenant, at: fixture.ago(800)), try fixture.event(of: fixture.tenant, at: fixture.ago(600)),
        ])
        try await fixture.sweep()
        #expect(try await fixture.kept(of: fixture.tenant) == ["hold"])
    }

    @Test("a lesser plan hides at once, and drops nothing of what was frozen to a better one")
    func downgrade() async throws {
        let fixture = try await AuditFixture.make()
        let tenant = fixture.tenant
        try await fixture.setPlan(.sevenYears, of: tenant)
        try await fixture.take([try fixture.event(of: tenant, at: fixture.ago(500))])
        #expect(try await fixture.get("action=old.event").actions == ["old.event"])
        try await fixture.setPlan(.quarter, of: tenant)
        #expect(try await fixture.get("action=old.event").actions.isEmpty)
        let file = try await fixture.ask(.get, "/api/v1/audit/export?action=old.event").body
        #expect(file == TrailExportFormat.csv.head)
        #expect(try await fixture.ask(.get, "/api/v1/audit/retention").text("days") == "90")
        try await fixture.sweep()
        #expect(try await fixture.kept(of: tenant) == ["y7"])
    }

    @Test("plans come from Billing, again when it says that something changed; a company that it does not know keeps a year")
    func plans() async throws {
        let fixture = try await AuditFixture.make()
        let unknown = TenantID(UUID())
        try await fixture.take([try fixture.event(of: fixture.tenant, at: fixture.ago(0)), try fixture.event(of: unknown, at: fixture.ago(0))])
        var router = RPCRouter(service: .billing)
        router.on(BillingRPC.ReadEntitlements.self) { request, _ in
            guard request.tenant != unknown else { throw RPCError(kind: "no_entitlement", message: "nobody") }
            return BillingRPC.Entitlements(
                plan: "starter", access: .full, periodStart: Date(timeIntervalSince1970: 0), periodEnd: Date(timeIntervalSince1970: 1),
                mailsPerPeriod: 1, mailsUsed: 0, mailsReserved: 0, users: nil, workspaces: nil, domains: nil, mailboxes: nil, leads: nil)
        }
        let worker = fixture.house.house.worker
        let watch = PlanWatch(
            database: worker, billing: .local(router, caller: .audit), plans: try RetentionPlans("starter=d90"), clock: fixture.house.clock.clock,
            logger: fixture.house.house.logger)
        #expect(try await watch.step() == 2)
        #expect(try await watch.step() == 0)
        func known(_ tenant: TenantID) async throws -> String? {
            try await worker.query("select class from trail_plans where tenant_id = \(tenant)").first?.decode("class", as: String.self)
        }
        #expect(try await known(fixture.tenant) == "d90")
        #expect(try await known(unknown) == "y1")
        let changed = try PendingEvent(
            BillingEvents.AccessChanged(access: .full), at: fixture.house.clock.clock.now, tenant: fixture.tenant, actor: .system("billing"))
        let heard = try ReceivedEvent(body: Array(changed.body.utf8))
        try await worker.transaction { try await PlanWatch.hear([heard], in: $0) }
        #expect(try await watch.step() == 1)
        fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await watch.step() == 2)
    }
}
