import Contracts
import Foundation
import IMAP
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Reading mailboxes", .timeLimit(.minutes(4)), .enabled(if: TestMailboxServer.isPossible, "Dovecot needs root"))
struct ReadingTests {
    private func names(_ range: ClosedRange<Int>) -> [String] { range.map { "mail\($0)" } }

    @Test("new mail comes once, in order, and stays unread; unwanted mail and sent mail come from their folders, sent mail as headers")
    func incremental() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        let server = fixture.server
        for name in names(1...30) { try server.deliver(ReadingFixture.text(name)) }
        try server.deliver(ReadingFixture.text("old"), receivedAt: Date(timeIntervalSinceNow: -10 * 86_400))
        try server.deliver(ReadingFixture.text("unwanted"), in: .junk)
        try server.deliver(ReadingFixture.text("copy", lines: 10_000), in: .sent)
        let mailbox = try await fixture.mailbox()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("what was there is taken in") { try await fixture.taken().count == 30 }
            try server.deliver(ReadingFixture.text("mail31"))
            try await fixture.due()
            try await eventually("what came is taken in") {
                fixture.house.clock.advance(by: .seconds(1))
                return try await fixture.taken().count == 31
            }
        }
        #expect(Set(try await fixture.taken()) == Set(names(1...31)))
        #expect(try await fixture.taken().last == "mail31")
        #expect(try await fixture.taken(folder: "spam") == ["unwanted"])
        #expect(try await fixture.taken(folder: "sent") == ["copy"])
        let sizes = try await fixture.database.query("select size from taken where folder = 'sent'").map { try $0.decode("size", as: Int.self) }
        #expect(sizes.allSatisfy { $0 < 1_000 } && sizes.count == 1)
        for folder in [TestMailboxServer.Folder.inbox, .sent, .junk] { #expect(try server.readCount(in: folder) == 0) }
        let shown = try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body
        #expect(shown.contains(#""imap":{"#) && shown.contains(#""state":"active""#) && shown.contains("read_at") && !shown.contains("horse"))
        #expect(await fixture.service.parts()["inbox"] == .good)
    }

    @Test("news of a server that tells it is read within a second or so, without a look in between")
    func idle() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.poll.seconds": "3600"])
        _ = try await fixture.mailbox()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("the connection waits") {
                try await fixture.database.query("select from mailbox_readers where idles and lease_holder is not null").count == 1
            }
            for name in ["first", "second"] {
                let start = ContinuousClock.now
                try fixture.server.deliver(ReadingFixture.text(name))
                try await eventually("\(name) is taken in", within: .seconds(10)) { try await fixture.taken().contains(name) }
                // Dovecot gathers for half a second; a machine under load is given some room.
                #expect(ContinuousClock.now - start < .seconds(5))
            }
        }
        #expect(try await fixture.taken() == ["first", "second"])
        // Whoever ends gives back what it had.
        #expect(try await fixture.database.query("select from mailbox_readers where lease_holder is null and not idles").count == 1)
    }

    @Test("a line that breaks in the middle, again and again, loses nothing and doubles nothing")
    func broken() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        for name in names(1...60) { try fixture.server.deliver(ReadingFixture.text(name, lines: 2_000)) }
        let line = try await CutLine.start(to: fixture.server.ports.imaps)
        line.cut(after: 10_000, 100_000, 400_000, 700_000, 300_000, 1_000_000, 50_000)
        _ = try await fixture.insert(user: TestMailboxServer.user, of: fixture.tenant, port: line.port)
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("all are taken in", within: .seconds(60)) {
                try await fixture.due()
                return try await fixture.taken().count >= 60
            }
        }
        #expect(try await fixture.taken().sorted() == names(1...60).sorted())
        #expect(line.connections >= 4)
        #expect(try fixture.server.readCount() == 0)
    }

    @Test("when the server numbers its mails anew nothing is taken in twice, and what came meanwhile is")
    func renumbered() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        for name in names(1...25) { try fixture.server.deliver(ReadingFixture.text(name)) }
        let mailbox = try await fixture.mailbox()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("taken in") { try await fixture.taken().count == 25 }
        }
        let before: Int64 = try await fixture.validity(mailbox)
        try fixture.server.renumber()
        for name in names(26...28) { try fixture.server.deliver(ReadingFixture.text(name)) }
        try fixture.server.deliver(ReadingFixture.text("ancient"), receivedAt: Date(timeIntervalSinceNow: -20 * 86_400))
        try await fixture.due()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("what came is taken in") { try await fixture.taken().count == 28 }
        }
        #expect(try await fixture.validity(mailbox) != before)
        #expect(try await fixture.taken().sorted() == names(1...28).sorted())
    }

    @Test(
        "mail that cannot be taken in is passed over after three tries and kept sealed, and those after it come; trouble of ours counts nothing")
    func poison() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.idle.connections": "0"])
        fixture.poison.subjects.withLock { $0 = ["mail5"] }
        fixture.poison.isAway.withLock { $0 = true }
        for name in names(1...8) { try fixture.server.deliver(ReadingFixture.text(name, from: "evil@reader.example")) }
        let mailbox = try await fixture.mailbox()
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("some passes were in vain") {
                try await fixture.due()
                return try await fixture.database.query("select from mailbox_readers where fence > 6").count == 1
            }
            #expect(try await fixture.taken() == [])
            #expect(try await fixture.database.query("select from mailbox_folders where stumbles > 0").isEmpty)
            fixture.poison.isAway.withLock { $0 = false }
            try await eventually("the others are taken in") {
                try await fixture.due()
                return try await fixture.taken().count == 7
            }
        }
        #expect(try await fixture.taken().sorted() == names(1...4) + names(6...8))
        let row = try #require(
            try await fixture.database.query("select id, uid, reason, size, bytes_sealed from mailbox_quarantine where mailbox_id = \(mailbox)").first
        )
        #expect(try row.decode("reason", as: String.self).contains("Indigestible"))
        let kept = try fixture.house.house.keyring.open(
            try row.decode("bytes_sealed"), for: Quarantine.place(try row.decode("id"), of: fixture.tenant))
        #expect(String(decoding: kept, as: UTF8.self).contains("Subject: mail5"))
        #expect(try await fixture.send(.get, "/api/v1/mailboxes/\(mailbox)").body.contains(#""quarantined":1"#))
        // Another try takes it in, where it can be taken in now; what another company asks for does not exist.
        let path = "/api/v1/mailboxes/\(mailbox)/quarantine"
        let listed = try await fixture.send(.get, path)
        let id = try row.decode("id", as: UUID.self).uuidString.lowercased()
        #expect(listed.status == 200 && listed.body.contains(id) && listed.body.contains(#""is_retriable":true"#), "\(listed.body)")
        #expect(!listed.body.contains("mail5"))
        #expect(try await fixture.send(.post, "\(path)/\(UUID().uuidString.lowercased())/retry").status == 404)
        // Nobody finds the person in it, and who is forgotten is forgotten there, too.
        #expect(try await fixture.house.tables(holding: "evil@reader.example") == [])
        let rpc = RPCClient.local(fixture.house.router(fixture.service), caller: .campaigns)
        let erased = try await rpc.call(DeliveryRPC.EraseRecipient(tenant: fixture.tenant, address: "Evil@reader.example", isOptedOut: false)).isDone
        #expect(erased)
        #expect(try await fixture.database.query("select from mailbox_quarantine").isEmpty)
    }

    @Test("a hundred mailboxes of many tenants are read by two threads, each mail once")
    func many() async throws {
        let fixture = try await ReadingFixture.make(["delivery.imap.threads": "2", "delivery.imap.idle.connections": "60"])
        var mailboxes: [MailboxID] = []
        for number in 0..<100 {
            let user = "user\(number)@sender.example"
            try fixture.server.deliver(ReadingFixture.text("one\(number)"), to: user)
            try fixture.server.deliver(ReadingFixture.text("two\(number)"), to: user)
            mailboxes.append(try await fixture.insert(user: user, of: number % 3 == 0 ? fixture.tenant : TenantID(UUID())))
        }
        try await fixture.reading([try fixture.feature()]) {
            try await eventually("all are taken in", within: .seconds(90)) { try await fixture.taken().count >= 200 }
            try await eventually("as many wait as may") { try await fixture.database.query("select from mailbox_readers where idles").count == 60 }
            // One that waits, and one that does not.
            for number in [0, 99] { try fixture.server.deliver(ReadingFixture.text("three\(number)"), to: "user\(number)@sender.example") }
            try await eventually("news is taken in", within: .seconds(60)) {
                fixture.house.clock.advance(by: .seconds(1))
                return try await fixture.taken().count >= 202
            }
        }
        for (number, mailbox) in mailboxes.enumerated() {
            let expected = ["one\(number)", "two\(number)"] + ([0, 99].contains(number) ? ["three\(number)"] : [])
            #expect(try await fixture.taken(mailbox) == expected)
        }
    }
}

extension ReadingFixture {
    func validity(_ mailbox: MailboxID) async throws -> Int64 {
        try await database.query("select uid_validity from mailbox_folders where mailbox_id = \(mailbox) and folder = 'inbox'")[0].decode(
            "uid_validity")
    }
}
