import Contracts
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Delivery

@Suite("Destinations")
struct DestinationTests {
    private final class Waiter: Sendable {
        let woken = Mutex(0)
    }

    private final class Held: Sendable {
        let count = Mutex((now: 0, most: 0))
    }

    @Test("so many at once and no more; whoever found no room is told once when there is some")
    func slots() {
        let slots = DestinationSlots(limit: 2)
        let (first, second) = (Waiter(), Waiter())
        func take(_ destination: String, _ waiter: Waiter) -> Bool {
            slots.take(destination, for: ObjectIdentifier(waiter)) { waiter.woken.withLock { $0 += 1 } }
        }
        #expect(take("google", first) && take("google", second))
        for _ in 0..<3 { #expect(!take("google", first) && !take("google", second)) }
        #expect(take("microsoft", first))
        slots.release("google")
        #expect(first.woken.withLock(\.self) == 1 && second.woken.withLock(\.self) == 1)
        slots.release("google")
        #expect(first.woken.withLock(\.self) == 1)
        #expect(take("google", first) && take("google", first) && !take("google", second))
    }

    @Test("parallel takers never hold more than the limit, and none waits for ever")
    func parallel() async throws {
        let slots = DestinationSlots(limit: 3)
        let held = Held()
        await withTaskGroup { group in
            for _ in 0..<50 {
                group.addTask {
                    let waiter = Waiter()
                    for _ in 0..<20 {
                        while true {
                            let (rooms, room) = AsyncStream.makeStream(of: Void.self)
                            if slots.take("google", for: ObjectIdentifier(waiter), wake: { room.finish() }) { break }
                            for await _ in rooms {}
                        }
                        held.count.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        await Task.yield()
                        held.count.withLock { $0.now -= 1 }
                        slots.release("google")
                    }
                }
            }
        }
        #expect(held.count.withLock(\.most) == 3 && held.count.withLock(\.now) == 0)
    }

    @Test(
        "a provider's domains are one destination",
        arguments: [("a@gmail.com", "google"), ("b@GoogleMail.com", "google"), ("c@x.example", "x.example"), ("d@Hotmail.com", "microsoft")])
    func providers(recipient: String, expected: String) {
        #expect(Enqueuer.destination(of: recipient) == expected)
    }

    @Test("with room for one only, mailboxes that write to the same destination take turns, others pass, and every mail goes out")
    func turns() async throws {
        let fixture = try await DeliveryFixture.make(destinationConcurrency: 1)
        for number in 0..<3 {
            let mailbox = try await fixture.mailbox("me\(number)@sender.example")
            let recipients = (0..<8).map { "lead\(number)-\($0)@\($0 % 4 == 3 ? "other\(number).example" : "same.example")" }
            _ = try await fixture.rpc.call(fixture.plan(mailbox, recipients))
        }
        try await fixture.house.withBackground(fixture.service.background) {
            try await eventually("all are out", within: .seconds(40)) { try await fixture.states() == ["accepted": 24] }
        }
        #expect(try Set(fixture.mail.mails().compactMap { $0.firstMatch(of: /Delivered-To: (\S+)/).map { String($0.1) } }).count == 24)
    }
}
