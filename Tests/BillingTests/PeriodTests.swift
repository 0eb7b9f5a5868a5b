import Contracts
import Foundation
import HTTP
import HummingbirdTesting
import Postgres
import RPC
import TestSupport
import Testing

@testable import Billing

extension BillingFixture {
    /// Turns the trial into a paid subscription, as Stripe's word will.
    func subscribe() async throws {
        try await house.house.worker.query("update subscriptions set status = 'active', trial_ends_at = null where tenant_id = \(tenant)")
    }

    /// Used and reserved mails of each period, the oldest first.
    func periods() async throws -> [[Int64]] {
        try await house.house.worker.query("select used, reserved from mail_periods where tenant_id = \(tenant) order by period_start").map {
            [try $0.decode("used"), try $0.decode("reserved")]
        }
    }

    func reserve(_ count: Int64, key: String) async throws -> BillingRPC.Reservation {
        try await billing.call(BillingRPC.ReserveMail(tenant: tenant, key: key, count: count))
    }
}

@Suite("Billing periods")
struct PeriodTests {
    @Test(
        "months follow the last known period, from its end",
        arguments: [
            ("2026-01-30T23:59:59Z", "2025-12-31", "2026-01-31"), ("2026-01-31T00:00:00Z", "2026-01-31", "2026-02-28"),
            ("2026-02-28T00:00:00Z", "2026-02-28", "2026-03-31"), ("2026-04-30T12:00:00Z", "2026-04-30", "2026-05-31"),
            ("2027-02-01T00:00:00Z", "2027-01-31", "2027-02-28"),
        ])
    func months(instant: String, start: String, end: String) throws {
        let known = BillingPeriod(start: try Self.day("2025-12-31"), end: try Self.day("2026-01-31"))
        let expected = BillingPeriod(start: try Self.day(start), end: try Self.day(end))
        #expect(known.renewed(at: try #require(WireJSON.parse(instant))) == expected)
    }

    @Test("a period that ended is followed by one with the plan's mails, opened once by whoever reserves first")
    func roll() async throws {
        let fixture = try await BillingFixture.make()
        try await fixture.subscribe()
        let old = try await fixture.reserve(10, key: "old")
        fixture.house.clock.advance(by: .seconds(15 * 86_400))
        let before = try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant))
        #expect(before.mailsReserved == 0 && before.mailsPerPeriod == 10_000 && before.periodStart == old.periodEnd)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    let end = try await fixture.reserve(5, key: "new\(number)").periodEnd
                    #expect(end == before.periodEnd)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await fixture.periods() == [[0, 10], [0, 100]])
        // What was taken before the turn is settled where it was taken, and its key still answers with it.
        _ = try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: old.id, used: 10))
        #expect(try await fixture.reserve(10, key: "old").id == old.id)
        #expect(try await fixture.periods() == [[10, 0], [0, 100]])
        #expect(try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant)).mailsReserved == 100)
    }

    @Test("a trial has one period: when it is over nothing follows, and what it showed stays readable")
    func trialEnds() async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.reserve(7, key: "a")
        fixture.house.clock.advance(by: .seconds(14 * 86_400))
        let entitlements = try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant))
        #expect(entitlements.access == .readOnly && entitlements.mailsReserved == 7)
        #expect(await fixture.kind { try await fixture.reserve(1, key: "b") } == "access_denied")
        #expect(try await fixture.periods() == [[0, 7]])
    }

    private static func day(_ text: String) throws -> Date {
        try #require(WireJSON.parse("\(text)T00:00:00Z"))
    }
}

@Suite("Reservations and who sees them")
struct ReservationTests {
    @Test("a reservation is closed with its last mail, in whatever order used and released arrive")
    func closing() async throws {
        let fixture = try await BillingFixture.make()
        let reservation = try await fixture.reserve(10, key: "a")
        func isClosed() async throws -> Bool {
            try await fixture.house.house.worker.query("select 1 as one from mail_reservations where closed_at is not null").count == 1
        }
        _ = try await fixture.billing.call(BillingRPC.ReleaseMail(tenant: fixture.tenant, reservation: reservation.id, released: 4))
        _ = try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: 5))
        #expect(try await isClosed() == false)
        _ = try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: 6))
        #expect(try await isClosed())
        let again = try await fixture.billing.call(BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: 2))
        #expect(again.used == 6 && again.released == 4)
        #expect(try await isClosed())
        #expect(try await fixture.periods() == [[6, 0]])
    }

    @Test("totals beyond all bounds are refused like any other")
    func overdrawn() async throws {
        let fixture = try await BillingFixture.make()
        let reservation = try await fixture.reserve(10, key: "a")
        _ = try await fixture.billing.call(BillingRPC.ReleaseMail(tenant: fixture.tenant, reservation: reservation.id, released: 1))
        let confirm = BillingRPC.ConfirmMail(tenant: fixture.tenant, reservation: reservation.id, used: .max)
        let release = BillingRPC.ReleaseMail(tenant: fixture.tenant, reservation: reservation.id, released: .max)
        #expect(await fixture.kind { try await fixture.billing.call(confirm) } == "reservation_overdrawn")
        #expect(await fixture.kind { try await fixture.billing.call(release) } == "reservation_overdrawn")
        #expect(try await fixture.periods() == [[0, 9]])
    }

    @Test("requests see their own tenant's rows and can change none", arguments: ["subscriptions", "mail_periods", "mail_reservations"])
    func rowLevelSecurity(table: String) async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.reserve(1, key: "a")
        let api = fixture.house.house.api
        let (select, update, remove): (SQL, SQL, SQL) =
            switch table {
            case "subscriptions": ("select 1 as one from subscriptions", "update subscriptions set version = 2", "delete from subscriptions")
            case "mail_periods": ("select 1 as one from mail_periods", "update mail_periods set used = 0", "delete from mail_periods")
            default: ("select 1 as one from mail_reservations", "update mail_reservations set used = 0", "delete from mail_reservations")
            }
        #expect(try await api.query(as: fixture.tenant, select).count == 1)
        #expect(try await api.query(as: TenantID(UUID()), select).isEmpty)
        #expect(try await api.query(select).isEmpty)
        for statement in [update, remove] {
            let error = await #expect(throws: PostgresError.self) { try await api.query(as: fixture.tenant, statement) }
            #expect(error?.code == .insufficientPrivilege)
        }
    }
}
