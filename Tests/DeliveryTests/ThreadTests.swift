import Contracts
import Foundation
import Mail
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("Mails of one thread")
struct ThreadTests {
    private func headers(_ loaded: DeliveryStore.Loaded, _ fixture: DeliveryFixture) throws -> [String: String] {
        let links = try UnsubscribeLinks(keyring: fixture.house.house.keyring, baseURL: fixture.house.house.publicBaseURL)
        let message = String(decoding: try MessageComposer(links: links).compose(loaded.delivery, from: loaded.mailbox), as: UTF8.self)
        let head = message.components(separatedBy: "\r\n\r\n")[0].replacing("\r\n ", with: " ")
        let lines = head.components(separatedBy: "\r\n").map { $0.split(separator: ":", maxSplits: 1) }
        return Dictionary(lines.filter { $0.count == 2 }.map { (String($0[0]), $0[1].trimmingCharacters(in: .whitespaces)) }) { first, _ in first }
    }

    @Test("a mail that follows others names the last one it answers to, and all of them in their order, by the identifiers that they went out with")
    func thread() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example"], prefix: "first"))
        var second = fixture.plan(mailbox, ["ada@x.example"], prefix: "second")
        let before = ["step:\"0\", {it}\\", "first:ada@x.example:1"]
        second.sends[0].follows = before
        second.sends[0].tracksOpens = true
        _ = try await fixture.rpc.call(second)
        let stored = try await fixture.database.query("select follows, tracks_opens, tracks_clicks from send_contents order by tracks_opens")
        #expect(try stored[0].decodeOptional("follows", as: [String].self) == nil)
        #expect(try !stored[0].decode("tracks_opens", as: Bool.self))
        #expect(try stored[1].decode("follows", as: [String].self) == before)
        #expect(try stored[1].decode("tracks_opens", as: Bool.self))
        #expect(try !stored[1].decode("tracks_clicks", as: Bool.self))

        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let opener = try headers(try #require(taken.first { $0.delivery.sendKey == "first:ada@x.example:1" }), fixture)
        let answer = try headers(try #require(taken.first { $0.delivery.sendKey == "second:ada@x.example:1" }), fixture)
        #expect(opener["In-Reply-To"] == nil && opener["References"] == nil)
        let oldest = MessageComposer.messageIdentifier(of: before[0], tenant: fixture.tenant, at: "sender.example")
        let identifier = try #require(opener["Message-ID"])
        #expect(identifier.hasSuffix("@sender.example>") && answer["Message-ID"] != identifier)
        #expect(answer["In-Reply-To"] == identifier)
        #expect(answer["References"] == "<\(oldest)> \(identifier)")
    }

    @Test("where the provider put a name of its own on a mail, those that follow it go by that name, unless it cannot be written")
    func renamed() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["ada@x.example", "bob@x.example", "eve@x.example"], prefix: "first"))
        let keys = ["first:ada@x.example:1", "first:bob@x.example:1", "first:eve@x.example:1"]
        let names: [String?] = ["AM0PR01MB1234@eurprd01.prod.outlook.com", nil, #""quoted name"@outlook.example"#]
        for (key, name) in zip(keys, names) {
            #expect(
                try await fixture.database.query("update sends set provider_message_id = \(name) where send_key = \(key)").affected == 1, "\(key)")
        }
        var second = fixture.plan(mailbox, ["ada@x.example"], prefix: "second")
        second.sends[0].follows = [keys[1], keys[2], keys[0]]
        _ = try await fixture.rpc.call(second)
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim()))
        let answer = try headers(try #require(taken.first { $0.delivery.sendKey == "second:ada@x.example:1" }), fixture)
        func ours(_ key: String) -> String { MessageComposer.messageIdentifier(of: key, tenant: fixture.tenant, at: "sender.example") }
        #expect(answer["In-Reply-To"] == "<AM0PR01MB1234@eurprd01.prod.outlook.com>")
        #expect(answer["References"] == "<\(ours(keys[1]))> <\(ours(keys[2]))> <AM0PR01MB1234@eurprd01.prod.outlook.com>")
    }

    @Test("a mail follows at most fifty others", arguments: [[String](repeating: "k", count: 51), [""], [String(repeating: "k", count: 201)]])
    func tooLong(follows: [String]) async throws {
        let fixture = try await DeliveryFixture.make()
        var plan = fixture.plan(try await fixture.mailbox(), ["a@x.example"])
        plan.sends[0].follows = follows
        let request = plan
        let error = await #expect(throws: RPCError.self) { _ = try await fixture.rpc.call(request) }
        #expect(error?.kind == "invalid_batch")
    }
}
