import Contracts
import Foundation
import HTTP
import Postgres
import RPC
import TestSupport
import Testing

@testable import Campaigns

@Suite("Templates over HTTP")
struct TemplateRouteTests {
    @Test("a template is changed in versions, an old one comes back as a new one, and each act is in the trail")
    func versions() async throws {
        let fixture = try await CampaignsFixture.make()
        let made = try await fixture.makeTemplate(text: "one")
        #expect(made.status == 201 && made.etag == "\"1\"" && made.number("version") == 1)
        let path = "/\(made.text("id"))"
        let second = #"{"name":"T2","subject":"two","html":"<p>two</p>"}"#
        #expect(try await fixture.templates(.put, path, second).status == 428)
        #expect(try await fixture.templates(.put, path, second, ifMatch: "\"7\"").status == 412)
        let changed = try await fixture.templates(.put, path, second, ifMatch: "\"1\"")
        #expect(changed.status == 200 && changed.etag == "\"2\"" && changed.number("version") == 2 && changed.text("name") == "T2")
        #expect(changed.answer.member("text") == nil && changed.text("html") == "<p>two</p>")
        #expect(try await fixture.templates(.put, path, second, ifMatch: "\"1\"").status == 412)
        let old = try await fixture.templates(.get, "\(path)/versions/1")
        #expect(old.text("text") == "one" && old.text("created_by") != "")
        #expect(try await fixture.templates(.get, "\(path)/versions/3").status == 404)
        #expect(try await fixture.templates(.get, "\(path)/versions/99999999999").status == 404)
        let restored = try await fixture.templates(.post, "\(path)/versions/1/restore", key: "r")
        let repeated = try await fixture.templates(.post, "\(path)/versions/1/restore", key: "r")
        #expect(restored.status == 200 && restored.number("version") == 3 && restored.text("text") == "one" && restored.body == repeated.body)
        let first = try await fixture.templates(.get, "\(path)/versions?limit=2")
        #expect(first.body.contains(#""restored_from":1"#) && first.body.contains(#""version":2"#) && !first.body.contains(#""version":1}"#))
        let cursor = try #require((first.answer.member("page") as? [String: Any])?["next"] as? String)
        let rest = try await fixture.templates(.get, "\(path)/versions?limit=2&cursor=\(cursor)")
        #expect((rest.answer.member("data") as? [Any])?.count == 1)
        let copy = try await fixture.templates(.post, "\(path)/duplicate", "{}")
        #expect(copy.status == 201 && copy.text("name") == "T2 (copy)" && copy.number("version") == 1 && copy.text("id") != made.text("id"))
        #expect(try await fixture.templates(.delete, path).status == 428)
        #expect(try await fixture.templates(.delete, path, ifMatch: "\"3\"").status == 204)
        #expect(try await fixture.templates(.get, path).status == 404)
        #expect(try await fixture.house.rows(of: fixture.tenant)["template_versions"] == 4)
        #expect(
            try await fixture.actions() == ["template.create", "template.delete", "template.duplicate", "template.restore", "template.update"])
    }

    @Test("of two changes that began from the same version one is refused")
    func race() async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/\(try await fixture.makeTemplate().text("id"))"
        async let one = fixture.templates(.put, path, #"{"subject":"a","text":"a"}"#, ifMatch: "\"1\"")
        async let two = fixture.templates(.put, path, #"{"subject":"b","text":"b"}"#, ifMatch: "\"1\"")
        let statuses = try await [one.status, two.status].sorted()
        #expect(statuses == [200, 412])
    }

    @Test("a template whose campaign may still send stays")
    func inUse() async throws {
        let fixture = try await CampaignsFixture.make()
        let campaign = try await fixture.campaign(leads: 1)
        let list = try await fixture.templates(.get, "?workspace=\(fixture.peers.workspace)")
        let template = try #require((list.answer.member("data") as? [[String: Any]])?.first?["id"] as? String)
        #expect(try await fixture.send(.post, "/api/v1/campaigns/\(campaign)/launch").status < 300)
        let refused = try await fixture.templates(.delete, "/\(template)", ifMatch: "*")
        #expect(refused.status == 409 && refused.text("type") == "/problems/template_in_use")
        let free = try await fixture.makeTemplate()
        #expect(try await fixture.templates(.delete, "/\(free.text("id"))", ifMatch: "*").status == 204)
    }

    @Test(
        "what cannot be read is refused with its place",
        arguments: [
            (["subject": "s", "text": "ab{{a b}}"], "text", 2), (["subject": "{{", "text": "t"], "subject", 0),
            (["subject": "s", "html": "<a href={{email}}>"], "html", 8), (["subject": "s"], "text", 0),
        ] as [([String: String], String, Int)])
    func unreadable(members: [String: String], part: String, position: Int) async throws {
        let fixture = try await CampaignsFixture.make()
        var members = members
        members["workspace"] = fixture.peers.workspace.description
        members["name"] = "T"
        let body = try CampaignsFixture.json(members)
        for path in ["", "/preview"] {
            let answer = try await fixture.templates(.post, path, body)
            #expect(answer.status == 422 && answer.text("type") == "/problems/template_invalid")
            #expect(answer.text("part") == part && answer.number("position") == position)
        }
        #expect(try await fixture.house.rows(of: fixture.tenant)["templates"] == nil)
    }

    @Test("names and subjects have a length, and a viewer reads and looks but does not write")
    func callers() async throws {
        let fixture = try await CampaignsFixture.make()
        #expect(try await fixture.makeTemplate(name: "").status == 400)
        #expect(try await fixture.makeTemplate(name: String(repeating: "x", count: 201)).status == 400)
        #expect(try await fixture.makeTemplate(subject: String(repeating: "x", count: 501)).status == 400)
        let made = try await fixture.makeTemplate()
        let path = "/\(made.text("id"))"
        let content = #"{"subject":"s","text":"t"}"#
        #expect(try await fixture.templates(.put, path, content, ifMatch: "*", role: .viewer).status == 403)
        #expect(try await fixture.templates(.delete, path, ifMatch: "*", role: .viewer).status == 403)
        for end in ["/duplicate", "/versions/1/restore", "/test"] {
            #expect(try await fixture.templates(.post, path + end, "{}", role: .viewer).status == 403, "\(end)")
        }
        for end in ["", "/versions", "/versions/1", "/check"] {
            #expect(try await fixture.templates(.get, path + end, role: .viewer).status == 200, "\(end)")
        }
        #expect(try await fixture.templates(.post, "\(path)/preview", "{}", role: .viewer).status == 200)
        let stranger = TenantID(UUID())
        let other = [WorkspaceID(UUID())]
        for end in ["", "/versions", "/versions/1", "/check"] {
            #expect(try await fixture.templates(.get, path + end, tenant: stranger).status == 404, "\(end)")
            #expect(try await fixture.templates(.get, path + end, workspaces: other).status == 404, "\(end)")
        }
        for end in ["/duplicate", "/versions/1/restore", "/test", "/preview"] {
            #expect(try await fixture.templates(.post, path + end, "{}", tenant: stranger).status == 404, "\(end)")
            #expect(try await fixture.templates(.post, path + end, "{}", workspaces: other).status == 404, "\(end)")
        }
        #expect(try await fixture.templates(.put, path, content, ifMatch: "*", workspaces: other).status == 404)
        #expect(try await fixture.templates(.delete, path, ifMatch: "*", tenant: stranger).status == 404)
        #expect(try await fixture.templates(.get, "", workspaces: other).body.contains(#""data":[]"#))
        #expect(try await fixture.templates(.get, "?workspace=\(fixture.peers.workspace)", workspaces: other).status == 404)
        #expect(try await fixture.templates(.get, "", workspaces: [fixture.peers.workspace]).body.contains(made.text("id")))
    }

    @Test("warnings come with every answer; a name is known once the company has the field")
    func warnings() async throws {
        let fixture = try await CampaignsFixture.make()
        let made = try await fixture.makeTemplate(text: "{{shoeSize}} {{unsubscribe_url}}")
        #expect(made.warnings == ["unknown_variable", "missing_postal_address"])
        #expect(made.answer.member("unknown_variables") as? [String] == ["shoeSize"])
        try await fixture.house.house.worker.query(
            """
            insert into custom_fields (tenant_id, id, key, name, kind, created_at)
            values (\(fixture.tenant), \(UUID()), 'shoe_size', 'Shoe size', 'number', now())
            """)
        let check = try await fixture.templates(.get, "/\(made.text("id"))/check")
        #expect(check.warnings == ["missing_postal_address"])
        #expect(check.answer.member("variables") as? [String] == ["first_name", "shoeSize", "unsubscribe_url"])
        #expect(try await fixture.templates(.get, "/\(made.text("id"))").warnings == ["missing_postal_address"])
    }

    @Test("one that was saved under older rules is still shown, with what is wrong with it")
    func olderRules() async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/\(try await fixture.makeTemplate().text("id"))"
        try await fixture.house.house.worker.query(
            "update template_versions set html_body = '<a href={{email}}>x</a>' where tenant_id = \(fixture.tenant)")
        let shown = try await fixture.templates(.get, path)
        #expect(shown.status == 200 && shown.warnings == ["template_invalid"])
        #expect(try await fixture.templates(.post, "\(path)/preview", "{}").status == 422)
        #expect(try await fixture.templates(.post, "\(path)/versions/1/restore").status == 422)
        #expect(try await fixture.templates(.put, path, #"{"subject":"s","text":"t"}"#, ifMatch: "\"1\"").status == 200)
    }
}

