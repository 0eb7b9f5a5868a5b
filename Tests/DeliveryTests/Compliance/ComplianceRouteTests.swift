import Contracts
import Foundation
import Postgres
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("The compliance check as a route")
struct ComplianceRouteTests {
    @Test("a sample is composed as it would go out and judged; a domain nobody has looked at puts at risk")
    func sample() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let path = "/api/v1/mailboxes/\(mailbox)/compliance-check"
        let answer = try await fixture.send(
            .post, path,
            #"{"subject":"A question","text":"Hello. {{unsubscribe_url}}","html":"<p>Hello. <a href=\"{{unsubscribe_url}}\">Leave</a></p>"}"#)
        #expect(answer.status == 200, "\(answer.body)")
        for part in [
            #""overall":"at_risk""#, #""rule":"unsubscribe.one_click""#, #""code":"5.7.26""#, #""verdict":"not_applicable""#,
            "both parts have the link",
        ] {
            #expect(answer.body.contains(part), "\(part) in \(answer.body)")
        }
        let trick = try await fixture.send(.post, path, #"{"subject":"Re: us","text":"Hello"}"#)
        #expect(trick.body.contains(#""overall":"would_be_refused""#) && trick.body.contains("answers nothing"), "\(trick.body)")
        let reply = try await fixture.send(.post, path, #"{"subject":"Re: us","text":"Hello","is_reply":true}"#)
        #expect(reply.body.contains("it stands in a thread"))
        for body in [#"{"text":"x"}"#, #"{"subject":"a\nb","text":"x"}"#, "[]"] { #expect(try await fixture.send(.post, path, body).status == 400) }
        #expect(try await fixture.request(.post, path, #"{"subject":"x","text":"y"}"#, role: .viewer).status == 200)
        #expect(try await fixture.request(.post, path, #"{"subject":"x","text":"y"}"#, workspaces: [WorkspaceID(UUID())]).status == 404)
        // Nothing was sent, planned or stored by all this.
        #expect(try await fixture.states().isEmpty)
    }

    @Test("a mail that waits is judged as it is; one that has gone out, or is another mailbox', is not found")
    func send() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, other) = (try await fixture.mailbox(), try await fixture.mailbox("other@sender.example"))
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["a@x.example"]))
        let send: SendID = try await fixture.database.query("select id from sends")[0].decode("id")
        let body = #"{"send":"\#(send)"}"#
        let found = try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/compliance-check", body)
        #expect(
            found.status == 200 && found.body.contains("the text has no link") == false && found.body.contains("unsubscribe.visible"), "\(found.body)"
        )
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(other)/compliance-check", body).status == 404)
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/compliance-check", body, tenant: TenantID(UUID())).status == 404)
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim())).map(\.delivery)
        try await fixture.write(taken) { _ in .accepted(code: 250, text: "ok") }
        #expect(try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/compliance-check", body).status == 404)
    }

    @Test("complaints of the domain are part of the answer")
    func complaints() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.note(ReputationCounts(accepted: 2_000, complaints: 7), of: mailbox, daysAgo: 2)
        let answer = try await fixture.send(.post, "/api/v1/mailboxes/\(mailbox)/compliance-check", #"{"subject":"Hi","text":"{{unsubscribe_url}}"}"#)
        #expect(answer.body.contains("7 of 2000 mails brought complaints") && answer.body.contains("5.7.28"), "\(answer.body)")
    }
}
