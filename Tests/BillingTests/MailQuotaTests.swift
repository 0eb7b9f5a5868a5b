import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Billing

/// Billing on a real database, with one tenant that has a trial.
struct BillingFixture: Sendable {
    let house: TestHouse
    let service: BillingService
    let billing: RPCClient
    let tenant: TenantID

    static func make(withTrial: Bool = true) async throws -> BillingFixture {
        let house = try await TestHouse.make(for: BillingService.self)
        let service = try await BillingService(house.house)
        let fixture = BillingFixture(
            house: house, service: service, billing: .local(house.router(service), caller: .campaigns), tenant: TenantID(.v7(at: Date())))
        if withTrial { try await fixture.startTrial() }
        return fixture
    }

    func startTrial() async throws {
        let event = try PendingEvent(
            AuthEvents.TenantCreated(tenant: tenant, name: "Acme"), at: house.clock.clock.now, tenant: tenant, actor: .system("auth"))
        let subscriptions = Subscriptions(clock: house.clock.clock, outbox: house.house.outbox)
        try await house.house.worker.transaction { transaction in
            try await subscriptions.startTrial(of: tenant, cause: event.header, in: transaction)
        }
    }

    /// Leaves exactly `count` mails in the period.
    func leave(_ count: Int64) async throws {
        try await house.house.worker.query("update mail_periods set allowance = \(count) where tenant_id = \(tenant)")
    }

    func period() async throws -> (used: Int64, reserved: Int64) {
        let row = try await house.house.worker.query("select used, reserved from mail_periods where tenant_id = \(tenant)")[0]
        return (try row.decode("used"), try row.decode("reserved"))
    }

    func kind(_ work: () async throws -> some Any) async -> String? {
        do {
            _ = try await work()
            return nil
        } catch {
            return (error as? RPCError)?.kind ?? "\(error)"
        }
    }
}

@Suite("Mail quota")
struct MailQuotaTests {
    @Test("fifty callers at the last hundred mails: exactly one gets them")
    func noRace() async throws {
        let fixture = try await BillingFixture.make()
        try await fixture.leave(100)
        let granted = await withTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask {
                    (try? await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "b\(number)", count: 100))) != nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(granted == 1)
        #expect(try await fixture.period() == (0, 100))
    }

    @Test("the same key, also at the same time, is the same reservation and taken once")
    func sameKey() async throws {
        let fixture = try await BillingFixture.make()
        let reservations = try await withThrowingTaskGroup(of: ReservationID.self) { group in
            for _ in 0..<10 {
                group.addTask {
                    try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "batch", count: 10)).id
                }
            }
            return try await group.reduce(into: Set<ReservationID>()) { $0.insert($1) }
        }
        #expect(reservations.count == 1)
        #expect(try await fixture.period() == (0, 10))
    }

    @Test("totals only grow: late, repeated and crossing reports change nothing twice")
    func cumulative() async throws {
        let fixture = try await BillingFixture.make()
        let reservation = try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "a", count: 10))
        for used in [3, 7, 3, 7] as [Int64] {
            _ = try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: used))
        }
        for released in [2, 1, 2] as [Int64] {
            _ = try await fixture.billing.call(BillingRPC.ReleaseMail(tenant: fixture.tenant, reservation: reservation.id, released: released))
        }
        #expect(try await fixture.period() == (7, 1))
        let kind = await fixture.kind {
            try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: 9))
        }
        #expect(kind == "reservation_overdrawn")
        let enormous = await fixture.kind {
            try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: .max))
        }
        #expect(enormous == "reservation_overdrawn")
        #expect(try await fixture.period() == (7, 1))
    }

    @Test("refusals say why: nothing left, no subscription, a trial that is over, a reservation of somebody else")
    func refusals() async throws {
        let fixture = try await BillingFixture.make()
        try await fixture.leave(5)
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "x", count: 6)) }
                == "quota_exceeded")
        #expect(try await fixture.period() == (0, 0))
        let stranger = TenantID(UUID())
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveMail(tenant: stranger, key: "x", count: 1)) } == "no_entitlement")
        let mine = try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "y", count: 1))
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: stranger, reservation: mine.id, used: 1)) }
                == "reservation_not_found")
        fixture.house.clock.advance(by: .seconds(15 * 86_400))
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "z", count: 1)) }
                == "access_denied")
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "w", count: 501)) }
                == "invalid_batch")
    }
}

