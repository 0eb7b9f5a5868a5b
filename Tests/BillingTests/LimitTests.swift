import Contracts
import Foundation
import HTTP
import HummingbirdTesting
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Billing

extension BillingFixture {
    func reserve(_ resource: BillingRPC.Resource, _ key: String, count: Int64 = 1) async throws -> BillingRPC.ResourceCount {
        try await billing.call(BillingRPC.ReserveResource(tenant: tenant, resource: resource, key: key, count: count))
    }

    func confirm(_ resource: BillingRPC.Resource, _ key: String) async throws {
        _ = try await billing.call(BillingRPC.ConfirmResource(tenant: tenant, resource: resource, key: key))
    }

    func release(_ resource: BillingRPC.Resource, _ key: String) async throws {
        _ = try await billing.call(BillingRPC.ReleaseResource(tenant: tenant, resource: resource, key: key))
    }

    func recount(_ resource: BillingRPC.Resource, used: Int64) async throws -> Bool {
        try await billing.call(
            BillingRPC.RecountResource(tenant: tenant, resource: resource, used: used, countedAt: house.clock.clock.now)
        ).isTaken
    }

    /// Used and reserved.
    func counted(_ resource: BillingRPC.Resource) async throws -> [Int64] {
        let rows = try await house.house.worker.query(
            "select used, reserved from resource_counts where tenant_id = \(tenant) and resource = \(resource)")
        return try rows.first.map { [try $0.decode("used"), try $0.decode("reserved")] } ?? [0, 0]
    }

    var resourceLimits: ResourceLimits {
        ResourceLimits(database: house.house.worker, clock: house.clock.clock, outbox: house.house.outbox)
    }

    func recounts() async throws -> Int {
        try await house.house.worker.query("select count(*) as n from outbox where type = 'billing.resource.recounted'")[0].decode("n")
    }
}

@Suite("Places under a plan's limits")
struct LimitTests {
    @Test("fifty callers at the limit less one: exactly one gets the place, and the others hear how many there are")
    func noRace() async throws {
        let fixture = try await BillingFixture.make()
        // Starter has room for ten mailboxes.
        _ = try await fixture.reserve(.mailboxes, "nine", count: 9)
        let kinds = await withTaskGroup(of: String?.self) { group in
            for number in 0..<50 {
                group.addTask { await fixture.kind { try await fixture.reserve(.mailboxes, "m\(number)") } }
            }
            return await group.reduce(into: [String?]()) { $0.append($1) }
        }
        #expect(kinds.count { $0 == nil } == 1)
        #expect(kinds.count { $0 == "limit_reached" } == 49)
        #expect(try await fixture.counted(.mailboxes) == [0, 10])
        do {
            _ = try await fixture.reserve(.mailboxes, "late")
            Issue.record("there was room")
        } catch let error as RPCError {
            #expect(error.message.contains("10 of 10 mailboxes"))
        }
    }

