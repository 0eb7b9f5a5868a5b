import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail that is taken back")
struct WithdrawalTests {
    private static let reservation = ReservationID(UUID())

    private func withdraw(
        _ fixture: DeliveryFixture, _ keys: [String], _ mode: DeliveryRPC.WithdrawSends.Mode, tenant: TenantID? = nil
    ) async throws -> DeliveryRPC.Withdrawal {
        try await fixture.rpc.call(DeliveryRPC.WithdrawSends(tenant: tenant ?? fixture.tenant, sendKeys: keys, mode: mode))
    }

    private func plan(_ fixture: DeliveryFixture, _ mailbox: MailboxID, _ recipients: [String]) -> DeliveryRPC.EnqueueSends {
        var plan = fixture.plan(mailbox, recipients, prefix: "k")
        for index in plan.sends.indices { plan.sends[index].reservation = Self.reservation }
        return plan
    }

    private func released(_ fixture: DeliveryFixture) async throws -> Int {
        try await fixture.database.query("select released from reservation_settlements").first?.decode("released") ?? 0
    }

    private func checkCounts(_ fixture: DeliveryFixture) async throws {
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("a recall forgets what no server has heard of, so that its key may be used again; what is claimed or was tried stays")
    func recall() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let store = DeliveryStore(database: fixture.database, lease: 30)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["tried@x.example", "held@x.example", "claimed@x.example"]))
        let taken = try await store.take(fixture.entries(try await fixture.claim()))
        func delivery(_ recipient: String) throws -> Delivery { try #require(taken.first { $0.delivery.recipient == recipient }).delivery }
        try await fixture.write(try delivery("tried@x.example"), .unreachable(text: "no route"))
        // It may have arrived, and waits once more by its owner's word: to forget it could send it twice.
        #expect(try await DataSentMarks(database: fixture.database).mark(try delivery("held@x.example")))
        try await fixture.write(try delivery("held@x.example"), .ambiguous(text: "the line broke"))
        let held = try delivery("held@x.example").send
        #expect(try await fixture.send(.post, "/api/v1/sends/\(held)/settle", #"{"as":"resend"}"#).status == 204)
        // Back untouched, which is no try.
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["back@x.example"]))
        let again = try await store.take(fixture.entries(try await fixture.claim()))
        let back = try #require(again.first { $0.delivery.recipient == "back@x.example" }).delivery
        for loaded in again { try await fixture.write(loaded.delivery, .handedBack) }
        #expect(back.attempt == 1)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["new@x.example"]))

        let keys = ["new", "nobody", "tried", "held", "claimed", "back"].map { "k:\($0)@x.example:1" }
        let answer = try await withdraw(fixture, keys + keys, .recall)
        #expect(answer.withdrawn == ["k:new@x.example:1", "k:back@x.example:1"])
        #expect(answer.unknown == ["k:nobody@x.example:1"])
        #expect(answer.tooLate == ["k:tried@x.example:1", "k:held@x.example:1", "k:claimed@x.example:1"])
        #expect(try await released(fixture) == 2)
        try await checkCounts(fixture)
        let rows = try await fixture.house.rows(of: fixture.tenant)
        #expect(rows["sends"] == 3 && rows["jobs"] == 3 && rows["send_contents"] == 3)
        // Nobody hears of what never was.
        #expect(try await fixture.database.query("select 1 as one from outbox where body like '%cancelled%'").isEmpty)
        #expect(try await withdraw(fixture, ["k:new@x.example:1"], .recall).unknown == ["k:new@x.example:1"])
        #expect(try await fixture.rpc.call(plan(fixture, mailbox, ["new@x.example"])) == .init(enqueued: 1, known: 0))
    }

    @Test("a cancellation ends planned, deferred and gated mail for good, tells others once, and gives the quota back")
    func cancel() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let store = DeliveryStore(database: fixture.database, lease: 30)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["deferred@x.example", "claimed@x.example", "sent@x.example"]))
        let taken = try await store.take(fixture.entries(try await fixture.claim()))
        for loaded in taken {
            if loaded.delivery.recipient == "deferred@x.example" { try await fixture.write(loaded.delivery, .deferred(code: 450, text: "later")) }
            if loaded.delivery.recipient == "sent@x.example" { try await fixture.write(loaded.delivery, .accepted(code: 250, text: "ok")) }
        }
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["gated@x.example"]))
        _ = try await fixture.rpc.call(fixture.gate(open: false, version: 1))
        #expect(try await fixture.claim().isEmpty)
        #expect(try await fixture.database.query("select 1 as one from jobs where state = 'gated'").count == 1)
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["planned@x.example"]))

        let keys = ["planned", "gated", "deferred", "claimed", "sent", "nobody"].map { "k:\($0)@x.example:1" }
        for _ in 0..<2 {
            let answer = try await withdraw(fixture, keys, .cancel)
            #expect(answer.withdrawn == Array(keys[..<3]) && answer.tooLate == Array(keys[3..<5]) && answer.unknown == [keys[5]])
        }
        #expect(try await fixture.states() == ["cancelled": 3, "claimed": 1, "accepted": 1])
        #expect(try await released(fixture) == 3)
        try await checkCounts(fixture)
        #expect(try await fixture.database.query("select 1 as one from outbox where body like '%cancelled%'").count == 1)
        #expect(try await fixture.house.rows(of: fixture.tenant)["send_contents"] == 1)
        // Its key is used for ever, also for a recall.
        #expect(try await fixture.rpc.call(plan(fixture, mailbox, ["planned@x.example"])) == .init(enqueued: 0, known: 1))
        #expect(try await withdraw(fixture, [keys[0]], .recall).tooLate == [keys[0]])
        _ = try await fixture.rpc.call(fixture.gate(open: true, version: 2))
        #expect(try await fixture.claim().isEmpty)
    }

    @Test("against a dispatcher that claims at the same time, each mail is either taken back or claimed", arguments: ["recall", "cancel"])
    func race(mode: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let request = plan(fixture, mailbox, (0..<300).map { "l\($0)@x.example" })
        _ = try await fixture.rpc.call(request)
        let keys = request.sends.map(\.sendKey)
        var claims = try await fixture.claim(limit: 15)
        async let answers = takeBack(fixture, keys, .init(rawValue: mode))
        for _ in 0..<6 { claims += try await fixture.claim(limit: 12) }
        let withdrawn = try await answers
        let rows = try await fixture.database.query("select send_key from sends where id = any(\(claims.map(\.job)))")
        let claimed = Set(try rows.map { try $0.decode("send_key", as: String.self) })
        #expect(claimed.count == claims.count && claimed.count >= 15)
        #expect(claimed.isDisjoint(with: withdrawn) && claimed.union(withdrawn) == Set(keys))
        #expect(try await released(fixture) == withdrawn.count)
        try await checkCounts(fixture)
    }

    private func takeBack(_ fixture: DeliveryFixture, _ keys: [String], _ mode: DeliveryRPC.WithdrawSends.Mode) async throws -> Set<String> {
        var withdrawn: Set<String> = []
        for start in stride(from: 0, to: keys.count, by: 25) {
            withdrawn.formUnion(try await withdraw(fixture, Array(keys[start..<min(start + 25, keys.count)]).reversed(), mode).withdrawn)
        }
        return withdrawn
    }

    @Test("another company's mail is unknown, and a withdrawal has one to 500 keys and a mode that is known")
    func limits() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(plan(fixture, mailbox, ["a@x.example"]))
        let foreign = try await withdraw(fixture, ["k:a@x.example:1"], .cancel, tenant: TenantID(UUID()))
        #expect(foreign == .init(withdrawn: [], unknown: ["k:a@x.example:1"], tooLate: []))
        #expect(try await fixture.states() == ["planned": 1])
        for (keys, mode) in [([], "cancel"), ((0..<501).map { "k\($0)" }, "cancel"), (["k:a@x.example:1"], "undo")] as [([String], String)] {
            let error = await #expect(throws: RPCError.self) { _ = try await withdraw(fixture, keys, .init(rawValue: mode)) }
            #expect(error?.kind == "invalid_batch")
        }
    }
}
