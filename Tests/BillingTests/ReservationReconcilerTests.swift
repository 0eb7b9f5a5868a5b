import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Synchronization
import TestSupport
import Testing

@testable import Billing

@Suite("What is left of mail reservations")
struct ReservationReconcilerTests {
    private typealias Outcome = ReservationReconciler.Outcome

    /// Delivery, as far as it is asked here: says what it was told to, of each reservation that it is asked for.
    private final class Deliverer: Sendable {
        private struct State {
            var reports: [ReservationID: DeliveryRPC.ReservationReport] = [:]
            var silent: Set<ReservationID> = []
            var isAway = false
            var questions: [DeliveryRPC.ReadReservations] = []
        }

        private let state = Mutex(State())

        var questions: [DeliveryRPC.ReadReservations] { state.withLock { $0.questions } }

        func say(_ used: Int64, _ released: Int64, _ open: Int64, of reservation: ReservationID) {
            state.withLock { $0.reports[reservation] = .init(reservation: reservation, used: used, released: released, open: open) }
        }

        func beSilent(of reservation: ReservationID) {
            state.withLock { _ = $0.silent.insert(reservation) }
        }

        func goAway(_ isAway: Bool) {
            state.withLock { $0.isAway = isAway }
        }

        var router: RPCRouter {
            var router = RPCRouter(service: .delivery)
            router.on(DeliveryRPC.ReadReservations.self) { request, _ in try self.answer(request) }
            return router
        }

        private func answer(_ request: DeliveryRPC.ReadReservations) throws -> [DeliveryRPC.ReservationReport] {
            try state.withLock { state in
                guard !state.isAway else { throw RPCError.unavailable("away") }
                state.questions.append(request)
                return request.reservations.filter { !state.silent.contains($0) }.map {
                    state.reports[$0] ?? .init(reservation: $0, used: 0, released: 0, open: 0)
                }
            }
        }
    }

    private struct Ground: Sendable {
        let fixture: BillingFixture
        let delivery: Deliverer
        let reconciler: ReservationReconciler

        static func make() async throws -> Ground {
            let delivery = Deliverer()
            let house = try await TestHouse.make(for: BillingService.self, peers: [.delivery: delivery.router])
            let service = try await BillingService(house.house)
            let fixture = BillingFixture(
                house: house, service: service, billing: .local(house.router(service), caller: .campaigns),
                tenant: TenantID(.v7(at: house.clock.clock.now)))
            try await fixture.startTrial()
            let reconciler = ReservationReconciler(
                database: house.house.worker, delivery: house.house.peer(.delivery), clock: house.clock.clock, logger: house.house.logger)
            return Ground(fixture: fixture, delivery: delivery, reconciler: reconciler)
        }

        func reserve(_ key: String, _ count: Int64, for tenant: TenantID? = nil) async throws -> ReservationID {
            try await fixture.billing.call(BillingRPC.ReserveMail(tenant: tenant ?? fixture.tenant, key: key, count: count)).id
        }

        func advance(_ seconds: TimeInterval) {
            fixture.house.clock.advance(by: .seconds(seconds))
        }

        func isClosed(_ reservation: ReservationID) async throws -> Bool {
            try await !fixture.house.house.worker.query(
                "select 1 as one from mail_reservations where id = \(reservation) and closed_at is not null"
            ).isEmpty
        }
    }

    @Test("a day and an hour later the rest goes back; what may still go out stays reserved and is asked for again a day after that")
    func leftovers() async throws {
        let ground = try await Ground.make()
        let reservation = try await ground.reserve("a", 10)
        ground.advance(ReservationReconciler.age - 60)
        #expect(try await ground.reconciler.runOnce() == Outcome())
        #expect(ground.delivery.questions.isEmpty)
        ground.delivery.say(4, 1, 2, of: reservation)
        ground.advance(120)
        #expect(try await ground.reconciler.runOnce() == Outcome(taken: 1, open: 1, released: 4))
        #expect(try await ground.fixture.period() == (4, 2))
        ground.advance(ReservationReconciler.patience - 60)
        #expect(try await ground.reconciler.runOnce() == Outcome())
        ground.delivery.say(6, 1, 0, of: reservation)
        ground.advance(120)
        #expect(try await ground.reconciler.runOnce() == Outcome(taken: 1, closed: 1))
        #expect(try await ground.fixture.period() == (6, 0))
        #expect(try await ground.isClosed(reservation))
        ground.advance(30 * 86_400)
        #expect(try await ground.reconciler.runOnce() == Outcome())
        #expect(ground.delivery.questions.count == 2)
    }

    @Test("what was never handed over goes back whole, what is settled is not asked for")
    func neverHandedOver() async throws {
        let ground = try await Ground.make()
        let lost = try await ground.reserve("lost", 300)
        let settled = try await ground.reserve("settled", 5)
        _ = try await ground.fixture.billing.call(BillingRPC.ConfirmMail(tenant: ground.fixture.tenant, reservation: settled, used: 5))
        ground.advance(ReservationReconciler.age + 60)
        #expect(try await ground.reconciler.runOnce() == Outcome(taken: 1, closed: 1, released: 300))
        #expect(try await ground.fixture.period() == (5, 0))
        #expect(ground.delivery.questions.flatMap(\.reservations) == [lost])
        // Late word of what is settled changes nothing.
        _ = try await ground.fixture.billing.call(BillingRPC.ReleaseMail(tenant: ground.fixture.tenant, reservation: lost, released: 100))
        #expect(try await ground.fixture.period() == (5, 0))
    }

