import Contracts
import Foundation
import Mail
import Testing

@testable import Delivery

@Suite("How signing keys come and go")
struct SigningKeyPolicyTests {
    private let policy = SigningKeyPolicy()
    private let start = Date(timeIntervalSince1970: 1_795_800_000)

    private func key(_ selector: String, _ state: SigningKey.State = .pending, day: Double = 0) -> SigningKey {
        var key = SigningKey(
            domain: "d.example", selector: selector, algorithm: .rsa, publicKey: "p", createdAt: start.addingTimeInterval(day * 86_400))
        key.state = state
        if state != .pending { key.activatedAt = key.createdAt }
        return key
    }

    @Test("of several published keys the newest signs; older ones that never signed go at once, those that did stay for mail under way")
    func newest() {
        let keys = [key("a", .active), key("b", day: 1), key("c", day: 2)]
        let now = start.addingTimeInterval(3 * 86_400)
        let after = policy.after(["a": .shown, "b": .shown, "c": .shown], keys, now: now)
        #expect(after.map(\.state) == [.retiring, .retired, .active])
        #expect(after[2].activatedAt == now && after[0].supersededAt == now)
        #expect(policy.retirement(of: after[0]) == now.addingTimeInterval(7 * 86_400 + SigningKeyPolicy.margin))
    }

    @Test("a newer key that is not published changes nothing, and neither does silence")
    func waiting() {
        let keys = [key("a", .active), key("b", day: 1)]
        for sight in [SigningKeyPolicy.Sight.absent, .unknown] {
            #expect(policy.after(["a": .shown, "b": sight], keys, now: start.addingTimeInterval(86_400)).map(\.state) == [.active, .pending])
        }
        #expect(policy.after([:], keys, now: start).map(\.state) == [.active, .pending])
    }

    @Test("the overlap counts from the last mail that may have been signed")
    func overlap() {
        var old = key("a", .retiring)
        old.supersededAt = start
        old.signsUntil = start.addingTimeInterval(900)
        let end = start.addingTimeInterval(900 + 7 * 86_400)
        #expect(policy.after([:], [old], now: end.addingTimeInterval(-0.001))[0].state == .retiring)
        let after = policy.after([:], [old], now: end)[0]
        #expect(after.state == .retired && after.retiredAt == end)
    }

    @Test("everything that is not at its end is looked at again, later than now")
    func looks() {
        let now = start.addingTimeInterval(400 * 86_400)
        for state in [SigningKey.State.pending, .active, .retiring] {
            for day in [0.0, 370, 399.9] {
                var key = key("a", state, day: day)
                key.supersededAt = start
                #expect(policy.nextLook(at: key, now: now).map { $0 > now } == true, "\(state) \(day)")
            }
        }
        var gone = key("a", .retired)
        gone.retiredAt = now
        #expect(policy.nextLook(at: gone, now: now) != nil)
        gone.removedAt = now
        #expect(policy.nextLook(at: gone, now: now) == nil)
    }

    @Test("names say the day in UTC and come in order")
    func names() {
        #expect(SelectorName.text(at: Date(timeIntervalSince1970: 1_795_910_399), number: 0) == "pm20261128a")
        #expect(SelectorName.text(at: Date(timeIntervalSince1970: 1_795_910_400), number: 25) == "pm20261129z")
        #expect(SelectorName.text(at: start, number: 26).hasSuffix("aa") && SelectorName.text(at: start, number: 701).hasSuffix("zz"))
        let names = (0..<SelectorName.limit).map { SelectorName.text(at: start, number: $0) }
        #expect(Set(names).count == SelectorName.limit)
    }
}