    @Test("the same key, also at the same time, is one place; more than one at once is all or nothing")
    func sameKey() async throws {
        let fixture = try await BillingFixture.make()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await fixture.reserve(.domains, "one") } }
            try await group.waitForAll()
        }
        #expect(try await fixture.counted(.domains) == [0, 1])
        #expect(await fixture.kind { try await fixture.reserve(.domains, "five", count: 5) } == "limit_reached")
        #expect(try await fixture.counted(.domains) == [0, 1])
        #expect(try await fixture.reserve(.domains, "four", count: 4) == .init(used: 0, reserved: 5, limit: 5))
    }

    @Test("confirmed counts as used, released as gone; saying either again changes nothing")
    func life() async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.reserve(.workspaces, "a")
        _ = try await fixture.reserve(.workspaces, "b")
        for _ in 0..<2 { try await fixture.confirm(.workspaces, "a") }
        #expect(try await fixture.counted(.workspaces) == [1, 1])
        // Asked again about what is there: yes, and nothing more is taken.
        _ = try await fixture.reserve(.workspaces, "a")
        #expect(try await fixture.counted(.workspaces) == [1, 1])
        for _ in 0..<2 { try await fixture.release(.workspaces, "b") }
        #expect(try await fixture.counted(.workspaces) == [1, 0])
        for _ in 0..<2 { try await fixture.release(.workspaces, "a") }
        try await fixture.release(.workspaces, "never")
        #expect(try await fixture.counted(.workspaces) == [0, 0])
    }

    @Test("what is there is counted also when its place has run out, once, and of a company that nobody knows nothing is")
    func lateConfirmation() async throws {
        let fixture = try await BillingFixture.make()
        for key in ["slow", "lost"] { _ = try await fixture.reserve(.users, key) }
        fixture.house.clock.advance(by: .seconds(300))
        // Asked for again, it waits anew.
        _ = try await fixture.reserve(.users, "slow")
        fixture.house.clock.advance(by: .seconds(301))
        #expect(try await fixture.resourceLimits.expire() == 1)
        #expect(try await fixture.counted(.users) == [0, 1])
        _ = try await fixture.reserve(.users, "other")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<5 { group.addTask { try await fixture.confirm(.users, "lost") } }
            try await group.waitForAll()
        }
        // Beyond the limit of two: it is there all the same.
        #expect(try await fixture.counted(.users) == [1, 2])
        let stranger = TenantID(UUID())
        let kind = await fixture.kind {
            try await fixture.billing.call(BillingRPC.ConfirmResource(tenant: stranger, resource: .users, key: "x"))
        }
        #expect(kind == "no_entitlement")
        let answer = try await fixture.billing.call(
            BillingRPC.RecountResource(tenant: stranger, resource: .users, used: 3, countedAt: fixture.house.clock.clock.now))
        #expect(!answer.isTaken)
        let rows: Int = try await fixture.house.house.worker.query("select count(*) as n from resource_counts where tenant_id = \(stranger)")[0]
            .decode("n")
        #expect(rows == 0)
    }

    @Test("what nobody confirms ends after ten minutes, what somebody confirmed does not")
    func expiry() async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.reserve(.users, "kept")
        _ = try await fixture.reserve(.users, "dropped")
        try await fixture.confirm(.users, "kept")
        #expect(await fixture.kind { try await fixture.reserve(.users, "third") } == "limit_reached")
        fixture.house.clock.advance(by: .seconds(599))
        #expect(try await fixture.resourceLimits.expire() == 0)
        fixture.house.clock.advance(by: .seconds(1))
        #expect(try await fixture.resourceLimits.expire() == 1)
        #expect(try await fixture.resourceLimits.expire() == 0)
        #expect(try await fixture.counted(.users) == [1, 0])
        _ = try await fixture.reserve(.users, "third")
    }

    @Test("refusals say why: no subscription, one that is over, a resource or a key that cannot be")
    func refusals() async throws {
        let fixture = try await BillingFixture.make()
        let stranger = TenantID(UUID())
        #expect(
            await fixture.kind { try await fixture.billing.call(BillingRPC.ReserveResource(tenant: stranger, resource: .users, key: "x")) }
                == "no_entitlement")
        for (resource, key, count) in [("gods", "x", 1), ("users", "", 1), ("users", "x", 0), ("users", "x", 10_001)] as [(String, String, Int64)] {
            let kind = await fixture.kind { try await fixture.reserve(.init(rawValue: resource), key, count: count) }
            #expect(kind == "invalid_resource", "\(resource) \(key) \(count)")
        }
        _ = try await fixture.reserve(.users, "before")
        fixture.house.clock.advance(by: .seconds(15 * 86_400))
        #expect(await fixture.kind { try await fixture.reserve(.users, "after") } == "access_denied")
        // What was taken before is still there, and may be confirmed and given back.
        _ = try await fixture.reserve(.users, "before")
        try await fixture.confirm(.users, "before")
        try await fixture.release(.users, "before")
        #expect(try await fixture.counted(.users) == [0, 0])
    }

    @Test("a grant's limits hold instead of the plan's, also without any, and end with it")
    func grants() async throws {
        let fixture = try await BillingFixture.make()
        func grant(_ limits: String, until end: Date?) async throws {
            let now = fixture.house.clock.clock.now
            try await fixture.house.house.worker.query(
                """
                insert into access_grants (tenant_id, id, limits, reason, granted_by, starts_at, ends_at)
                values (\(fixture.tenant), \(UUID()), \(PostgresJSON(text: limits)), 'a promise', 'test', \(now), \(end))
                """)
        }
        try await grant(#"{"users": 3, "domains": null, "api_calls_per_minute": 7}"#, until: fixture.house.clock.clock.now + 60)
        _ = try await fixture.reserve(.users, "many", count: 3)
        #expect(await fixture.kind { try await fixture.reserve(.users, "one more") } == "limit_reached")
        _ = try await fixture.reserve(.domains, "very many", count: 10_000)
        let entitlements = try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant))
        #expect(entitlements.users == 3 && entitlements.domains == nil && entitlements.mailboxes == 10 && entitlements.apiCallsPerMinute == 7)
        fixture.house.clock.advance(by: .seconds(61))
        #expect(await fixture.kind { try await fixture.reserve(.domains, "a little more") } == "limit_reached")
        #expect(try await fixture.billing.call(BillingRPC.ReadEntitlements(tenant: fixture.tenant)).apiCallsPerMinute == 60)
    }

    @Test("the owner's count holds and is written down where it corrects; a count during a change is not taken, leads are only told")
    func recount() async throws {
        let fixture = try await BillingFixture.make()
        _ = try await fixture.reserve(.users, "a")
        fixture.house.clock.advance(by: .seconds(60))
        #expect(try await !fixture.recount(.users, used: 1), "something is being made")
        try await fixture.confirm(.users, "a")
        #expect(try await !fixture.recount(.users, used: 1), "something was made a moment ago")
        fixture.house.clock.advance(by: .seconds(60))
        #expect(try await fixture.recount(.users, used: 2))
        #expect(try await fixture.counted(.users) == [2, 0])
        #expect(try await fixture.recounts() == 0, "a first count corrects nobody")
        #expect(try await fixture.recount(.users, used: 2))
        #expect(try await fixture.recounts() == 0)
        #expect(try await fixture.recount(.users, used: 1))
        #expect(try await fixture.recounts() == 1)
        for used in [100, 200] as [Int64] { #expect(try await fixture.recount(.leads, used: used)) }
        #expect(try await fixture.counted(.leads) == [200, 0])
        #expect(try await fixture.recounts() == 1)
        #expect(await fixture.kind { try await fixture.recount(.users, used: -1) } == "invalid_resource")
    }

    @Test("the founder is counted when Auth's event arrives, once; other tenants have their own counts, which nobody else sees")
    func founder() async throws {
        let fixture = try await BillingFixture.make(withTrial: false)
        let founder = UserID(.v7(at: fixture.house.clock.clock.now))
        let house = fixture.house
        try await house.withBackground(fixture.service.background) {
            for _ in 0..<2 {
                let event = try PendingEvent(
                    AuthEvents.TenantCreated(tenant: fixture.tenant, name: "Acme"), at: house.clock.clock.now, tenant: fixture.tenant,
                    actor: .user(founder))
                let redis = try await RedisConnection.connect(house.redis.configuration)
                try await redis.command([
                    "XADD", "events:auth", "*", "id", event.header.id.description, "type", event.header.type, "body", event.body,
                ])
            }
            try await eventually("the founder is counted and both events are heard") {
                let heard: Int = try await house.house.worker.query("select count(*) as n from processed_events")[0].decode("n")
                let counted = try await fixture.counted(.users)
                return heard == 2 && counted == [1, 0]
            }
        }
        #expect(try await fixture.counted(.users) == [1, 0])
        try await fixture.release(.users, founder.description)
        #expect(try await fixture.counted(.users) == [0, 0])
        for table in ["resource_counts", "resource_reservations"] {
            let statement: SQL = table == "resource_counts" ? "select tenant_id from resource_counts" : "select tenant_id from resource_reservations"
            #expect(try await house.house.api.query(as: TenantID(UUID()), statement).isEmpty)
        }
    }
}