@Suite("Subscriptions")
struct SubscriptionTests {
    @Test("hearing of a tenant twice makes one trial of fourteen days, told once")
    func trialOnce() async throws {
        let fixture = try await BillingFixture.make()
        try await fixture.startTrial()
        let entitlements = try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant))
        #expect(entitlements.plan == "starter")
        #expect(entitlements.mailsPerPeriod == 10_000)
        #expect(entitlements.periodEnd.timeIntervalSince(entitlements.periodStart) == 14 * 86_400)
        let events: Int = try await fixture.house.house.worker.query("select count(*) as n from outbox where type = 'billing.trial.started'")[0]
            .decode("n")
        #expect(events == 1)
    }

    @Test("the trial begins when Auth's event arrives through Redis")
    func trialThroughTheStream() async throws {
        let fixture = try await BillingFixture.make(withTrial: false)
        let house = fixture.house
        try await house.withBackground(fixture.service.background) {
            let event = try PendingEvent(
                AuthEvents.TenantCreated(tenant: fixture.tenant, name: "Acme"), at: house.clock.clock.now, tenant: fixture.tenant,
                actor: .system("auth"))
            let redis = try await RedisConnection.connect(house.redis.configuration)
            try await redis.command(["XADD", "events:auth", "*", "id", event.header.id.description, "type", event.header.type, "body", event.body])
            try await eventually("the trial has begun") {
                try await house.house.worker.query("select plan from subscriptions where tenant_id = \(fixture.tenant)").count == 1
            }
        }
    }

    @Test(
        "access follows from Stripe's word and the clock",
        arguments: [
            ("trialing", 1.0, BillingRPC.Access.full), ("trialing", -1.0, .readOnly), ("active", -1.0, .full), ("past_due", -1.0, .grace),
            ("canceled", 1.0, .cancelled), ("unpaid", 1.0, .readOnly), ("a_word_of_2030", 1.0, .readOnly),
        ])
    func access(status: String, trialLeft: TimeInterval, expected: BillingRPC.Access) {
        let now = Date(timeIntervalSince1970: 1_800_000_000)
        let facts = AccessFacts(status: status, trialEndsAt: now.addingTimeInterval(trialLeft), pastDueSince: nil, grant: nil)
        #expect(facts.access(at: now) == expected)
    }

    @Test("owners and admins see plan and usage, members do not, and no tenant sees another's")
    func routes() async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.billing.call(BillingRPC.ReserveMail(tenant: fixture.tenant, key: "a", count: 100))
        func get(_ path: String, tenant: TenantID, role: Role) async throws -> (Int, String) {
            let headers = try await fixture.house.identityHeader(tenant: tenant, role: role)
            return try await fixture.house.withClient(fixture.service) { client in
                try await client.execute(uri: path, method: .get, headers: headers) { ($0.status.code, String(buffer: $0.body)) }
            }
        }
        let usage = try await get("/api/v1/billing/usage", tenant: fixture.tenant, role: .admin)
        #expect(usage.0 == 200)
        #expect(usage.1.contains(#""limit":10000"#) && usage.1.contains(#""reserved":100"#))
        #expect(try await get("/api/v1/billing/subscription", tenant: fixture.tenant, role: .owner).1.contains(#""access":"full""#))
        #expect(try await get("/api/v1/billing/usage", tenant: fixture.tenant, role: .member).0 == 403)
        #expect(try await get("/api/v1/billing/usage", tenant: TenantID(UUID()), role: .owner).0 == 503)
        #expect(try await get("/api/v1/plans", tenant: fixture.tenant, role: .viewer).1.contains(#""code":"starter""#))
        let foreign = try await fixture.house.house.api.query(as: TenantID(UUID()), "select tenant_id from mail_reservations")
        #expect(foreign.isEmpty)
    }
}
