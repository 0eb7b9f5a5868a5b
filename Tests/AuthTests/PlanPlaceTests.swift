import Contracts
import Foundation
import HTTPTypes
import Logging
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Auth
@testable import ServiceRuntime

@Suite("Places under the plan's limits in Auth")
struct PlanPlaceTests {
    private func tenant(_ fixture: AuthFixture) async throws -> TenantID {
        try await fixture.house.house.worker.query("select id from public.tenants order by created limit 1")[0].decode("id")
    }

    private func invite(_ browser: Browser, _ email: String) async throws -> Browser.Answer {
        try await browser.api(.post, "/api/v1/invitations", #"{"email":"\#(email)","role":"member"}"#)
    }

    private func accept(_ fixture: AuthFixture, _ email: String) async throws -> Browser.Answer {
        let token = try await fixture.linkToken(for: email)
        return try await fixture.browser().post(
            "/api/v1/auth/invitation/accept", #"{"token":"\#(token)","name":"Bob","password":"correct horse battery"}"#)
    }

    @Test("an invitation takes a seat, whoever takes it up keeps it, and leaving, being removed or taking back gives it back")
    func seats() async throws {
        let fixture = try await AuthFixture.make(seats: 3)
        let owner = try await fixture.signedIn()
        let tenant = try await tenant(fixture)
        let asked = fixture.places.reservationCalls
        let made = try await invite(owner, "bob@example.com")
        #expect(fixture.places.reservationCalls == asked + 1)
        let invitation = try #require(made.member("id"), "\(made.body)").lowercased()
        #expect(fixture.places.confirmed(.users, of: tenant) == [invitation])
        #expect(try await accept(fixture, "bob@example.com").status == .ok)
        #expect(fixture.places.confirmed(.users, of: tenant) == [invitation])
        let second = try #require(try await invite(owner, "carl@example.com").member("id")).lowercased()
        #expect(try await invite(owner, "dora@example.com").body.contains("no_seats"))
        #expect(fixture.places.confirmed(.users, of: tenant) == [invitation, second])
        #expect(fixture.places.reserved(.users, of: tenant).isEmpty)
        #expect(try await owner.api(.delete, "/api/v1/invitations/\(second)").status == .noContent)
        #expect(fixture.places.confirmed(.users, of: tenant) == [invitation])
        let bob: UserID = try await fixture.house.house.worker.query("select id from users.users where email = 'bob@example.com'")[0].decode("id")
        #expect(try await owner.api(.delete, "/api/v1/users/\(bob)").status == .noContent)
        #expect(fixture.places.confirmed(.users, of: tenant).isEmpty)
    }

    @Test("an invitation that is refused, or not written, leaves no seat taken; one that ran out gives its seat to the next")
    func seatsOfNothing() async throws {
        let fixture = try await AuthFixture.make(seats: 3)
        let owner = try await fixture.signedIn()
        let tenant = try await tenant(fixture)
        let first = try #require(try await invite(owner, "bob@example.com").member("id")).lowercased()
        #expect(try await invite(owner, "bob@example.com").body.contains("already_invited"))
        #expect(try await invite(owner, "ada@example.com").body.contains("already_member"))
        #expect(fixture.places.confirmed(.users, of: tenant) == [first])
        #expect(fixture.places.reserved(.users, of: tenant).isEmpty)
        _ = try await invite(owner, "carl@example.com")
        // A week and an hour, in steps that a session lives through.
        for _ in 0..<22 {
            fixture.house.clock.advance(by: .seconds(7.7 * 3_600))
            _ = try await owner.get("/api/v1/auth/session")
        }
        let later = try await invite(owner, "dora@example.com")
        #expect(later.status == .created, "\(later.body)")
        let last = try #require(later.member("id")).lowercased()
        #expect(fixture.places.confirmed(.users, of: tenant) == [last])
    }

    @Test("a company whose subscription is over invites nobody and makes no workspace, and hears why")
    func denied() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        fixture.places.refuse(with: "access_denied")
        for answer in [try await invite(owner, "bob@example.com"), try await owner.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#)] {
            #expect(answer.status == .forbidden && answer.body.contains("access_denied"), "\(answer.body)")
        }
        fixture.places.refuse(with: "no_entitlement")
        let early = try await owner.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#)
        #expect(early.status == .serviceUnavailable && early.headers[.retryAfter] != nil, "\(early.body)")
        fixture.places.refuse(with: nil)
        #expect(try await owner.api(.post, "/api/v1/workspaces", #"{"name":"Sales"}"#).status == .created)
    }

    @Test("workspaces are as many as the plan allows, also for many at once")
    func workspaces() async throws {
        let fixture = try await AuthFixture.make(workspaces: 3)
        let owner = try await fixture.signedIn()
        let answers = try await withThrowingTaskGroup(of: Browser.Answer.self) { group in
            for number in 0..<8 { group.addTask { try await owner.api(.post, "/api/v1/workspaces", #"{"name":"W\#(number)"}"#) } }
            return try await group.reduce(into: [Browser.Answer]()) { $0.append($1) }
        }
        let made = Set(answers.filter { $0.status == .created }.compactMap { $0.member("id") })
        #expect(made.count == 3)
        #expect(answers.filter { $0.status != .created }.allSatisfy { $0.status == .unprocessableContent && $0.body.contains("limit_reached") })
        #expect(fixture.places.confirmed(.workspaces, of: try await tenant(fixture)) == made)
    }

    @Test("every night Billing hears how many people, open invitations and workspaces each company has")
    func recount() async throws {
        let fixture = try await AuthFixture.make()
        let owner = try await fixture.signedIn()
        let tenant = try await tenant(fixture)
        _ = try await fixture.signedIn("eve@example.com")
        _ = try await invite(owner, "bob@example.com")
        _ = try await accept(fixture, "bob@example.com")
        _ = try await invite(owner, "carl@example.com")
        for name in ["A", "B"] { _ = try await owner.api(.post, "/api/v1/workspaces", #"{"name":"\#(name)"}"#) }
        try await ResourceCounts.users(fixture.house.house).count()
        try await ResourceCounts.workspaces(fixture.house.house).count()
        let told = fixture.places.recounts
        #expect(told.count == 4, "two companies, two resources")
        let own = Dictionary(uniqueKeysWithValues: told.filter { $0.tenant == tenant }.map { ($0.resource.rawValue, $0.used) })
        #expect(own == ["users": 3, "workspaces": 2])
        #expect(told.filter { $0.tenant != tenant }.map(\.used).sorted() == [0, 1])
        #expect(told.allSatisfy { $0.countedAt <= fixture.house.clock.clock.now })
    }

    @Test("what is given back is not confirmed any more, also when its confirmation was lost")
    func givenBack() async throws {
        let places = TestPlaces()
        var billing = RPCRouter(service: .billing)
        places.add(to: &billing)
        let plan = PlanPlaces(
            billing: .local(billing, caller: .auth), logger: Logger(label: "test"), pauses: Array(repeating: .milliseconds(800), count: 3))
        let tenant = TenantID(UUID())
        for key in ["gone", "kept"] { try await plan.reserve(.users, key: key, of: tenant) }
        places.lose(confirmations: true)
        await plan.confirm(.users, key: "gone", of: tenant)
        await plan.release(.users, key: "gone", of: tenant)
        await plan.confirm(.users, key: "kept", of: tenant)
        places.lose(confirmations: false)
        // The other's turn comes first.
        try await eventually("the confirmation is told again") { places.confirmed(.users, of: tenant).contains("kept") }
        #expect(places.confirmed(.users, of: tenant) == ["kept"])
    }

    @Test("all keys of a company together have the plan's requests a minute")
    func rate() async throws {
        let fixture = try await AuthFixture.make(rate: 4)
        let owner = try await fixture.signedIn()
        func secret() async throws -> String {
            let answer = try await owner.api(.post, "/api/v1/api-keys", #"{"name":"CI","scopes":["campaigns:read"],"requests_per_minute":100}"#)
            return try #require(answer.member("secret"), "\(answer.body)")
        }
        let keys = [try await secret(), try await secret()]
        @Sendable func isAnswered(_ key: String) async throws -> Bool {
            let headers: HTTPFields = [
                .init("X-Audience")!: "campaigns", .init("X-Original-Method")!: "GET", .authorization: "Bearer \(key)",
            ]
            return try await fixture.browser().send("/gateway/authenticate", .get, nil, headers).headers[.init("X-Identity-Token")!] != nil
        }
        try await fixture.house.withBackground([fixture.service.planRates]) {
            // The first who asks is not kept waiting for Billing's word.
            #expect(try await isAnswered(keys[0]))
            let tenant: TenantID = try await fixture.house.house.worker.query("select id from public.tenants")[0].decode("id")
            try await eventually("the plan's rate is known") { await fixture.service.planRates.limit(of: tenant) == 4 }
        }
        // As many others as are remembered at once.
        let rates = fixture.service.planRates
        for _ in 0..<9_999 { _ = await rates.limit(of: TenantID(UUID())) }
        fixture.house.clock.advance(by: .seconds(61))
        for number in 0..<4 { #expect(try await isAnswered(keys[number % 2])) }
        #expect(try await !isAnswered(keys[0]))
        #expect(try await !isAnswered(keys[1]))
        // One more makes room among those of long ago.
        let tenant: TenantID = try await fixture.house.house.worker.query("select id from public.tenants")[0].decode("id")
        _ = await rates.limit(of: TenantID(UUID()))
        #expect(await rates.limit(of: tenant) == 4)
    }
}
