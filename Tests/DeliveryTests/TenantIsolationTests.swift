import TestSupport
import Testing

@testable import Delivery

@Suite("Tenants are apart")
struct TenantIsolationTests {
    @Test("every table of tenants that requests can reach is under row-level security that asks for the tenant")
    func tables() async throws {
        let house = try await DeliveryFixture.make().house
        #expect(try await house.unprotectedTables() == [])
    }
}
