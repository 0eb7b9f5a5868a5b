import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Lists for whoever is limited to workspaces")
struct WorkspaceListTests {
    /// All pages of a list, one entry a page, as somebody who is limited to the fixture's workspace.
    private func pages(_ fixture: DeliveryFixture, _ path: String, _ field: String) async throws -> [String] {
        var found: [String] = []
        var cursor: String?
        repeat {
            let answer = try await fixture.ask(
                .get, "\(path)?limit=1" + (cursor.map { "&cursor=\($0)" } ?? ""), as: .viewer, in: [fixture.workspace])
            #expect(answer.status == 200, "\(answer.body)")
            found += answer.body.matches(of: try Regex("\"\(field)\":\"([^\"]+)\"")).compactMap { $0.output[1].substring.map(String.init) }
            cursor = answer.body.firstMatch(of: /"next":"([^"]+)"/).map { String($0.1) }
        } while cursor != nil && found.count < 20
        return found
    }

    @Test("every page of mailboxes is whole, however many of other workspaces stand between")
    func mailboxes() async throws {
        let fixture = try await DeliveryFixture.make()
        let elsewhere = WorkspaceID(UUID())
        for number in 0..<7 {
            fixture.house.clock.advance(by: .milliseconds(5))
            let workspace = number % 3 == 0 ? fixture.workspace : elsewhere
            let body = #"{"workspace":"\#(workspace)","address":"m\#(number)@sender.example","display_name":"M","smtp":\#(fixture.smtp())}"#
            #expect(try await fixture.send(.post, "/api/v1/mailboxes", body).status == 201)
        }
        #expect(try await pages(fixture, "/api/v1/mailboxes", "address") == ["m0@sender.example", "m3@sender.example", "m6@sender.example"])
    }

    @Test("so is every page of mail whose fate nobody knows")
    func ambiguous() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let elsewhere = WorkspaceID(UUID())
        for number in 0..<7 {
            try await fixture.plan(one: "l\(number)@x.example", mailbox) { if number % 3 != 0 { $0.workspace = elsewhere } }
        }
        try await fixture.database.query("update sends set state = 'ambiguous'")
        let found = try await pages(fixture, "/api/v1/sends/ambiguous", "recipient")
        #expect(found.count == 3 && Set(found) == ["l0@x.example", "l3@x.example", "l6@x.example"], "\(found)")
    }

    @Test("whatever is done to a mailbox answers as reading it does, with how it is read")
    func shapes() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let accounts = fixture.service.fetching.accounts
        let account = IMAPAccount(host: "imap.sender.example", port: 993, security: .tls, username: "me", password: "secret")
        let (tenant, now) = (fixture.tenant, fixture.house.clock.clock.now)
        try await fixture.house.house.api.transaction(as: tenant) { try await accounts.put(account, of: mailbox, tenant, at: now, in: $0) }
        let path = "/api/v1/mailboxes/\(mailbox)"
        for (method, act, body) in [
            (.put, "smtp", fixture.smtp()), (.put, "limits", #"{"daily":10,"gap_seconds":0}"#), (.post, "pause", #"{"reason":"why not"}"#),
            (.post, "resume", "{}"),
        ] as [(HTTPRequest.Method, String, String)] {
            let answer = try await fixture.ask(method, "\(path)/\(act)", body, as: .member)
            #expect(answer.status == 200 && answer.body.contains("imap.sender.example"), "\(act): \(answer.body)")
            #expect(try await fixture.ask(.get, path).body == answer.body, "\(act)")
        }
    }

    @Test(
        "an identifier that is none is told as one that nothing has",
        arguments: [
            ("/api/v1/mailboxes", "mailbox"), ("/api/v1/domains", "domain"), ("/api/v1/suppressions", "suppression"),
            ("/api/v1/webhooks", "webhook"), ("/api/v1/inbox/threads", "thread"),
        ])
    func words(path: String, noun: String) async throws {
        let fixture = try await DeliveryFixture.make()
        for identifier in ["x", UUID().text] {
            let answer = try await fixture.ask(.get, "\(path)/\(identifier)")
            #expect(answer.status == 404 && answer.body.contains("There is no such \(noun)."), "\(answer.body)")
        }
    }
}
