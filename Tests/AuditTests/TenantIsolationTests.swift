import TestSupport
import Testing

@testable import Audit

@Suite("Tenants are apart")
struct TenantIsolationTests {
    @Test("every table of tenants that requests can reach is under row-level security that asks for the tenant")
    func tables() async throws {
        let house = try await TestHouse.make(for: AuditService.self)
        #expect(try await house.unprotectedTables() == [])
    }
}
