import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Scopes of suppression")
struct SuppressionScopeTests {
    private func suppress(_ fixture: DeliveryFixture, _ subject: String, _ scope: SuppressionStore.Scope, expiresAt: Date? = nil) async throws {
        let now = fixture.house.clock.clock.now
        try await fixture.database.transaction { transaction in
            try await fixture.suppressions.enter(
                [.init(subject: subject, reason: .manual, expiresAt: expiresAt)], scope, .init(source: "test"), of: fixture.tenant, now: now,
                in: transaction)
        }
    }

    private func block(_ fixture: DeliveryFixture, _ scope: String) async throws {
        switch scope {
        case "tenant": try await suppress(fixture, "ada@x.example", .tenant)
        case "workspace": try await suppress(fixture, "ada@x.example", .init(workspace: fixture.workspace))
        case "campaign": try await suppress(fixture, "ada@x.example", .init(workspace: fixture.workspace, campaign: fixture.campaign))
        case "domain": try await suppress(fixture, "@x.example", .tenant)
        default:
            let entry = scope == "platform domain" ? "@x.example" : "ada@x.example"
            let answer = try await fixture.ask(
                .post, "/api/v1/platform/system/suppressions", #"{"entries":[{"address":"\#(entry)","reason":"legal"}]}"#, staff: .ops)
            #expect(answer.status == 201, "\(answer.body)")
        }
    }

    private static let scopes = ["tenant", "workspace", "campaign", "domain", "platform", "platform domain"]

    @Test("every scope holds mail back when it is taken in: no job, no content, the quota back, and the campaign hears of it", arguments: scopes)
    func atEnqueue(scope: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await block(fixture, scope)
        var request = fixture.plan(mailbox, ["Ada@X.example", "bo@y.example"])
        for index in request.sends.indices { request.sends[index].reservation = ReservationID(UUID()) }
        #expect(try await fixture.rpc.call(request) == .init(enqueued: 2, known: 0))
        #expect(try await fixture.states() == ["suppressed": 1, "planned": 1])
        #expect(try await fixture.number("select count(*) as n from jobs where kind = 'email'") == 1)
        #expect(try await fixture.number("select count(*) as n from send_contents") == 1)
        #expect(try await fixture.number("select sum(released)::bigint as n from reservation_settlements") == 1)
        let told = try await fixture.told("delivery.sends.resolved")
        #expect(told.count == 1 && told[0].contains(#""state":"suppressed""#), "\(told)")
        // The same batch again is known, and changes nothing.
        #expect(try await fixture.rpc.call(request) == .init(enqueued: 0, known: 2))
        #expect(try await fixture.number("select sum(released)::bigint as n from reservation_settlements") == 1)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("every scope holds mail back in the claim, also when the entry came after it was queued", arguments: scopes)
    func atClaim(scope: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example", "bo@y.example"]))
        try await block(fixture, scope)
        #expect(try await fixture.takeClaimed().map(\.recipient) == ["bo@y.example"])
        #expect(try await fixture.states() == ["suppressed": 1, "claimed": 1])
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("an entry of another workspace, campaign, company or a parent's domain holds back nothing")
    func others() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        try await suppress(other, "ada@x.example", .tenant)
        try await suppress(fixture, "ada@x.example", .init(workspace: WorkspaceID(UUID())))
        try await suppress(fixture, "ada@x.example", .init(workspace: fixture.workspace, campaign: CampaignID(UUID())))
        try await suppress(fixture, "@example", .tenant)
        try await suppress(fixture, "@sub.x.example", .tenant)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example"]))
        #expect(try await fixture.takeClaimed().count == 1)
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
    }

    @Test("an entry ends at its time: at the enqueue, in the claim, and for whoever asks; a later one of the same address lasts")
    func expiry() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let end = fixture.house.clock.clock.now.addingTimeInterval(3_600)
        try await suppress(fixture, "ada@x.example", .tenant, expiresAt: end)
        #expect(try await fixture.suppressed(["ada@x.example"]) == ["ada@x.example"])
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example"], prefix: "before"))
        #expect(try await fixture.states() == ["suppressed": 1])
        fixture.house.clock.advance(by: .seconds(3_601))
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
        // A new one revives it, and never makes one that lasts longer end sooner.
        try await suppress(fixture, "ada@x.example", .tenant)
        try await suppress(fixture, "ada@x.example", .tenant, expiresAt: fixture.house.clock.clock.now.addingTimeInterval(60))
        #expect(try await fixture.number("select count(*) as n from suppressions where expires_at is null") == 1)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example"], prefix: "after"))
        #expect(try await fixture.states() == ["suppressed": 2])
    }

    @Test("a person's own wish takes the place of a weaker reason, and no weaker one takes its place")
    func strength() async throws {
        let fixture = try await DeliveryFixture.make()
        func enter(_ reason: SuppressionReason) async throws -> Int {
            let now = fixture.house.clock.clock.now
            return try await fixture.database.transaction { transaction in
                try await fixture.suppressions.enter(
                    [.init(subject: "ada@x.example", reason: reason)], .tenant, .init(source: reason.rawValue), of: fixture.tenant, now: now,
                    in: transaction
                ).count
            }
        }
        #expect(try await enter(.manual) == 1)
        #expect(try await enter(.complaint) == 1)
        #expect(try await enter(.manual) == 0)
        let row = try await fixture.database.query("select reason, source from suppressions")[0]
        #expect(try [row.decode("reason", as: String.self), row.decode("source")] == ["complaint", "complaint"])
    }

    @Test("what has ended is swept when it has been shown for a month; what lasts stays")
    func sweep() async throws {
        let fixture = try await DeliveryFixture.make()
        let soon = fixture.house.clock.clock.now.addingTimeInterval(60)
        try await suppress(fixture, "a@x.example", .tenant, expiresAt: soon)
        try await suppress(fixture, "b@x.example", .tenant)
        let sweep = SuppressionSweep(database: fixture.database, clock: fixture.house.clock.clock)
        fixture.house.clock.advance(by: .seconds(86_400))
        try await sweep.run()
        #expect(try await fixture.number("select count(*) as n from suppressions") == 2)
        fixture.house.clock.advance(by: .seconds(31 * 86_400))
        try await sweep.run()
        #expect(try await fixture.number("select count(*) as n from suppressions") == 1)
    }

    @Test("once an entry is committed, no claim commits that had not seen it", arguments: 0..<8)
    func race(round: Int) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let recipients = (0..<200).map { "l\($0)@x.example" }
        _ = try await fixture.rpc.call(fixture.plan(mailbox, recipients))
        // What was claimed at the moment in which the entries were committed is all that ever will be.
        let atCommit = try await withThrowingTaskGroup(of: Int?.self) { group in
            group.addTask {
                let lease = DispatcherLease(database: fixture.database, holder: "race", length: .seconds(60))
                let fence = try #require(try await lease.take())
                let claims = fixture.claims(perMailbox: 1_000)
                // As the dispatcher does, a few at a time, until each is claimed or taken out.
                for _ in 0..<500 {
                    _ = try await claims.claim(
                        .mail, room: 5, share: FairShare(), fence: fence, holder: "race", lease: 30, now: fixture.house.clock.clock.now)
                    if try await fixture.number("select count(*) as n from sends where state = 'planned'") == 0 { break }
                }
                return nil
            }
            group.addTask {
                // Lets some go first; how many differs from round to round.
                try await eventually("some are claimed") {
                    try await fixture.number("select count(*) as n from sends where state = 'claimed'") >= round * 10
                }
                _ = try await fixture.rpc.call(
                    DeliveryRPC.SuppressRecipients(
                        tenant: fixture.tenant, addresses: recipients, reason: "unsubscribed", source: "race"))
                return try await fixture.number("select count(*) as n from sends where state = 'claimed'")
            }
            var result: Int?
            for try await count in group { result = count ?? result }
            return result
        }
        let states = try await fixture.states()
        #expect(states["claimed"] ?? 0 == atCommit ?? -1, "\(states), \(atCommit ?? -1) at the commit")
        #expect((states["claimed"] ?? 0) + (states["suppressed"] ?? 0) == 200)
    }
}
