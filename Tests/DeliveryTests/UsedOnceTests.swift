import Contracts
import Foundation
import Postgres
import RPC
import ServiceRuntime
import TestSupport
import Testing

@testable import Delivery

@Suite("A mail uses its company's quota once")
struct UsedOnceTests {
    private let reservation = ReservationID(UUID())

    /// One reserved mail whose body was sent.
    private func marked(_ fixture: DeliveryFixture) async throws -> Delivery {
        let mailbox = try await fixture.mailbox()
        var plan = fixture.plan(mailbox, ["a@x.example"])
        for index in plan.sends.indices { plan.sends[index].reservation = reservation }
        _ = try await fixture.rpc.call(plan)
        return try await takeAndMark(fixture)
    }

    private func takeAndMark(_ fixture: DeliveryFixture) async throws -> Delivery {
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let delivery = try #require(taken.first?.delivery)
        #expect(try await DataSentMarks(database: fixture.database).mark(delivery))
        return delivery
    }

    private func report(_ fixture: DeliveryFixture) async throws -> DeliveryRPC.ReservationReport? {
        try await fixture.rpc.call(DeliveryRPC.ReadReservations(tenant: fixture.tenant, reservations: [reservation])).first
    }

    @Test("a late reply to what the sweeper held does not use it again")
    func lateReply() async throws {
        let fixture = try await DeliveryFixture.make()
        let delivery = try await marked(fixture)
        try await fixture.endLeases()
        #expect(try await fixture.sweep() == 1)
        #expect(try await report(fixture) == .init(reservation: reservation, used: 1, released: 0, open: 0))
        try await fixture.write(delivery, .accepted(code: 250, text: "late"))
        #expect(try await fixture.states() == ["accepted": 1])
        #expect(try await report(fixture) == .init(reservation: reservation, used: 1, released: 0, open: 0))
    }

    @Test("what is sent once more does not, whatever becomes of it", arguments: ["accepted", "refused", "ambiguous", "swept", "cancelled"])
    func resent(fate: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let first = try await marked(fixture)
        try await fixture.write(first, .ambiguous(text: "the line broke"))
        #expect(try await fixture.send(.post, "/api/v1/sends/\(first.send)/settle", #"{"as":"resend"}"#).status == 204)
        let used = DeliveryRPC.ReservationReport(reservation: reservation, used: 1, released: 0, open: 0)
        #expect(try await report(fixture) == used)
        if fate == "cancelled" {
            _ = try await fixture.rpc.call(DeliveryRPC.WithdrawSends(tenant: fixture.tenant, sendKeys: [first.sendKey], mode: .cancel))
            #expect(try await fixture.states() == ["cancelled": 1])
        } else {
            let second = try await takeAndMark(fixture)
            switch fate {
            case "accepted": try await fixture.write(second, .accepted(code: 250, text: "ok"))
            case "refused": try await fixture.write(second, .refused(code: 550, text: "no"))
            case "ambiguous": try await fixture.write(second, .ambiguous(text: "again"))
            default:
                try await fixture.endLeases()
                #expect(try await fixture.sweep() == 1)
            }
        }
        #expect(try await report(fixture) == used)
    }
}
