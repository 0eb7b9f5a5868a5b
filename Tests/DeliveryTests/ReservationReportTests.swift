import Contracts
import Foundation
import Postgres
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Delivery

@Suite("What became of reserved mails")
struct ReservationReportTests {
    private static let reservation = ReservationID(UUID())

    private func read(
        _ fixture: DeliveryFixture, _ reservations: [ReservationID], tenant: TenantID? = nil
    ) async throws -> [ReservationID: DeliveryRPC.ReservationReport] {
        let reports = try await fixture.rpc.call(
            DeliveryRPC.ReadReservations(tenant: tenant ?? fixture.tenant, reservations: reservations))
        return Dictionary(uniqueKeysWithValues: reports.map { ($0.reservation, $0) })
    }

    private func enqueue(
        _ fixture: DeliveryFixture, _ mailbox: MailboxID, _ names: [String], _ reservation: ReservationID? = ReservationReportTests.reservation
    ) async throws {
        var plan = fixture.plan(mailbox, names.map { "\($0)@x.example" }, prefix: "k")
        for index in plan.sends.indices { plan.sends[index].reservation = reservation }
        _ = try await fixture.rpc.call(plan)
    }

    @Test("every mail is used, released or may still go out, whatever state it is in")
    func states() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await enqueue(fixture, mailbox, ["accepted", "refused", "ambiguous", "deferred", "claimed", "marked", "back"])
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        #expect(taken.count == 7)
        for loaded in taken {
            let delivery = loaded.delivery
            switch delivery.recipient {
            case "accepted@x.example": try await fixture.write(delivery, .accepted(code: 250, text: "ok"))
            case "refused@x.example": try await fixture.write(delivery, .refused(code: 550, text: "no"))
            case "ambiguous@x.example":
                #expect(try await DataSentMarks(database: fixture.database).mark(delivery))
                try await fixture.write(delivery, .ambiguous(text: "the line broke"))
            case "deferred@x.example": try await fixture.write(delivery, .deferred(code: 450, text: "later"))
            case "marked@x.example": #expect(try await DataSentMarks(database: fixture.database).mark(delivery))
            case "back@x.example": try await fixture.write(delivery, .handedBack)
            default: break
            }
        }
        try await enqueue(fixture, mailbox, ["planned", "withdrawn"])
        // Neither another reservation's nor nobody's.
        try await enqueue(fixture, mailbox, ["other"], ReservationID(UUID()))
        try await enqueue(fixture, mailbox, ["test"], nil)
        _ = try await fixture.rpc.call(
            DeliveryRPC.WithdrawSends(tenant: fixture.tenant, sendKeys: ["k:withdrawn@x.example:1"], mode: .cancel))
        let report = try #require(try await read(fixture, [Self.reservation])[Self.reservation])
        #expect(report == .init(reservation: Self.reservation, used: 3, released: 1, open: 5))
    }

    @Test("each that is asked for is answered once; of one that nobody knows, or that is another company's, there is nothing")
    func unknown() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await enqueue(fixture, mailbox, ["a", "b"])
        let stranger = ReservationID(UUID())
        let reports = try await read(fixture, [Self.reservation, stranger, Self.reservation])
        #expect(reports.count == 2 && reports[Self.reservation]?.open == 2)
        #expect(reports[stranger] == .init(reservation: stranger, used: 0, released: 0, open: 0))
        let foreign = try await read(fixture, [Self.reservation], tenant: TenantID(UUID()))
        #expect(foreign[Self.reservation]?.open == 0)
    }

    @Test("a question is about one to 200 reservations", arguments: [0, 201])
    func limits(count: Int) async throws {
        let fixture = try await DeliveryFixture.make()
        let error = await #expect(throws: RPCError.self) {
            _ = try await read(fixture, (0..<count).map { _ in ReservationID(UUID()) })
        }
        #expect(error?.kind == "invalid_batch")
        #expect(try await read(fixture, (0..<200).map { _ in ReservationID(UUID()) }).count == 200)
    }

    @Test("open mails are found by their index, however much was ever sent", arguments: ["force_custom_plan", "force_generic_plan"])
    func plan(mode: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let tenant = fixture.tenant
        try await fixture.database.query(
            """
            insert into sends (tenant_id, id, send_key, state, workspace_id, mailbox_id, recipient, reservation_id, created_at)
            select \(tenant), gen_random_uuid(), 'k' || n, case when n % 50 = 0 then 'planned' else 'accepted' end, \(fixture.workspace),
                \(MailboxID(UUID())), 'a@x.example', md5((n % 400)::text)::uuid, now()
            from generate_series(1, 20000) n
            """)
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        try await owner.query("analyze sends")
        let statement = ReservationReports.statement([Self.reservation], of: tenant)
        let plan = try await fixture.house.house.api.transaction(as: tenant) { transaction -> String in
            try await transaction.query("select set_config('plan_cache_mode', \(mode), true)")
            return try await transaction.query("explain \(statement)").map { try $0.decode("QUERY PLAN", as: String.self) }.joined(separator: "\n")
        }
        #expect(plan.contains("tenant_id_reservation_id_idx") && !plan.contains("Seq Scan on sends"), "\(plan)")
    }
}
