import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Enrolments as people see them")
struct EnrolmentRoutesTests {
    private struct Listing: Decodable {
        struct Entry: Decodable {
            let id: EnrolmentID
            let email: String?
            let status: EnrolmentStatus
            let dueAt: Date?
        }
        struct Links: Decodable {
            let next: String?
        }
        let data: [Entry]
        let page: Links
    }

    private struct Log: Decodable {
        struct Entry: Decodable {
            let status: EnrolmentStatus
        }
        let enrolment: Entry?
        let zone: String
        let log: [DecisionLog.Line]
    }

    @Test("each of them once, page by page, all or those of a status, while others change theirs")
    func pages() async throws {
        let ground = try await AnalyticsGround.make()
        var expected: [EnrolmentStatus: Set<EnrolmentID>] = [:]
        for (number, status) in [EnrolmentStatus.waiting, .finished, .waiting, .replied, .waiting, .finished, .queued].enumerated() {
            ground.fixture.house.clock.advance(by: .seconds(1))
            let enrolment = try await ground.enrol(try await ground.lead("l\(number)@x.org"), status: status)
            expected[status, default: []].insert(enrolment)
        }
        for status in [nil, EnrolmentStatus.waiting, .finished, .failed] {
            var seen: [Listing.Entry] = []
            var cursor = ""
            for _ in 0..<10 {
                let query = "limit=2\(status.map { "&status=\($0.rawValue)" } ?? "")\(cursor)"
                let page: Listing = try await ground.read("\(ground.path)/enrolments?\(query)")
                seen += page.data
                guard let next = page.page.next else { break }
                cursor = "&cursor=\(next)"
                // Nobody is met again, or missed, because it moved on meanwhile.
                if status == nil {
                    try await ground.worker.query("update enrolments set status = 'removed' where id = \(page.data[0].id)")
                }
            }
            let all = status.map { expected[$0] ?? [] } ?? expected.values.reduce(into: Set<EnrolmentID>()) { $0.formUnion($1) }
            #expect(seen.count == all.count && Set(seen.map(\.id)) == all)
            #expect(seen.allSatisfy { $0.email?.hasSuffix("@x.org") ?? false && ($0.dueAt != nil) == ($0.status == .waiting) })
            if status == nil { try await restore(expected, ground) }
        }
        #expect(try await ground.fixture.send(.get, "\(ground.path)/enrolments?status=asleep").status == 400)
        let first: Listing = try await ground.read("\(ground.path)/enrolments?limit=1&status=waiting")
        let foreign = try await ground.fixture.send(.get, "\(ground.path)/enrolments?limit=1&cursor=\(try #require(first.page.next))")
        #expect(foreign.status == 400)
    }

    private func restore(_ statuses: [EnrolmentStatus: Set<EnrolmentID>], _ ground: AnalyticsGround) async throws {
        for (status, enrolments) in statuses {
            try await ground.worker.query("update enrolments set status = \(status) where id = any(\(Array(enrolments)))")
        }
    }

    @Test("both orders are read from an index, without sorting")
    func plans() async throws {
        let ground = try await AnalyticsGround.make()
        let (tenant, campaign) = (ground.tenant, ground.campaign)
        try await ground.worker.query(
            """
            insert into enrolments (tenant_id, id, campaign_id, lead_id, status, due_at, created_at)
            select \(tenant), gen_random_uuid(), case when n % 10 = 0 then \(campaign)::uuid else gen_random_uuid() end, gen_random_uuid(),
                case when n % 3 = 0 then 'waiting' else 'finished' end, \(ground.now), \(ground.now) from generate_series(1, 20000) n
            """)
        let owner = Database(ground.fixture.house.database.configuration(role: "campaigns_owner"), connections: 1)
        try await owner.query("analyze enrolments")
        let plans: [(SQL, String)] = [
            ("e.status = 'finished' and e.id > \(UUID()) order by e.id", "enrolments_status"),
            ("e.lead_id > \(UUID()) order by e.lead_id", "enrolments_tenant_id_campaign_id_lead_id_key"),
        ]
        for (condition, index) in plans {
            // As requests ask: under the tenant's policy.
            let plan = try await ground.fixture.house.house.api.transaction(as: tenant) { transaction in
                try await transaction.query(
                    """
                    explain select e.id from enrolments e where e.tenant_id = \(tenant) and e.campaign_id = \(campaign) and \(condition) limit 51
                    """
                ).map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
            }
            #expect(plan.contains(index) && !plan.contains("Sort") && !plan.contains("Seq Scan"), "\(plan)")
        }
    }

