import Contracts
import Foundation
import IMAP
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Which replica reads which mailbox", .timeLimit(.minutes(3)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct ReadingLeaseTests {
    @Test("a mailbox is one reader's; when that is dead for as long as the lease, another's, and the first can take nothing in any more")
    func takenOver() async throws {
        let fixture = try await ReadingFixture.make()
        let mailbox = try await fixture.insert(user: TestMailboxServer.user, of: fixture.tenant)
        let store = ReaderStore(database: fixture.database)
        let now = fixture.house.clock.clock.now
        let first = try #require(try await store.claim(by: "first", notOf: [], lease: 60, now: now))
        #expect(first.id == mailbox && first.address == TestMailboxServer.user)
        #expect(try await store.claim(by: "second", notOf: [], lease: 60, now: now.addingTimeInterval(120)) == nil)
        #expect(try await store.renew(by: "first", lease: 60, now: now) == [mailbox: first.fence])
        let folder = FolderStore(mailbox: first, folder: .inbox)
        let start = FolderPosition(name: "INBOX", uidValidity: 7, lastUID: 3)
        try await folder.begin(start, instead: nil, in: fixture.database)
        // Its process is gone.
        try await fixture.database.query("update mailbox_readers set lease_until = now() - interval '1 second', next_at = \(now)")
        #expect(try await store.renew(by: "first", lease: 60, now: now) == [:])
        #expect(try await store.claim(by: "second", notOf: [fixture.tenant], lease: 60, now: now) == nil)
        let second = try #require(try await store.claim(by: "second", notOf: [], lease: 60, now: now))
        #expect(second.fence > first.fence)
        let database = fixture.database
        await #expect(throws: FolderStore.Overtaken.self) {
            try await database.transaction { try await folder.move(from: start, to: 4, in: $0) }
        }
        await #expect(throws: FolderStore.Overtaken.self) { _ = try await folder.stumble(over: 4, in: database) }
        #expect(try await store.markIdle(first, now: now) == false)
        // Both that believe to hold it: the position moves once.
        let other = FolderStore(mailbox: second, folder: .inbox)
        try await database.transaction { try await other.move(from: start, to: 4, in: $0) }
        await #expect(throws: FolderStore.Overtaken.self) {
            try await database.transaction { try await other.move(from: start, to: 4, in: $0) }
        }
        let gone = try await database.transaction { try await store.release(first, .read(next: now), now: now, in: $0) }
        #expect(gone == nil)
        let given = try await database.transaction { try await store.release(second, .read(next: now), now: now, in: $0) }
        #expect(given == "active")
    }

    @Test("two replicas share the mailboxes that wait for news, each mail comes once, and what one had the other has when that ends")
    func shared() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.lease.seconds": "3"])
        for number in 0..<12 { _ = try await fixture.insert(user: "user\(number)@sender.example", of: TenantID(UUID())) }
        @Sendable func idle() async throws -> [Int] {
            try await fixture.database.query(
                "select count(*) as n from mailbox_readers where idles and lease_holder is not null group by lease_holder"
            )
            .map { try $0.decode("n") }
        }
        let second = try fixture.feature()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("the first has all") { try await idle() == [12] }
            try await fixture.reading([second]) {
                try await eventually("both have some", within: .seconds(40)) {
                    fixture.house.clock.advance(by: .seconds(1))
                    let held = try await idle()
                    return held.count == 2 && held.reduce(0, +) == 12 && held.allSatisfy { $0 >= 3 }
                }
                for number in 0..<12 { try fixture.server.deliver(ReadingFixture.text("m\(number)"), to: "user\(number)@sender.example") }
                try await eventually("all news is taken in", within: .seconds(40)) {
                    fixture.house.clock.advance(by: .seconds(1))
                    return try await fixture.taken().count >= 12
                }
            }
            try await eventually("the first has all again", within: .seconds(40)) {
                fixture.house.clock.advance(by: .seconds(1))
                return try await idle() == [12]
            }
        }
        #expect(try await fixture.taken().sorted() == (0..<12).map { "m\($0)" }.sorted())
        #expect(try await fixture.database.query("select from mailbox_reading_replicas").isEmpty)
    }
}
