import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Campaigns

@Suite("Enrolling")
struct EnrollerTests {
    private func campaign(_ fixture: CampaignsFixture) async throws -> CampaignID {
        let draft = try await fixture.draft(leads: 0, #""template":"T","mailbox":"M""#)
        try await fixture.launch(draft)
        fixture.house.clock.advance(by: .seconds(1))
        return try #require(CampaignID(draft))
    }

    private func enrolled(_ campaigns: [CampaignID], _ fixture: CampaignsFixture) async throws -> [Int] {
        var counts: [Int] = []
        for campaign in campaigns {
            counts.append(
                try await fixture.house.house.worker.query(
                    "select count(*) as n from enrolments where tenant_id = \(fixture.tenant) and campaign_id = \(campaign)"
                )[0].decode("n"))
        }
        return counts
    }

    @Test("campaigns take turns, a batch each")
    func turns() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(2_500)
        let campaigns = [try await campaign(fixture), try await campaign(fixture)]
        let enroller = fixture.service.handOver.enroller
        var counts: [[Int]] = []
        while try await enroller.enrolOnce(), counts.count < 10 {
            counts.append(try await enrolled(campaigns, fixture))
            fixture.house.clock.advance(by: .seconds(1))
        }
        #expect(counts == [[1_000, 0], [1_000, 1_000], [2_000, 1_000], [2_000, 2_000], [2_500, 2_000], [2_500, 2_500]])
    }

    @Test("a campaign whose batch fails is left alone for a minute, and the others go on")
    func failing() async throws {
        let fixture = try await CampaignsFixture.make()
        _ = try await fixture.insertLeads(3)
        let campaigns = [try await campaign(fixture), try await campaign(fixture)]
        // Steps that nobody can read.
        try await fixture.house.house.worker.query(
            "update campaign_sequences set steps = '[{}]' where tenant_id = \(fixture.tenant) and campaign_id = \(campaigns[0])")
        let enroller = fixture.service.handOver.enroller
        await #expect(throws: (any Error).self) { _ = try await enroller.enrolOnce() }
        #expect(try await enroller.enrolOnce())
        #expect(try await enrolled(campaigns, fixture) == [0, 3])
        #expect(try await !enroller.enrolOnce())
        fixture.house.clock.advance(by: .seconds(61))
        await #expect(throws: (any Error).self) { _ = try await enroller.enrolOnce() }
    }
}
