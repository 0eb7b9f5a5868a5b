import Contracts
import Foundation
import HTTPTypes
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

private let ada = "ada@lead.example"
private let bo = "bo@lead.example"

@Suite("Opt-outs of erased people")
struct ErasedOptOutTests {
    @Test("an erased opt-out is found by its address in any case, and mail to it is taken out when it is claimed")
    func refused() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.erase(ada, isOptedOut: true)
        #expect(try await fixture.house.tables(holding: ada) == [])
        #expect(try await fixture.suppressed(["Ada@Lead.Example", bo]) == [ada])
        // A later import, whose campaign did not ask.
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: ["ADA@lead.example", bo], reservation: ReservationID(UUID())))
        let taken = try await fixture.takeClaimed()
        #expect(taken.map(\.recipient) == [bo])
        #expect(try await fixture.states() == ["suppressed": 1, "claimed": 1])
        #expect(try await fixture.number("select sum(released)::bigint as n from reservation_settlements") == 1)
        #expect(try await fixture.number("select count(*) as n from send_contents") == 1)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("what forbade writing before forbids it as far as before, whether or not the caller knew", arguments: [true, false])
    func scopes(isWholeCompany: Bool) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.suppress(ada, workspace: isWholeCompany ? nil : fixture.workspace)
        try await fixture.erase(ada)
        let elsewhere = WorkspaceID(UUID())
        #expect(try await fixture.suppressed([ada]) == [ada])
        #expect(try await fixture.suppressed([ada], in: elsewhere) == (isWholeCompany ? [ada] : []))
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada], workspace: elsewhere))
        #expect(try await fixture.takeClaimed().count == (isWholeCompany ? 0 : 1))
        #expect(try await fixture.number("select count(*) as n from suppressions where address is null and reason = 'bounced'") == 1)
    }

    @Test("who asked for nothing may be written to when somebody imports the address again")
    func notOptedOut() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.erase(ada)
        #expect(try await fixture.suppressed([ada]) == [])
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        #expect(try await fixture.takeClaimed().map(\.recipient) == [ada])
    }

    @Test("opted out, erased, imported, opted out and erased again, it is one opt-out")
    func again() async throws {
        let fixture = try await DeliveryFixture.make()
        for _ in 0..<2 {
            try await fixture.suppress(ada, workspace: nil)
            try await fixture.erase(ada, isOptedOut: true)
        }
        #expect(try await fixture.number("select count(*) as n from suppressions") == 1)
        #expect(try await fixture.suppressed([ada]) == [ada])
    }

    @Test("a new root key loses nobody, and makes nobody another person")
    func rotation() async throws {
        let fixture = try await DeliveryFixture.make()
        let root = randomBytes(32)
        let old = AddressDigests(keyring: try Keyring(current: "k1", keys: ["k1": root]))
        let new = AddressDigests(keyring: try Keyring(current: "k2", keys: ["k1": root, "k2": randomBytes(32)]))
        for digests in [old, new] {
            let eraser = RecipientEraser(
                database: fixture.database, digests: digests, counters: QueueCounters(instance: "test", .other), outbox: fixture.house.house.outbox,
                clock: fixture.house.clock.clock)
            #expect(try await eraser.erase(.init(tenant: fixture.tenant, address: ada, isOptedOut: true)))
            #expect(try await fixture.number("select count(*) as n from suppressions") == 1)
            let found = try await ErasedOptOuts(digests: new).find(
                [ada, bo], tenant: fixture.tenant, workspace: fixture.workspace, in: fixture.database)
            #expect(found == [ada])
        }
        let kept = try await fixture.database.query("select address_digest from suppressions")[0].decode("address_digest", as: Data.self)
        // Nobody finds the address by hashing what they guess: the digest is the company's own.
        let other = try await fixture.database.transaction { try await new.makeDigester(of: TenantID(UUID()), at: Date(), in: $0) }
        #expect(kept != other.digest(ada))
    }

    @Test("the link in an old mail still takes an erased person off every list, and nothing holds the address for it")
    func oldLink() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        let delivery = try #require(try await fixture.takeClaimed().first)
        try await fixture.write(delivery, .accepted(code: 250, text: "ok"))
        try await fixture.erase(ada)
        #expect(try await fixture.suppressed([ada]) == [])
        for _ in 0..<2 {
            let isKnown = try await fixture.suppressions.unsubscribe(
                tenant: fixture.tenant, send: delivery.send, counting: FeedbackCounts(holds: ComplaintHolds(outbox: fixture.house.house.outbox)))
            #expect(isKnown)
        }
        #expect(try await fixture.suppressed([ada, bo]) == [ada])
        #expect(try await fixture.number("select count(*) as n from suppressions") == 1)
        #expect(try await fixture.house.tables(holding: ada) == [])
    }

    @Test("a mail of unknown fate to an erased person is never sent again; its owner can still settle it")
    func unknownFate() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.mails(mailbox, to: [ada]))
        let delivery = try #require(try await fixture.takeClaimed().first)
        #expect(try await DataSentMarks(database: fixture.database).mark(delivery))
        try await fixture.write(delivery, .ambiguous(text: "the line broke"))
        try await fixture.erase(ada)
        let outbox = fixture.house.house.outbox
        let ambiguous = AmbiguousSends(
            api: fixture.house.house.api, worker: fixture.database, counters: QueueCounters(instance: "test", .other),
            events: SendEvents(outbox: outbox), outbox: outbox, wakeup: Wakeup(), clock: fixture.house.clock.clock)
        #expect(try await fixture.send(.put, "/api/v1/sends/settings", #"{"ambiguous":"resend"}"#).status == 200)
        #expect(try await ambiguous.resendByPolicy() == 0)
        let path = "/api/v1/sends/\(delivery.send)/settle"
        let refused = try await fixture.send(.post, path, #"{"as":"resend"}"#)
        #expect(refused.status == 409 && refused.body.contains("recipient_erased"), "\(refused.body)")
        #expect(try await fixture.states() == ["ambiguous": 1])
        #expect(try await fixture.send(.post, path, #"{"as":"not_sent"}"#).status == 204)
        #expect(try await fixture.states() == ["refused": 1])
    }

    @Test("with a workspace its erased opt-outs become the company's; with the company everything goes, the secret too")
    func purge() async throws {
        let fixture = try await DeliveryFixture.make()
        try await fixture.suppress(ada, workspace: fixture.workspace)
        try await fixture.erase(ada)
        for workspace: WorkspaceID? in [fixture.workspace, nil] {
            var isDone = false
            for _ in 0..<20 where !isDone {
                isDone = try await fixture.rpc.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: workspace)).isDone
            }
            #expect(isDone)
            guard workspace != nil else { continue }
            #expect(try await fixture.suppressed([ada], in: WorkspaceID(UUID())) == [ada])
        }
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
    }
}
