import Postgres
import TestSupport
import Testing

@testable import Auth

@Suite("Tenants are apart")
struct TenantIsolationTests {
    @Test("every table of tenants that requests can reach is under row-level security that asks for the tenant")
    func tables() async throws {
        let house = try await AuthFixture.make().house
        #expect(try await house.unprotectedTables() == [])
        // The search finds what is left open.
        let owner = Database(house.database.configuration(role: "postgres"), connections: 1)
        try await owner.query("create table auth.left_open (tenant_id uuid)")
        try await owner.query("grant select on auth.left_open to auth_api")
        #expect(try await house.unprotectedTables() == ["auth.left_open"])
    }
}
