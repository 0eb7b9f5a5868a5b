import Contracts
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Mail of suspended companies")
struct SuspensionTests {
    @Test("a suspended company's mail waits until the company is let on again, and an older word that comes late changes nothing")
    func suspension() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"], prefix: "first"))
        let gates = SendGates(database: fixture.database, wakeup: Wakeup())

        try await suspend(true, version: 5, gates, fixture)
        #expect(try await fixture.claim().isEmpty)
        #expect(try await gate(of: fixture) == Gate(isOpen: false, version: 5, reason: "suspended by the platform"))

        // An older word, and the same again.
        for version: Int64 in [4, 5] {
            try await suspend(false, version: version, gates, fixture)
            #expect(try await !gates.release())
            #expect(try await fixture.claim().isEmpty)
        }
        #expect(try await gate(of: fixture) == Gate(isOpen: false, version: 5, reason: "suspended by the platform"))

        try await suspend(false, version: 6, gates, fixture)
        #expect(try await gates.release())
        #expect(try await fixture.claim().count == 1)

        // The suspension that was lifted arrives once more: what comes next goes out all the same.
        try await suspend(true, version: 5, gates, fixture)
        #expect(try await gate(of: fixture) == Gate(isOpen: true, version: 6, reason: nil))
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["b@x.example"], prefix: "second"))
        #expect(try await fixture.claim().count == 1)
    }

    /// The gate of the fixture's company as it is stored.
    private struct Gate: Equatable {
        var isOpen: Bool
        var version: Int64
        var reason: String?
    }

    private func gate(of fixture: DeliveryFixture) async throws -> Gate? {
        let rows = try await fixture.database.query(
            "select is_open, version, reason from send_gates where tenant_id = \(fixture.tenant) and scope = 'tenant'")
        return try rows.first.map { row in
            Gate(isOpen: try row.decode("is_open"), version: try row.decode("version"), reason: try row.decodeOptional("reason"))
        }
    }

    /// Takes the event in as the consumer of Auth's events does.
    private func suspend(_ isSuspended: Bool, version: Int64, _ gates: SendGates, _ fixture: DeliveryFixture) async throws {
        let event = AuthEvents.TenantSuspensionChanged(tenant: fixture.tenant, isSuspended: isSuspended)
        try await fixture.database.transaction { try await gates.set(event, version: version, in: $0) }
    }
}
