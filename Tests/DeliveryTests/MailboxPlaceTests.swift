import Contracts
import Foundation
import Postgres
import TestSupport
import Testing

@testable import Delivery

@Suite("Places for mailboxes under the plan's limit")
struct MailboxPlaceTests {
    @Test("mailboxes are as many as the plan allows, also for many at once; one that was not stored leaves no place taken")
    func limit() async throws {
        let fixture = try await DeliveryFixture.make(mailboxes: 3)
        let statuses = try await withThrowingTaskGroup(of: (status: Int, body: String).self) { group in
            for number in 0..<6 {
                let body =
                    #"{"workspace":"\#(fixture.workspace)","address":"m\#(number)@sender.example","display_name":"M","smtp":\#(fixture.smtp())}"#
                group.addTask { try await fixture.send(.post, "/api/v1/mailboxes", body) }
            }
            return try await group.reduce(into: [(status: Int, body: String)]()) { $0.append($1) }
        }
        #expect(statuses.count { $0.status == 201 } == 3)
        #expect(statuses.filter { $0.status != 201 }.allSatisfy { $0.status == 422 && $0.body.contains("limit_reached") })
        let stored: [MailboxID] = try await fixture.database.query("select id from mailboxes").map { try $0.decode("id") }
        #expect(fixture.places.confirmed(.mailboxes, of: fixture.tenant) == Set(stored.map(\.description)))
        #expect(fixture.places.reserved(.mailboxes, of: fixture.tenant).isEmpty)
    }

    @Test("an address that is there already takes no second place, nor does a company whose subscription is over take any")
    func refused() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let again = #"{"workspace":"\#(fixture.workspace)","address":"me@sender.example","display_name":"M","smtp":\#(fixture.smtp())}"#
        #expect(try await fixture.send(.post, "/api/v1/mailboxes", again).body.contains("mailbox_exists"))
        #expect(fixture.places.confirmed(.mailboxes, of: fixture.tenant) == [mailbox.description])
        #expect(fixture.places.reserved(.mailboxes, of: fixture.tenant).isEmpty)
        fixture.places.refuse(with: "access_denied")
        let denied = try await fixture.send(.post, "/api/v1/mailboxes", again.replacing("me@", with: "you@"))
        #expect(denied.status == 403 && denied.body.contains("access_denied"), "\(denied.body)")
    }

    @Test("a workspace that is purged gives its mailboxes' places back, and the nightly count says what is left")
    func purged() async throws {
        let fixture = try await DeliveryFixture.make()
        _ = try await fixture.mailbox("one@sender.example")
        let elsewhere = WorkspaceID(UUID())
        let body = #"{"workspace":"\#(elsewhere)","address":"two@sender.example","display_name":"M","smtp":\#(fixture.smtp())}"#
        #expect(try await fixture.send(.post, "/api/v1/mailboxes", body).status == 201)
        #expect(fixture.places.confirmed(.mailboxes, of: fixture.tenant).count == 2)
        for _ in 0..<20 {
            if try await fixture.rpc.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: fixture.workspace)).isDone { break }
        }
        #expect(fixture.places.confirmed(.mailboxes, of: fixture.tenant).count == 1)
        try await fixture.service.recount.count()
        let told = fixture.places.recounts
        #expect(told.map(\.used) == [1] && told.map(\.resource) == [.mailboxes] && told.map(\.tenant) == [fixture.tenant])
        // Also of a company that has none left.
        for _ in 0..<20 {
            if try await fixture.rpc.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: elsewhere)).isDone { break }
        }
        try await fixture.service.recount.count()
        #expect(fixture.places.recounts.map(\.used) == [1, 0])
    }
}