@Suite("Templates shown and tried out")
struct TemplateMailTests {
    @Test("a preview is the mail that a lead would get, from a mailbox of the workspace")
    func preview() async throws {
        let fixture = try await CampaignsFixture.make()
        let lead = try await fixture.makeLead(first: "Ada <b>", custom: #"{"city": "Oslo"}"#)
        let made = try await fixture.makeTemplate(
            subject: "{{first_name}}", text: nil, html: "<p>{{firstName}} {{city|nowhere}} {{sender.name}} {{postal_address}} {x|y}</p>")
        let path = "/\(made.text("id"))/preview"
        let shown = try await fixture.templates(
            .post, path, #"{"lead":"\#(lead)","mailbox":"\#(fixture.peers.mailbox)","key":"k"}"#)
        #expect(shown.status == 200 && shown.text("subject") == "Ada <b>" && shown.answer.member("is_text_derived") as? Bool == true)
        let choice = SpintaxChoices(key: "k").index(of: 0, in: .html, among: 2) == 0 ? "x" : "y"
        #expect(shown.text("html") == "<p>Ada &lt;b&gt; Oslo A 1 Ice Road \(choice)</p>")
        #expect(shown.text("text") == "Ada <b> Oslo A 1 Ice Road \(choice)")
        let sample = try await fixture.templates(.post, path, "{}")
        #expect(sample.text("subject") == "Ada" && sample.text("html").hasPrefix("<p>Ada nowhere Grace Sender 1 Ice Road "))
        #expect(try await fixture.templates(.post, path, #"{"mailbox":"\#(UUID())"}"#).text("type") == "/problems/mailbox_not_found")
        #expect(try await fixture.templates(.post, path, #"{"version":7}"#).status == 404)
    }

    @Test("whoever is limited to workspaces sees their leads only, and nobody another company's")
    func leads() async throws {
        let fixture = try await CampaignsFixture.make()
        let lead = try await fixture.makeLead(first: "Ada")
        let other = WorkspaceID(UUID())
        let body = #"{"workspace":"\#(other)","subject":"{{first_name}}","text":"t","lead":"\#(lead)"}"#
        #expect(try await fixture.templates(.post, "/preview", body).text("subject") == "Ada")
        #expect(try await fixture.templates(.post, "/preview", body, workspaces: [other]).status == 404)
        #expect(try await fixture.templates(.post, "/preview", body, workspaces: [other, fixture.peers.workspace]).text("subject") == "Ada")
        #expect(try await fixture.templates(.post, "/preview", body, workspaces: [fixture.peers.workspace]).status == 404)
        #expect(try await fixture.templates(.post, "/preview", body, tenant: TenantID(UUID())).status == 404)
    }

    private func test(_ fixture: CampaignsFixture, to: String, lead: LeadID? = nil) -> String {
        let person = lead.map { #","lead":"\#($0)""# } ?? ""
        return #"{"mailbox":"\#(fixture.peers.mailbox)","to":\#(to)\#(person)}"#
    }

    @Test("a test mail is the mail of a lead, marked, handed to Delivery once a key, and in the trail")
    func testMail() async throws {
        let fixture = try await CampaignsFixture.make()
        let lead = try await fixture.makeLead(first: "Ada")
        let path = "/\(try await fixture.makeTemplate().text("id"))/test"
        let user = UserID(UUID())
        let body = test(fixture, to: #"["Me@x.org","you@x.org","me@X.org"]"#, lead: lead)
        fixture.peers.lose("enqueue", times: 5)
        #expect(try await fixture.templates(.post, path, body, key: "once", user: user).status == 503)
        let sent = try await fixture.templates(.post, path, body, key: "once", user: user)
        #expect(sent.status == 202)
        #expect(try await fixture.templates(.post, path, body, key: "once", user: user).body == sent.body)
        let sends = fixture.peers.state.withLock { $0.sends.values.sorted { $0.recipient < $1.recipient } }
        #expect(sends.map(\.recipient) == ["me@x.org", "you@x.org"])
        for send in sends {
            #expect(send.subject == "[Test] Hi Ada" && send.text == "1 Ice Road {{unsubscribe_url}}" && send.priority == 40)
            #expect(send.sendKey.hasPrefix("test:") && send.sendKey.utf8.count <= 200)
            #expect(send.campaign == nil && send.enrolment == nil && send.reservation == nil && send.workspace == fixture.peers.workspace)
        }
        #expect(try await fixture.actions().contains("template.test"))
        let another = try await fixture.templates(.post, path, test(fixture, to: #""me@x.org""#), user: user)
        #expect(another.status == 202)
        #expect(fixture.peers.state.withLock { $0.sends.count } == 3)
    }

    @Test(
        "who and where to are checked",
        arguments: [
            ("null", 400), ("[]", 400), (#"["a@x.org","b@x.org","c@x.org","d@x.org"]"#, 400), (#""nobody""#, 400),
            (#""a@x.org\r\nBcc: b@x.org""#, 400), ("7", 400), (#""a@x.org""#, 202),
        ])
    func recipients(to: String, status: Int) async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/\(try await fixture.makeTemplate().text("id"))/test"
        #expect(try await fixture.templates(.post, path, test(fixture, to: to)).status == status)
        #expect(fixture.peers.state.withLock { $0.sends.count } == (status == 202 ? 1 : 0))
    }

    @Test("neither the unverified nor a stopped or foreign mailbox sends tests")
    func refused() async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/\(try await fixture.makeTemplate().text("id"))/test"
        let body = test(fixture, to: #""a@x.org""#)
        #expect(try await fixture.templates(.post, path, body, isVerified: false).status == 403)
        let foreign = #"{"mailbox":"\#(UUID())","to":"a@x.org"}"#
        #expect(try await fixture.templates(.post, path, foreign).text("type") == "/problems/mailbox_not_found")
        fixture.peers.state.withLock { $0.mailboxState = "stopped" }
        let stopped = try await fixture.templates(.post, path, body)
        #expect(stopped.status == 409 && stopped.text("type") == "/problems/mailbox_stopped")
        #expect(fixture.peers.state.withLock { $0.sends.isEmpty })
    }

    @Test("twenty test mails an hour are a person's; then there is a time to wait, and a purge leaves nothing")
    func limit() async throws {
        let fixture = try await CampaignsFixture.make()
        let path = "/\(try await fixture.makeTemplate().text("id"))/test"
        let user = UserID(UUID())
        let three = test(fixture, to: #"["a@x.org","b@x.org","c@x.org"]"#)
        let one = test(fixture, to: #""a@x.org""#)
        for _ in 0..<6 {
            #expect(try await fixture.templates(.post, path, three, user: user).status == 202)
            fixture.house.clock.advance(by: .seconds(10))
        }
        #expect(try await fixture.templates(.post, path, three, user: user).status == 429)
        for _ in 0..<2 { #expect(try await fixture.templates(.post, path, one, user: user).status == 202) }
        let refused = try await fixture.templates(.post, path, one, user: user)
        #expect(refused.status == 429 && refused.retryAfter == "3540" && refused.text("type") == "/problems/too_many_test_mails")
        #expect(try await fixture.templates(.post, path, one, user: UserID(UUID())).status == 202)
        fixture.house.clock.advance(by: .seconds(3_540))
        #expect(try await fixture.templates(.post, path, three, user: user).status == 202)
        #expect(try await fixture.templates(.post, path, one, user: user).status == 429)
        let client = RPCClient.local(fixture.house.router(fixture.service), caller: .auth)
        for _ in 0..<20 {
            if try await client.call(CampaignsRPC.Purge(tenant: fixture.tenant, workspace: fixture.peers.workspace)).isDone { break }
        }
        #expect(try await fixture.house.rows(of: fixture.tenant).filter { $0.key != "idempotency_keys" } == [:])
    }
}
