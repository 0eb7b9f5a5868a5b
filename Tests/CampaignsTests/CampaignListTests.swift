import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Campaigns

@Suite("The list of campaigns")
struct CampaignListTests {
    private struct Listing: Decodable {
        struct Entry: Decodable {
            struct Progress: Decodable, Equatable {
                let total: Int64
                let ended: Int64
                let replied: Int64
                let held: Int64
                let failed: Int64
                let sent: Int64
            }
            let id: CampaignID
            let progress: Progress
        }
        struct Links: Decodable {
            let next: String?
        }
        let data: [Entry]
        let page: Links
        let counts: [String: Int64]?
    }

    /// Three campaigns beside the ground's own, which is the oldest and active; the newest first.
    private func campaigns(_ ground: AnalyticsGround) async throws -> [CampaignID] {
        var made: [CampaignID] = []
        for (name, status) in [("Spring OFFER", "paused"), ("100% off_er", "paused"), ("Elsewhere", "draft")] {
            ground.fixture.house.clock.advance(by: .seconds(1))
            let campaign = CampaignID(.v7(at: ground.now))
            try await ground.insert(campaign, in: name == "Elsewhere" ? WorkspaceID(UUID()) : ground.workspace)
            try await ground.worker.query("update campaigns set name = \(name), status = \(status) where id = \(campaign)")
            made.insert(campaign, at: 0)
        }
        return made
    }

    @Test("each says how far it is, and the first page how many there are of each status")
    func progress() async throws {
        let ground = try await AnalyticsGround.make()
        let made = try await campaigns(ground)
        try await ground.worker.query(
            """
            update campaign_counters set waiting = 5, queued = 2, held = 1, finished = 3, replied = 4, failed = 1
            where campaign_id = \(ground.campaign)
            """
        )
        try await ground.insert([
            StatRow(day: "2026-11-02", step: 1, variant: "A", figures: MailFigures(sent: 7)),
            StatRow(day: "2026-11-03", step: 1, variant: "B", figures: MailFigures(sent: 2)),
        ])
        let all: Listing = try await ground.read("/api/v1/campaigns")
        #expect(all.data.map(\.id) == made + [ground.campaign])
        #expect(all.data.last?.progress == .init(total: 16, ended: 8, replied: 4, held: 1, failed: 1, sent: 9))
        #expect(all.data[0].progress == .init(total: 0, ended: 0, replied: 0, held: 0, failed: 0, sent: 0))
        #expect(all.counts == ["draft": 1, "scheduled": 0, "active": 1, "paused": 2, "completed": 0, "archived": 0])
        // Of the status that is looked at there is a page; of all others still their number.
        let first: Listing = try await ground.read("/api/v1/campaigns?status=paused&limit=1&workspace=\(ground.workspace)")
        #expect(first.data.map(\.id) == [made[1]] && first.counts?["active"] == 1 && first.counts?["draft"] == 0)
        let next = try #require(first.page.next)
        let second: Listing = try await ground.read("/api/v1/campaigns?status=paused&limit=1&workspace=\(ground.workspace)&cursor=\(next)")
        #expect(second.data.map(\.id) == [made[2]] && second.page.next == nil && second.counts == nil)
    }

    @Test("a name is found by any part of it, whatever the case; wildcards are letters, and nobody else's campaigns are found")
    func search() async throws {
        let ground = try await AnalyticsGround.make()
        let made = try await campaigns(ground)
        let found: Listing = try await ground.read("/api/v1/campaigns?q=offer")
        #expect(found.data.map(\.id) == [made[2]] && found.counts?.values.reduce(0, +) == 1)
        let questions: [(String, [CampaignID])] = [
            ("0%25+OFF", [made[1]]), ("%25", [made[1]]), ("off_", [made[1]]), ("off", [made[1], made[2]]), ("xyz", []),
        ]
        for (text, expected) in questions {
            let found: Listing = try await ground.read("/api/v1/campaigns?q=\(text)")
            #expect(found.data.map(\.id) == expected, "\(text)")
        }
        let whole: Listing = try await ground.read("/api/v1/campaigns?q=")
        #expect(whole.data.count == 4)
        let stranger = try await ground.fixture.send(.get, "/api/v1/campaigns?q=offer", tenant: TenantID(UUID()))
        #expect(stranger.body.contains(#""data":[]"#) && stranger.body.contains(#""paused":0"#), "\(stranger.body)")
        #expect(try await ground.get("/api/v1/campaigns?q=elsewhere", workspaces: [ground.workspace]).body.contains(#""data":[]"#))
        let long = String(repeating: "a", count: 201)
        #expect(try await ground.fixture.send(.get, "/api/v1/campaigns?q=\(long)").status == 400)
    }

    @Test("an enrolment says why it ended or does not go on, and nothing while it goes its way")
    func causes() {
        for status in EnrolmentStatus.allCases {
            let cause = EnrolmentCause(status: status, exitReason: nil, step: 3)
            let goes = [EnrolmentStatus.waiting, .handingOver, .queued].contains(status)
            #expect((cause == nil) == goes, "\(status)")
            if let cause { #expect(!cause.code.isEmpty && cause.text.hasSuffix("."), "\(cause)") }
        }
        #expect(EnrolmentCause(status: .held, exitReason: nil, step: 3)?.text.contains("step 3") == true)
        let removed = EnrolmentCause(status: .removed, exitReason: "left_audience", step: 1)
        #expect(removed == EnrolmentCause(status: .removed, exitReason: "left_audience", step: 2))
        #expect(removed?.code == "left_audience" && removed?.text == "The lead was no longer in the audience.")
        #expect(EnrolmentCause(status: .finished, exitReason: "campaign_over", step: 1)?.code == "campaign_over")
    }

    @Test("the list of enrolments gives the cause with each row")
    func rows() async throws {
        let ground = try await AnalyticsGround.make()
        _ = try await ground.enrol(try await ground.lead("a@x.org"), status: .held)
        _ = try await ground.enrol(try await ground.lead("b@x.org"), status: .waiting)
        let held = try await ground.fixture.send(.get, "\(ground.path)/enrolments?status=held")
        #expect(held.body.contains(#""cause":{"code":"fate_unknown","text":""#), "\(held.body)")
        #expect(try await !ground.fixture.send(.get, "\(ground.path)/enrolments?status=waiting").body.contains("cause"))
    }

    @Test("leads are counted for who asks, with the same filter, up to a bound that is told")
    func leadCount() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(7)
        let path = "/api/v1/leads?workspace=\(fixture.peers.workspace)"
        let plain = try await fixture.send(.get, "\(path)&limit=2")
        #expect(plain.member("count") == nil && plain.member("count_exact") == nil)
        let counted = try await fixture.send(.get, "\(path)&limit=2&count=true")
        #expect(counted.number("count") == 7 && counted.member("count_exact") as? Bool == true, "\(counted.body)")
        #expect(try await fixture.send(.get, "\(path)&count=true&q=nobodyhasthis").number("count") == 0)
        #expect(try await fixture.send(.get, "\(path)&count=perhaps").status == 400)
        let page = Page<Lead>([], limit: 1) { $0.id }
        let bound = LeadListing(page, found: LeadListing.mostCounted + 1)
        #expect(bound.count == LeadListing.mostCounted && bound.countExact == false)
    }
}
