import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail of companies without access")
struct AccessGateTests {
    @Test("read-only holds what is queued, full lets it out, and an older word that comes late changes nothing")
    func holdAndRelease() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"], prefix: "first"))
        let gates = SendGates(database: fixture.database, wakeup: Wakeup())

        try await tell(.readOnly, version: 5, gates, fixture)
        #expect(try await fixture.claim().isEmpty)
        for version: Int64 in [4, 5] {
            try await tell(.full, version: version, gates, fixture)
            #expect(try await !gates.release())
            #expect(try await fixture.claim().isEmpty)
        }
        #expect(try await fixture.states() == ["planned": 1])

        try await tell(.full, version: 6, gates, fixture)
        #expect(try await gates.release())
        #expect(try await fixture.claim().count == 1)

        // What was over long ago arrives once more.
        try await tell(.readOnly, version: 5, gates, fixture)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["b@x.example"], prefix: "second"))
        #expect(try await fixture.claim().count == 1)
    }

    @Test(
        "mail goes out with full access and in the days of grace only",
        arguments: [
            (BillingRPC.Access.full, true), (.grace, true), (.readOnly, false), (.cancelled, false), ("a_word_of_2030", false),
        ])
    func accesses(access: BillingRPC.Access, isOpen: Bool) async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        try await tell(access, version: 2, SendGates(database: fixture.database, wakeup: Wakeup()), fixture)
        #expect(try await fixture.claim().count == (isOpen ? 1 : 0))
    }

    @Test("the platform's suspension and the access are two gates: each holds whatever the other says")
    func independent() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        let gates = SendGates(database: fixture.database, wakeup: Wakeup())
        func suspend(_ isSuspended: Bool, version: Int64) async throws {
            let event = AuthEvents.TenantSuspensionChanged(tenant: fixture.tenant, isSuspended: isSuspended)
            try await fixture.database.transaction { try await gates.set(event, version: version, in: $0) }
        }
        try await suspend(true, version: 9)
        try await tell(.readOnly, version: 2, gates, fixture)
        #expect(try await fixture.claim().isEmpty)

        try await tell(.full, version: 3, gates, fixture)
        while try await gates.release() {}
        #expect(try await fixture.claim().isEmpty)

        try await suspend(false, version: 10)
        while try await gates.release() {}
        #expect(try await fixture.claim().count == 1)
    }

    @Test("nobody sets it by a call")
    func notByCall() async throws {
        let fixture = try await DeliveryFixture.make()
        let request = DeliveryRPC.SetSendGate(
            tenant: fixture.tenant, scope: "access", id: fixture.tenant.description, isOpen: true, reason: nil, version: 1)
        let error = await #expect(throws: RPCError.self) { try await fixture.rpc.call(request) }
        #expect(error?.kind == "invalid_scope")
    }

    @Test("Billing's word arrives through the stream")
    func stream() async throws {
        let fixture = try await DeliveryFixture.make()
        let house = fixture.house
        let event = try PendingEvent(
            BillingEvents.AccessChanged(access: .readOnly), at: house.clock.clock.now, tenant: fixture.tenant,
            aggregate: Aggregate(kind: "access", id: fixture.tenant.description, version: 2), actor: .system("billing"))
        try await house.withBackground(fixture.service.background) {
            let redis = try await RedisConnection.connect(house.redis.configuration)
            try await redis.command(
                ["XADD", "events:billing", "*", "id", event.header.id.description, "type", event.header.type, "body", event.body])
            try await eventually("the gate is closed") {
                try await fixture.database.query(
                    "select 1 as one from send_gates where tenant_id = \(fixture.tenant) and scope = 'access' and not is_open"
                ).count == 1
            }
            await redis.close()
        }
    }

    /// Takes the event in as the consumer of Billing's events does.
    private func tell(_ access: BillingRPC.Access, version: Int64, _ gates: SendGates, _ fixture: DeliveryFixture) async throws {
        let event = BillingEvents.AccessChanged(access: access)
        try await fixture.database.transaction { try await gates.set(event, of: fixture.tenant, version: version, in: $0) }
    }
}
