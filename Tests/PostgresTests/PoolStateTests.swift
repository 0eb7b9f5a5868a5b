import TestSupport
import Testing

@testable import Postgres

@Suite("What a pool decides")
struct PoolStateTests {
    @Test("it opens up to its limit, then callers wait in order")
    func limit() {
        var state = PoolState(limit: 2)
        expect(state.lease(), .connect)
        expect(state.lease(), .connect)
        expect(state.lease(), .wait(1))
        expect(state.lease(), .wait(2))
        let first = state.connected()
        expect(state.giveBack(first, usable: true), .hand(first, to: 1))
        expect(state.giveBack(first, usable: true), .hand(first, to: 2))
        expect(state.giveBack(first, usable: true), .keep)
        expect(state.lease(), .use(first))
    }

    @Test("a broken connection is replaced for whoever waits, else dropped")
    func broken() {
        var state = PoolState(limit: 1)
        _ = state.lease()
        let number = state.connected()
        _ = state.lease()
        expect(state.giveBack(number, usable: false), .replace(for: 1))
        let second = state.connected()
        expect(state.giveBack(second, usable: false), .drop)
        #expect(state.open == 0)
        expect(state.lease(), .connect)
    }

    @Test("a failed attempt gives its place to the next who waits")
    func failedAttempt() {
        var state = PoolState(limit: 1)
        _ = state.lease()
        expect(state.lease(), .wait(1))
        expect(state.connectFailed(), 1)
        #expect(state.connecting == 1)
        expect(state.connectFailed(), nil)
        #expect(state.open == 0)
    }

    @Test("whoever gave up is not handed anything, and giving back twice does nothing")
    func abandoned() {
        var state = PoolState(limit: 1)
        _ = state.lease()
        let number = state.connected()
        expect(state.lease(), .wait(1))
        expect(state.abandon(1), true)
        expect(state.abandon(1), false)
        expect(state.giveBack(number, usable: true), .keep)
        expect(state.giveBack(number, usable: true), .drop)
        #expect(state.idle == [number])
    }

    @Test("at every step of a long random history the limit holds and nobody is forgotten", arguments: 0..<20)
    func randomHistory(seed: Int) {
        var generator = SeededRandom(seed: UInt64(seed))
        var state = PoolState(limit: 3)
        var leased: [Int] = []
        for _ in 0..<2_000 {
            switch Int.random(in: 0..<4, using: &generator) {
            case 0:
                if case .use(let number) = state.lease() { leased.append(number) }
            case 1 where state.connecting > 0:
                if Bool.random(using: &generator) { leased.append(state.connected()) } else { _ = state.connectFailed() }
            case 2 where !leased.isEmpty:
                let number = leased.remove(at: Int.random(in: 0..<leased.count, using: &generator))
                if case .hand(let handed, _) = state.giveBack(number, usable: Bool.random(using: &generator)) { leased.append(handed) }
            default:
                if let waiter = state.waiters.first { _ = state.abandon(waiter) }
            }
            #expect(state.open <= 3)
            #expect(state.waiters.isEmpty || state.idle.isEmpty, "somebody waits beside an idle connection")
            #expect(state.leased == Set(leased))
        }
    }

    /// The macro cannot call what changes its subject.
    private func expect<Value: Equatable>(_ value: Value, _ expected: Value, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(value == expected, sourceLocation: sourceLocation)
    }
}