    @Test("while Delivery is away, or says nothing of one, nothing goes back; it is asked again soon")
    func unanswered() async throws {
        let ground = try await Ground.make()
        let (known, silent) = (try await ground.reserve("known", 10), try await ground.reserve("silent", 7))
        ground.delivery.beSilent(of: silent)
        ground.delivery.goAway(true)
        ground.advance(ReservationReconciler.age + 60)
        #expect(try await ground.reconciler.runOnce() == Outcome(taken: 2, unanswered: 2))
        #expect(try await ground.fixture.period() == (0, 17))
        ground.delivery.goAway(false)
        // Taken for a while: another one would wait as well.
        #expect(try await ground.reconciler.runOnce() == Outcome())
        ground.advance(ReservationReconciler.interval + 60)
        #expect(try await ground.reconciler.runOnce() == Outcome(taken: 2, closed: 1, released: 10, unanswered: 1))
        #expect(try await ground.fixture.period() == (0, 7))
        #expect(try await ground.isClosed(known))
        #expect(try await !ground.isClosed(silent))
    }

    @Test("several at once settle each reservation once")
    func atOnce() async throws {
        let ground = try await Ground.make()
        for number in 0..<40 {
            let reservation = try await ground.reserve("k\(number)", 10)
            ground.delivery.say(3, 0, number < 10 ? 2 : 0, of: reservation)
        }
        ground.advance(ReservationReconciler.age + 60)
        let outcomes = try await withThrowingTaskGroup(of: ReservationReconciler.Outcome.self) { group in
            for _ in 0..<4 { group.addTask { try await ground.reconciler.runOnce() } }
            return try await group.reduce(into: [ReservationReconciler.Outcome]()) { $0.append($1) }
        }
        let taken = outcomes.map(\.taken).reduce(0, +)
        let closed = outcomes.map(\.closed).reduce(0, +)
        #expect(taken == 40 && closed == 30)
        let released = outcomes.map(\.released).reduce(0, +)
        let expected: Int64 = 260
        #expect(Int64(released) == expected)
        #expect(try await ground.fixture.period() == (120, 20))
    }

    @Test("a question is about one company and at most 200 reservations")
    func questions() async throws {
        let ground = try await Ground.make()
        let other = BillingFixture(
            house: ground.fixture.house, service: ground.fixture.service, billing: ground.fixture.billing,
            tenant: TenantID(.v7(at: ground.fixture.house.clock.clock.now)))
        try await other.startTrial()
        let foreign = try await ground.reserve("k", 4, for: other.tenant)
        for number in 0..<205 { _ = try await ground.reserve("k\(number)", 1) }
        ground.advance(ReservationReconciler.age + 60)
        var closed = 0
        for _ in 0..<3 { closed += try await ground.reconciler.runOnce().closed }
        #expect(closed == 206)
        #expect(ground.delivery.questions.allSatisfy { $0.reservations.count <= 200 })
        for question in ground.delivery.questions {
            #expect((question.tenant == other.tenant) == question.reservations.contains(foreign))
            #expect(question.tenant != other.tenant || question.reservations == [foreign])
        }
        #expect(try await ground.fixture.period() == (0, 0))
        #expect(try await other.period() == (0, 0))
    }

    struct Case: Sendable {
        /// Of ten: used and released, as known here.
        let known: (used: Int64, released: Int64)
        let told: (used: Int64, released: Int64, open: Int64)
        let expected: (used: Int64, released: Int64)
        var isOverdrawn = false
    }

    static let cases: [Case] = [
        Case(known: (0, 0), told: (0, 0, 0), expected: (0, 10)), Case(known: (0, 0), told: (0, 0, 10), expected: (0, 0)),
        Case(known: (2, 1), told: (4, 1, 3), expected: (4, 3)),
        // What Campaigns gave back is none of Delivery's, whose own counts stand beside it.
        Case(known: (5, 3), told: (5, 2, 0), expected: (5, 5)), Case(known: (4, 3), told: (4, 2, 1), expected: (4, 5)),
        // Settled after Delivery looked.
        Case(known: (5, 0), told: (3, 0, 2), expected: (5, 3)), Case(known: (0, 6), told: (0, 4, 2), expected: (0, 8)),
        // More than there was, by mails that were sent once more, or handed over after they had gone back.
        Case(known: (9, 0), told: (11, 0, 0), expected: (10, 0), isOverdrawn: true),
        Case(known: (0, 10), told: (3, 0, 0), expected: (0, 10), isOverdrawn: true),
        Case(known: (6, 0), told: (6, 6, 6), expected: (6, 4)),
        // No number makes it more or less than it is.
        Case(known: (1, 1), told: (-5, -5, -5), expected: (1, 9)),
        Case(known: (1, 1), told: (.max, .max, .max), expected: (9, 1), isOverdrawn: true),
        Case(known: (1, 1), told: (.min, .min, .max), expected: (1, 1)),
    ]

    @Test("what a reservation comes to follows from what is known and what Delivery says", arguments: cases)
    func verdict(given: Case) {
        let id = ReservationID(UUID())
        let known = BillingRPC.Reservation(
            id: id, count: 10, used: given.known.used, released: given.known.released, periodEnd: Date(timeIntervalSince1970: 0))
        let verdict = LeftoverVerdict(
            known, told: .init(reservation: id, used: given.told.used, released: given.told.released, open: given.told.open))
        #expect(verdict.used == given.expected.used && verdict.released == given.expected.released, "\(verdict)")
        #expect(verdict.isOverdrawn == given.isOverdrawn)
    }
}
