import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("Settling many mails of unknown fate at once")
struct AmbiguousManyTests {
    private static let path = "/api/v1/sends/ambiguous"

    /// Mails of unknown fate: three of a campaign, one of another.
    private func held(_ fixture: DeliveryFixture, _ campaign: CampaignID) async throws -> MailboxID {
        let mailbox = try await fixture.mailbox()
        for number in 0..<4 {
            _ = try await fixture.plan(one: "l\(number)@x.example", mailbox) { $0.campaign = number == 3 ? CampaignID(UUID()) : campaign }
        }
        try await fixture.database.query("update sends set state = 'ambiguous'")
        return mailbox
    }

    @Test(
        "those of a campaign are settled alike, others are left; each is told, and the trail has one entry",
        arguments: [("sent", "accepted"), ("not_sent", "refused"), ("resend", "planned")])
    func campaign(settlement: String, state: String) async throws {
        let fixture = try await DeliveryFixture.make()
        let campaign = CampaignID(UUID())
        _ = try await held(fixture, campaign)
        let listed = try await fixture.ask(.get, "\(Self.path)?campaign=\(campaign)")
        #expect(listed.body.matches(of: /"recipient"/).count == 3, "\(listed.body)")
        let body = #"{"campaign":"\#(campaign)","as":"\#(settlement)"}"#
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", body, as: .viewer).status == 403)
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", body, tenant: TenantID(UUID())).body.contains(#""settled":0"#))
        let elsewhere = try await fixture.ask(.post, "\(Self.path)/settle", body, as: .member, in: [WorkspaceID(UUID())])
        #expect(elsewhere.body.contains(#""settled":0"#), "\(elsewhere.body)")
        #expect(try await fixture.states() == ["ambiguous": 4])
        let settled = try await fixture.ask(.post, "\(Self.path)/settle", body, as: .member)
        #expect(settled.status == 200 && settled.body == #"{"more":false,"settled":3,"skipped":0}"#, "\(settled.body)")
        #expect(try await fixture.states() == [state: 3, "ambiguous": 1])
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", body).body.contains(#""settled":0"#))
        let told = try await fixture.told("delivery.send.settled")
        let entries = told.filter { $0.contains(#""action":"send.settle_many""#) }
        #expect(told.count == 3 && entries.count == 1, "\(told)")
        let entry = try #require(entries.first)
        #expect(entry.contains(campaign.description) && entry.contains(#""settled":"3""#), "\(entry)")
    }

    @Test("one request settles so many and says that there are more; the erased are not written to again")
    func bounds() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await held(fixture, CampaignID(UUID()))
        try await fixture.database.query(
            """
            insert into sends (tenant_id, id, send_key, state, workspace_id, mailbox_id, recipient, created_at)
            select \(fixture.tenant), gen_random_uuid(), 'test:' || n, 'ambiguous', \(fixture.workspace), \(mailbox), 'm' || n || '@x.example', now()
            from generate_series(1, 500) n
            """)
        try await fixture.database.query(
            "update sends set recipient = \(ErasedRecipient.prefix) || 'x' where recipient = 'l0@x.example'")
        let body = #"{"mailbox":"\#(mailbox)","as":"resend"}"#
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", body).body == #"{"more":true,"settled":500,"skipped":1}"#)
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", body).body == #"{"more":false,"settled":3,"skipped":1}"#)
        let rest = #"{"workspace":"\#(fixture.workspace)","as":"not_sent"}"#
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", rest).body == #"{"more":false,"settled":1,"skipped":0}"#)
    }

    @Test("a request says whose mail it is and what became of it")
    func refused() async throws {
        let fixture = try await DeliveryFixture.make()
        for body in [#"{"as":"sent"}"#, #"{"campaign":"x","as":"sent"}"#, #"{"campaign":"\#(UUID())","as":"maybe"}"#, "{}"] {
            #expect(try await fixture.ask(.post, "\(Self.path)/settle", body).status == 400, "\(body)")
        }
        let foreign = #"{"workspace":"\#(UUID())","as":"sent"}"#
        #expect(try await fixture.ask(.post, "\(Self.path)/settle", foreign, as: .member, in: [fixture.workspace]).status == 404)
        #expect(try await fixture.ask(.get, "\(Self.path)?campaign=x").status == 400)
    }

    @Test("mailboxes are listed by workspace, each with what it has sent of what it may and its score")
    func mailboxes() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        let elsewhere = WorkspaceID(UUID())
        let other = #"{"workspace":"\#(elsewhere)","address":"b@sender.example","display_name":"M","smtp":\#(fixture.smtp())}"#
        #expect(try await fixture.send(.post, "/api/v1/mailboxes", other).status == 201)
        #expect(try await fixture.ask(.put, "/api/v1/mailboxes/\(mailbox)/limits", #"{"daily":40,"gap_seconds":0}"#).status == 200)
        try await fixture.database.query(
            """
            insert into mailbox_minutes (tenant_id, mailbox_id, minute, mails) values
                (\(fixture.tenant), \(mailbox), date_trunc('minute', now()) - interval '2 hours', 3),
                (\(fixture.tenant), \(mailbox), date_trunc('minute', now()) - interval '3 hours', 4),
                (\(fixture.tenant), \(mailbox), date_trunc('minute', now()) - interval '25 hours', 50)
            """)
        let listed = try await fixture.ask(.get, "/api/v1/mailboxes?workspace=\(fixture.workspace)")
        #expect(listed.body.matches(of: /"address"/).count == 1 && listed.body.contains(#""today":{"limit":40,"sent":7}"#), "\(listed.body)")
        #expect(!listed.body.contains(#""score""#))
        let unlimited = try await fixture.ask(.get, "/api/v1/mailboxes?workspace=\(elsewhere)")
        #expect(unlimited.body.contains(#""today":{"sent":0}"#) && !unlimited.body.contains(mailbox.description), "\(unlimited.body)")
        #expect(try await fixture.ask(.get, "/api/v1/mailboxes?workspace=\(elsewhere)", as: .viewer, in: [fixture.workspace]).status == 404)
        #expect(try await fixture.ask(.get, "/api/v1/mailboxes?workspace=x").status == 400)
    }
}
