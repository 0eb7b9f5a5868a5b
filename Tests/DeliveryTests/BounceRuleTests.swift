import Contracts
import Foundation
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Bounces and complaints")
struct BounceRuleTests {
    private func bounce(_ fixture: DeliveryFixture, _ send: SendID, isHard: Bool) async throws -> SuppressionRules.Verdict? {
        try await fixture.database.transaction { transaction in
            try await fixture.suppressions.noteBounce(
                .init(tenant: fixture.tenant, send: send, isHard: isHard, source: "dsn"), in: transaction)
        }
    }

    @Test("a hard bounce suppresses at once, for the company, and is told once")
    func hard() async throws {
        let fixture = try await DeliveryFixture.make()
        let send = try await fixture.accepted("ada@x.example", try await fixture.mailbox())
        for _ in 0..<2 { #expect(try await bounce(fixture, send, isHard: true) == .suppress(.hardBounce)) }
        #expect(try await fixture.suppressed(["ada@x.example"], in: WorkspaceID(UUID())) == ["ada@x.example"])
        #expect(try await fixture.number("select count(*) as n from suppressions where reason = 'hard_bounce' and source = 'dsn'") == 1)
        #expect(try await fixture.told("delivery.recipients.suppressed").count == 1)
        #expect(try await bounce(fixture, SendID(UUID()), isHard: true) == nil)
    }

    @Test("three soft bounces in a row suppress; the same report again counts once; a mail that stayed away ends the row")
    func soft() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        func sent() async throws -> SendID {
            fixture.house.clock.advance(by: .seconds(60))
            return try await fixture.accepted("ada@x.example", mailbox)
        }
        let first = try await sent()
        #expect(try await bounce(fixture, first, isHard: false) == .keep(inARow: 1))
        #expect(try await bounce(fixture, first, isHard: false) == .keep(inARow: 1))
        #expect(try await bounce(fixture, try await sent(), isHard: false) == .keep(inARow: 2))
        // This one arrived.
        _ = try await sent()
        let fourth = try await sent()
        #expect(try await bounce(fixture, fourth, isHard: false) == .keep(inARow: 1))
        #expect(try await bounce(fixture, try await sent(), isHard: false) == .keep(inARow: 2))
        #expect(try await fixture.suppressed(["ada@x.example"]) == [])
        #expect(try await bounce(fixture, try await sent(), isHard: false) == .suppress(.softBounce))
        #expect(try await fixture.suppressed(["ada@x.example"]) == ["ada@x.example"])
    }

    @Test("reports in any order come to the same")
    func order() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        var sends: [SendID] = []
        for _ in 0..<3 {
            fixture.house.clock.advance(by: .seconds(60))
            sends.append(try await fixture.accepted("ada@x.example", mailbox))
        }
        #expect(try await bounce(fixture, sends[1], isHard: false) == .keep(inARow: 1))
        #expect(try await bounce(fixture, sends[0], isHard: false) == .keep(inARow: 1))
        #expect(try await bounce(fixture, sends[2], isHard: false) == .suppress(.softBounce))
    }

    @Test("one company's bounces say nothing of another's, and a late report about somebody who was erased suppresses the digest")
    func erased() async throws {
        let fixture = try await DeliveryFixture.make()
        let send = try await fixture.accepted("ada@lead.example", try await fixture.mailbox())
        #expect(try await bounce(fixture, send, isHard: false) == .keep(inARow: 1))
        try await fixture.erase("ada@lead.example")
        #expect(try await fixture.house.tables(holding: "ada@lead.example") == [])
        #expect(try await bounce(fixture, send, isHard: true) == .suppress(.hardBounce))
        #expect(try await fixture.suppressed(["ada@lead.example"]) == ["ada@lead.example"])
        #expect(try await fixture.house.tables(holding: "ada@lead.example") == [])
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        #expect(try await other.suppressed(["ada@lead.example"]) == [])
    }

    @Test("a complaint suppresses at once, and a manual entry becomes one that only an admin lifts")
    func complaint() async throws {
        let fixture = try await DeliveryFixture.make()
        let send = try await fixture.accepted("ada@x.example", try await fixture.mailbox())
        #expect(try await fixture.ask(.post, "/api/v1/suppressions", #"{"address":"ada@x.example"}"#).status == 201)
        let known = try await fixture.database.transaction {
            try await fixture.suppressions.noteComplaint(tenant: fixture.tenant, send: send, source: "arf", in: $0)
        }
        #expect(known)
        #expect(try await fixture.number("select count(*) as n from suppressions where reason = 'complaint' and source = 'arf'") == 1)
    }

    @Test("in a row is what came back before the first that did not")
    func rules() {
        #expect(SuppressionRules.inARow([true, true, false, true]) == 2)
        #expect(SuppressionRules.inARow([]) == 0)
        #expect(SuppressionRules.verdict(isHard: false, softInARow: 2) == .keep(inARow: 2))
        #expect(SuppressionRules.verdict(isHard: false, softInARow: 3) == .suppress(.softBounce))
        #expect(SuppressionRules.verdict(isHard: true, softInARow: 0) == .suppress(.hardBounce))
    }
}