    @Test("the log of an enrolment, by its own name or the lead's, and of a lead that has none")
    func logs() async throws {
        let ground = try await AnalyticsGround.make()
        let (ada, bo) = (try await ground.lead("ada@x.org"), try await ground.lead("bo@x.org", isAttached: false))
        let enrolment = try await ground.enrol(ada, status: .queued, send: .queued)
        try await ground.fixture.tell(
            DeliveryEvents.SendsResolved(sends: [
                .init(
                    sendKey: Enrolment.sendKey(enrolment, step: 1), version: 1, campaign: ground.campaign, enrolment: enrolment, state: .accepted,
                    code: 250, at: ground.now)
            ]))
        let byName: Log = try await ground.read("\(ground.path)/enrolments/\(enrolment)")
        #expect(byName.log.map(\.code) == ["enrolled", "mail_sent", "finished"] && byName.zone == AnalyticsGround.zone)
        #expect(byName.log[1].text.contains("from a@x.org.") && byName.enrolment?.status == .finished)
        let byLead: Log = try await ground.read("\(ground.path)/leads/\(ada)")
        #expect(byLead.log == byName.log)
        let none = try await ground.fixture.send(.get, "\(ground.path)/leads/\(bo)")
        #expect(none.status == 200 && none.body.contains(#""enrolment":null"#) && none.body.contains("not_enrolled_not_attached"))
        let late = try await ground.lead("late@x.org")
        #expect(try await ground.fixture.send(.get, "\(ground.path)/leads/\(late)").body.contains("not_enrolled_campaign_over"))
        // Who may use only this workspace does not learn of the company's other leads.
        #expect(try await ground.get("\(ground.path)/leads/\(bo)", workspaces: [ground.workspace]).status == 404)
        #expect(try await ground.get("\(ground.path)/leads/\(ada)", workspaces: [ground.workspace]).status == 200)
        for path in ["leads/\(LeadID(UUID()))", "enrolments/\(EnrolmentID(UUID()))", "leads/x"] {
            #expect(try await ground.fixture.send(.get, "\(ground.path)/\(path)").status == 404)
        }
        #expect(try await ground.fixture.send(.get, "\(ground.path)/enrolments/\(enrolment)", tenant: TenantID(UUID())).status == 404)
    }

    @Test("the log of somebody who waits is asked of the planner, with the figures of the moment")
    func waits() async throws {
        let ground = try await AnalyticsGround.make()
        let enrolment = try await ground.enrol(try await ground.lead("ada@x.org"))
        func last() async throws -> String? {
            try await ground.read("\(ground.path)/enrolments/\(enrolment)", as: Log.self).log.last?.code
        }
        #expect(try await last() == "due_now")
        try await ground.worker.query("update campaigns set daily_cap = 3 where tenant_id = \(ground.tenant)")
        let today = AnalyticsGround.content(steps: [], mailboxes: []).schedule.days.localDay(of: ground.now)
        try await ground.insert([StatRow(day: today, step: 1, variant: "A", figures: MailFigures(sent: 3))])
        #expect(try await last() == "waits_daily_cap")
        ground.fixture.peers.state.withLock { $0.mailboxState = "stopped" }
        #expect(try await last() == "waits_mailboxes_unavailable")
        try await ground.worker.query(
            "insert into tenant_access (tenant_id, access, version) values (\(ground.tenant), 'read_only', 1)")
        #expect(try await last() == "waits_access")
        try await ground.worker.query("delete from lead_workspaces where tenant_id = \(ground.tenant)")
        #expect(try await last() == "will_not_mail")
    }

