import Contracts
import Foundation
import Postgres
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Campaigns

@Suite("Telling Billing how many leads there are")
struct LeadReportTests {
    @Test("every company's number is told, once, page by page")
    func report() async throws {
        var billing = RPCRouter(service: .billing)
        let places = TestPlaces()
        places.add(to: &billing)
        let house = try await TestHouse.make(for: CampaignsService.self, peers: [.billing: billing])
        let numbers = Dictionary(uniqueKeysWithValues: (0..<5).map { (TenantID(UUID()), Int64($0) * 10) })
        for (tenant, leads) in numbers {
            try await house.house.worker.query("insert into lead_counts (tenant_id, leads) values (\(tenant), \(leads))")
        }
        var seen: [TenantID] = []
        while true {
            let page = try await LeadCounter.counts(after: seen.last, limit: 2, in: house.house.worker)
            seen += page.map(\.tenant)
            if page.count < 2 { break }
        }
        #expect(seen.count == 5 && Set(seen) == Set(numbers.keys))
        try await ResourceRecount(house: house.house, of: .leads) { start, limit, database in
            try await LeadCounter.counts(after: start, limit: limit, in: database)
        }.count()
        #expect(places.recounts.allSatisfy { $0.resource == .leads })
        #expect(Dictionary(uniqueKeysWithValues: places.recounts.map { ($0.tenant, $0.used) }) == numbers)
    }
}
