import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Billing

@Suite("What is left of a company in Billing")
struct PurgeTests {
    @Test("a company that was a customer goes also where no key of Stripe is set any more")
    func withoutKey() async throws {
        let fixture = try await BillingFixture.make()
        try await fixture.house.house.worker.query(
            "insert into stripe_customers (tenant_id, customer, created_at) values (\(fixture.tenant), 'cus_1', \(fixture.house.clock.clock.now))")
        try await fixture.house.house.worker.query(
            "update subscriptions set stripe_subscription = 'sub_1', status = 'active' where tenant_id = \(fixture.tenant)")
        _ = try await fixture.billing.call(BillingRPC.CancelSubscription(tenant: fixture.tenant))
        for _ in 0..<10 {
            if try await fixture.billing.call(BillingRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }

    @Test("a cancelled subscription reserves nothing; purged, nothing is left, and the others have what they had")
    func company() async throws {
        let fixture = try await BillingFixture.make()
        let other = BillingFixture(house: fixture.house, service: fixture.service, billing: fixture.billing, tenant: TenantID(.v7(at: Date())))
        try await other.startTrial()
        for tenant in [fixture.tenant, other.tenant] {
            _ = try await fixture.billing.call(BillingRPC.ReserveMail(tenant: tenant, key: "k", count: 5))
        }
        let kept = try await fixture.house.rows(of: other.tenant)
        for _ in 0..<2 { _ = try await fixture.billing.call(BillingRPC.CancelSubscription(tenant: fixture.tenant)) }
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "l", count: 5)) }
                == "access_denied")
        #expect(try await fixture.billing.call(BillingRPC.Purge(tenant: fixture.tenant, workspace: WorkspaceID(UUID()))).isDone)
        #expect(try await !fixture.house.rows(of: fixture.tenant).isEmpty)
        for _ in 0..<10 {
            if try await fixture.billing.call(BillingRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
        #expect(try await fixture.house.rows(of: other.tenant) == kept && kept["mail_reservations"] == 1)
        #expect(try await fixture.billing.call(BillingRPC.Purge(tenant: fixture.tenant, workspace: nil)).isDone)
        _ = try await fixture.billing.call(BillingRPC.CancelSubscription(tenant: fixture.tenant))
    }
}