    @Test("stopping one closes its gate first, ends it with its counters, and is noted once however often it is asked")
    func stops() async throws {
        let ground = try await AnalyticsGround.make()
        let enrolment = try await ground.enrol(try await ground.lead("ada@x.org"), status: .queued, send: .queued)
        let path = "\(ground.path)/enrolments/\(enrolment)/stop"
        #expect(try await ground.fixture.send(.post, path, role: .viewer).status == 403)
        #expect(try await ground.fixture.send(.post, path, tenant: TenantID(UUID())).status == 404)
        let long = String(repeating: "x", count: 201)
        #expect(try await ground.fixture.send(.post, path, #"{"reason":"\#(long)"}"#).status == 400)
        #expect(ground.fixture.peers.state.withLock { $0.gates.isEmpty })
        let stopped = try await ground.fixture.send(.post, path, #"{"reason":"wrong person"}"#, role: .member)
        #expect(stopped.status == 200 && stopped.text("status") == "removed" && stopped.text("exit_reason") == "stopped", "\(stopped.body)")
        let again = try await ground.fixture.send(.post, path)
        #expect(again.status == 200 && again.body == stopped.body)
        let gates = ground.fixture.peers.state.withLock { $0.gates }
        #expect(gates.map(\.id) == [enrolment.description] && gates.map(\.scope) == ["enrolment"] && gates.map(\.isOpen) == [false])
        let row = try await ground.worker.query(
            """
            select e.needs_withdrawal, k.removed, k.queued, k.total,
                (select count(*) from enrolment_decisions d where d.enrolment_id = e.id and d.kind = 'stopped') as notes
            from enrolments e join campaign_counters k on k.tenant_id = e.tenant_id and k.campaign_id = e.campaign_id
            where e.tenant_id = \(ground.tenant) and e.id = \(enrolment)
            """)[0]
        #expect(try row.decode("needs_withdrawal", as: Bool.self))
        let counts = [try row.decode("removed", as: Int.self), try row.decode("queued"), try row.decode("total"), try row.decode("notes")]
        #expect(counts == [1, 0, 1, 1])
        let events = try await ground.worker.query("select body from outbox where type = 'campaigns.enrolment.stopped'")
        let body: String = try #require(events.first).decode("body")
        #expect(events.count == 1 && body.contains("enrolment.stop") && !body.contains("ada@x.org") && !body.contains("wrong person"))
        let log: Log = try await ground.read("\(ground.path)/enrolments/\(enrolment)")
        #expect(log.log.last?.code == "stopped" && log.log.last?.text.hasSuffix(": wrong person.") ?? false)
    }

    @Test("without Delivery nothing is stopped, and nothing is said to be")
    func unreachable() async throws {
        let house = try await TestHouse.make(for: CampaignsService.self)
        let fixture = CampaignsFixture(peers: Peers(), house: house, service: try await CampaignsService(house.house))
        let ground = AnalyticsGround(fixture: fixture, campaign: CampaignID(.v7(at: house.clock.clock.now)))
        try await ground.insert(ground.campaign, in: ground.workspace)
        let enrolment = try await ground.enrol(try await ground.lead("ada@x.org"))
        #expect(try await fixture.send(.post, "\(ground.path)/enrolments/\(enrolment)/stop").status >= 500)
        let log: Log = try await ground.read("\(ground.path)/enrolments/\(enrolment)")
        #expect(log.enrolment?.status == .waiting && log.log.map(\.code) == ["enrolled", "due_now"])
    }
}

@Suite("Mails in a lead's timeline")
struct MailTimelineTests {
    private struct Listing: Decodable {
        struct Entry: Decodable, Equatable {
            let id: String
            let kind: String
        }
        struct Links: Decodable {
            let next: String?
        }
        let data: [Entry]
        let page: Links
    }

    @Test("they stand between the rest, newest first, the same on every page")
    func mails() async throws {
        let ground = try await AnalyticsGround.make()
        let lead = try await ground.lead("ada@x.org")
        let enrolment = try await ground.enrol(lead, status: .queued, send: .queued)
        let key = Enrolment.sendKey(enrolment, step: 1)
        ground.fixture.house.clock.advance(by: .seconds(60))
        try await ground.fixture.tell(
            DeliveryEvents.SendsResolved(sends: [
                .init(sendKey: key, version: 1, campaign: nil, enrolment: enrolment, state: .accepted, code: 250, at: ground.now)
            ]))
        for (kind, isMachine) in [(DeliveryEvents.FeedbackKind.opened, true), (.opened, false), (.replied, false)] {
            // The last two at once.
            if kind == .opened { ground.fixture.house.clock.advance(by: .seconds(60)) }
            try await ground.fixture.tell(
                DeliveryEvents.FeedbackReceived(feedback: [
                    .init(kind: kind, sendKey: key, campaign: nil, enrolment: enrolment, isMachine: isMachine, at: ground.now)
                ]))
        }
        let path = "/api/v1/leads/\(lead)/activity"
        let whole: Listing = try await ground.read(path)
        #expect(Set(whole.data.prefix(2).map(\.kind)) == ["mail_opened", "mail_replied"])
        #expect(Array(whole.data[2...3].map(\.kind)) == ["mail_opened_by_machine", "mail_sent"])
        #expect(Set(whole.data[4...].map(\.kind)) == ["enrolled", "imported"])
        var paged: [Listing.Entry] = []
        var cursor = ""
        for _ in 0..<10 {
            let page: Listing = try await ground.read("\(path)?limit=1\(cursor)")
            paged += page.data
            guard let next = page.page.next else { break }
            cursor = "&cursor=\(next)"
        }
        #expect(paged == whole.data)
    }
}
