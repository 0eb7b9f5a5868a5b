import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

private let ada = "ada@lead.example"
private let bo = "bo@lead.example"

@Suite("What is left of a person in Delivery")
struct ErasureTests {
    @Test("after mails of every fate nothing holds the address, others' mail stays as it was, and the counters are true")
    func nothingLeft() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada, ada, ada, ada]))
        let taken = try await fixture.takeClaimed()
        try #require(taken.count == 4)
        for delivery in [taken[0], taken[2]] { #expect(try await DataSentMarks(database: fixture.database).mark(delivery)) }
        try await fixture.write(taken[0], .accepted(code: 250, text: "queued for <\(ada)>"))
        try await fixture.write(taken[1], .refused(code: 554, text: "5.7.1 mail to <Ada@Lead.Example> is refused by policy"))
        try await fixture.write(taken[2], .ambiguous(text: "the line to \(ada) broke"))
        try await fixture.write(taken[3], .deferred(code: 450, text: "\(ada) is busy"))
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: ["Ada@Lead.Example", bo]))
        try await fixture.database.query("update job_logs set transcript = 'C: RCPT TO:<ada@lead.example>' where tenant_id = \(fixture.tenant)")
        try await fixture.suppress(ada, workspace: fixture.workspace)
        let before = try await fixture.house.tables(holding: ada)
        for table in ["sends", "send_contents", "jobs", "job_logs", "suppressions"] { #expect(before.contains(table), "\(before)") }
        let told = try await fixture.number("select count(*) as n from outbox where body like '%cancelled%'")

        #expect(try await fixture.erase("Ada@Lead.Example") == 1)

        #expect(try await fixture.house.tables(holding: ada) == [])
        #expect(try await fixture.house.tables(holding: bo).contains("send_contents"))
        #expect(try await fixture.states() == ["accepted": 1, "refused": 1, "ambiguous": 1, "cancelled": 2, "planned": 1])
        #expect(try await fixture.number("select count(*) as n from outbox where body like '%cancelled%'") == told + 1)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real && counts.real == [1, 0, 2])
        // What a server says late of what was erased is not written down.
        try await fixture.write(taken[2], .refused(code: 550, text: "no \(ada) here"))
        #expect(try await fixture.house.tables(holding: ada) == [])
    }

    @Test("mail under way is waited for, and then goes too")
    func underWay() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        let taken = try await fixture.takeClaimed()
        for _ in 0..<2 { #expect(try await !fixture.eraseOnce(ada)) }
        #expect(try await fixture.states() == ["claimed": 1])
        #expect(try await fixture.number("select count(*) as n from send_contents") == 1)
        try await fixture.write(try #require(taken.first), .accepted(code: 250, text: "ok"))
        #expect(try await fixture.eraseOnce(ada))
        #expect(try await fixture.states() == ["accepted": 1])
        #expect(try await fixture.house.tables(holding: ada) == [])
    }

    @Test("what waits is cancelled, its quota is given back once, and asking again changes nothing")
    func cancels() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada, ada, bo, ada], reservation: ReservationID(UUID())))
        // A gate holds one of them aside; it is cancelled like the others.
        _ = try await fixture.rpc.call(fixture.gate(open: false, version: 1))
        #expect(try await fixture.claim(limit: 1).isEmpty)
        #expect(try await fixture.number("select count(*) as n from jobs where state = 'gated'") > 0)
        try await fixture.erase(ada, isOptedOut: true)
        #expect(try await fixture.states() == ["cancelled": 3, "planned": 1])
        let sum: SQL = "select (select sum(version) from sends)::bigint + (select sum(released) from reservation_settlements)::bigint as n"
        let once = try await fixture.number(sum)
        for _ in 0..<3 { #expect(try await fixture.eraseOnce(ada, isOptedOut: true)) }
        #expect(try await fixture.number(sum) == once)
        #expect(try await fixture.number("select sum(released)::bigint as n from reservation_settlements") == 3)
        #expect(try await fixture.number("select count(*) as n from suppressions") == 1)
        #expect(try await fixture.number("select count(*) as n from jobs where state = 'cancelled'") == 3)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("a mail that has lost its job does not keep the erasure from its end")
    func lostJob() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        try await fixture.database.query("delete from jobs where tenant_id = \(fixture.tenant)")
        try await fixture.erase(ada)
        #expect(try await fixture.states() == ["cancelled": 1])
        #expect(try await fixture.house.tables(holding: ada) == [])
    }

    @Test("a person with more mails than a call takes is erased in several")
    func many() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        for _ in 0..<3 { _ = try await fixture.rpc.call(fixture.mails(mailbox, to: Array(repeating: ada, count: 350))) }
        #expect(try await fixture.erase(ada) == 2)
        #expect(try await fixture.states() == ["cancelled": 1_050])
        #expect(try await fixture.house.tables(holding: ada) == [])
    }

    @Test("what is no address is refused", arguments: ["", "ada", "@\(String(repeating: "a", count: 320))"])
    func refusals(address: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let error = await #expect(throws: RPCError.self) { try await fixture.eraseOnce(address) }
        #expect(error?.kind == "invalid_address")
    }

    @Test("another company that writes to the same person is not touched")
    func otherCompany() async throws {
        let fixture = try await DeliveryFixture.make()
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        for company in [fixture, other] {
            _ = try await company.rpc.call(company.mails(try await company.mailbox(), to: [ada]))
            try await company.suppress(ada, workspace: nil)
        }
        try await fixture.erase(ada)
        #expect(try await fixture.number("select count(*) as n from sends where tenant_id = \(other.tenant) and recipient = \(ada)") == 1)
        #expect(try await fixture.number("select count(*) as n from send_contents where tenant_id = \(other.tenant)") == 1)
        for company in [fixture, other] { #expect(try await company.suppressed([ada]) == [ada]) }
    }
}
