import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

@Suite("The inbox as people use it")
struct InboxRoutesTests {
    private struct List: Decodable {
        struct Thread: Decodable {
            let id: InboxThreadID
            let contact: String
            let state: String
            let isUnread: Bool
            let assignedTo: UserID?
            let label: String?
            let snoozedUntil: Date?
        }
        struct Links: Decodable {
            let next: String?
        }
        let data: [Thread]
        let page: Links
    }

    private func list(_ ground: InboxGround, _ query: String = "", workspaces: [WorkspaceID]? = nil, user: UserID = UserID(UUID())) async throws
        -> List
    {
        let answer = try await ground.ask(.get, "/api/v1/inbox/threads?\(query)", role: .viewer, workspaces: workspaces, user: user)
        try #require(answer.status == 200, "\(answer.body)")
        return try WireJSON.decoder().decode(List.self, from: Data(answer.body.utf8))
    }

    private func contacts(_ ground: InboxGround, _ query: String, user: UserID = UserID(UUID())) async throws -> [String] {
        try await list(ground, query, user: user).data.map { String($0.contact.prefix { $0 != "@" }) }
    }

    /// Threads with these people, a second apart, the last the newest.
    private func threads(_ ground: InboxGround, _ people: [String]) async throws {
        for (index, person) in people.enumerated() {
            let identifier = try await ground.sent("transactional:\(person)", to: "\(person)@lead.example", subject: "About \(person)")
            let verdict: InboundVerdict.Kind = person == "away" ? .outOfOffice : .reply
            try await ground.take(
                .init(
                    from: "\(person) <\(person)@lead.example>", subject: "Re: About \(person)", answers: [identifier], verdict: verdict,
                    uid: UInt32(index + 1)))
        }
        // Their times, without waiting for them.
        try await ground.database.query(
            """
            update inbox_threads t set last_at = t.last_at - make_interval(secs => n.back) from (
                select id, 100 - row_number() over (order by created_at, id) as back from inbox_threads) n where t.id = n.id
            """)
    }

    @Test("newest first, page by page, with every filter")
    func lists() async throws {
        let ground = try await InboxGround.make()
        try await threads(ground, ["ann", "bob", "away", "cid"])
        var seen: [String] = []
        var query = "limit=3"
        while true {
            let page = try await list(ground, query)
            seen += page.data.map { String($0.contact.prefix { $0 != "@" }) }
            guard let next = page.page.next else { break }
            query = "limit=3&cursor=\(next)"
        }
        #expect(seen == ["cid", "away", "bob", "ann"])
        let (ann, me) = (try await list(ground, "q=ann").data[0].id, UserID(UUID()))
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ann)/assign", #"{"to":"\#(me)"}"#).status == 200)
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ann)/read").status == 200)
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ann)/label", #"{"label":" interested "}"#).status == 200)
        #expect(try await contacts(ground, "assigned_to=me", user: me) == ["ann"])
        #expect(try await contacts(ground, "assigned_to=\(me)") == ["ann"])
        #expect(try await contacts(ground, "assigned_to=nobody") == ["cid", "away", "bob"])
        #expect(try await contacts(ground, "unread=false") == ["ann"])
        #expect(try await contacts(ground, "label=interested") == ["ann"])
        #expect(try await contacts(ground, "kind=out_of_office") == ["away"])
        #expect(try await contacts(ground, "mailbox=\(ground.mailbox)&q=BOB%40lead") == ["bob"])
        #expect(try await contacts(ground, "q=re:+About+c") == ["cid"])
        #expect(try await contacts(ground, "q=ob") == [])
        #expect(try await contacts(ground, "q=%25") == [])
        #expect(try await contacts(ground, "campaign=\(UUID().text)") == [])
        #expect(try await contacts(ground, "state=archived") == [])
        for bad in [
            "state=x", "unread=1", "kind=x", "assigned_to=x", "mailbox=x", "campaign=x", "workspace=x", "limit=0", "cursor=x",
            "q=\(String(repeating: "q", count: 201))", "label=\(String(repeating: "l", count: 65))",
        ] {
            #expect(try await ground.ask(.get, "/api/v1/inbox/threads?\(bad)").status == 400, "\(bad)")
        }
    }

    @Test("a thread shows what was written apart from what was quoted, HTML that is safe, and the campaign's mails")
    func view() async throws {
        let ground = try await InboxGround.make()
        let enrolment = EnrolmentID(UUID())
        let identifier = try await ground.sent("campaign:\(enrolment):0", to: "ada@lead.example", enrolment: enrolment)
        try await ground.take(
            .init(
                answers: [identifier], text: "Yes.\r\n\r\nOn Mon, 3 Aug 2026, Me <me@sender.example> wrote:\r\n> Hello",
                html: #"<p onclick="x()">Yes<script>alert(1)</script><img src="https://t.example/p.gif"></p>"#))
        let thread = try await ground.thread()
        let plain = try await ground.ask(.get, "/api/v1/inbox/threads/\(thread)", role: .viewer)
        #expect(plain.status == 200)
        for part in [
            #""text":"Yes.""#, #""quoted":"On Mon"#, #""html":"<p>Yes</p>""#, #""has_hidden_images":true"#, #""send_key":"campaign:\#(enrolment):0""#,
            #""state":"accepted""#, #""is_unread":true"#,
        ] { #expect(plain.body.contains(part), "\(part) in \(plain.body)") }
        let images = try await ground.ask(.get, "/api/v1/inbox/threads/\(thread)?images=1")
        #expect(images.body.contains(#"<img src=\"https://t.example/p.gif\""#) && images.body.contains(#""has_hidden_images":false"#))
        #expect(try await ground.ask(.get, "/api/v1/inbox/threads/\(thread)?images=2").status == 400)
        #expect(try await ground.ask(.get, "/api/v1/inbox/threads/\(UUID().text)").status == 404)
        #expect(try await ground.ask(.get, "/api/v1/inbox/threads/x").status == 404)
    }

    @Test("a long thread is read backwards, fifty messages at once, and at most so much HTML")
    func long() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        let html = "<p>" + String(repeating: "x", count: 390_000) + "</p>"
        for number in 0..<60 {
            try await ground.take(.init(answers: [identifier], text: "number \(number).", html: number > 50 ? html : nil, uid: UInt32(number + 1)))
        }
        let path = "/api/v1/inbox/threads/\(try await ground.thread())"
        let newest = try await ground.ask(.get, path)
        func numbers(_ body: String) -> [Int] { body.matches(of: /"text":"number (\d+)\."/).compactMap { Int($0.1) } }
        #expect(numbers(newest.body) == Array(10..<60))
        #expect(newest.body.contains(#""has_older":true"#))
        #expect(newest.body.matches(of: /"html":"<p>x/).count == 5)
        #expect(newest.body.matches(of: /"is_html_omitted":true/).count == 4)
        let first = try #require(newest.body.firstMatch(of: /"id":"([0-9a-f-]{36})","is_html_omitted":false,[^{}]*"text":"number 10\."/)?.1)
        let older = try await ground.ask(.get, path + "?before=\(first)")
        #expect(numbers(older.body) == Array(0..<10) && older.body.contains(#""has_older":false"#))
        #expect(try await ground.ask(.get, path + "?before=x").status == 400)
        #expect(try await numbers(ground.ask(.get, path + "?before=\(UUID().text)").body) == [])
    }

    @Test("archived and snoozed threads are away until their time, until somebody asks, or until the person writes; a machine leaves them there")
    func away() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        try await ground.take(.init(answers: [identifier]))
        let path = "/api/v1/inbox/threads/\(try await ground.thread())"
        func state() async throws -> String { try await list(ground, "state=all").data[0].state }
        #expect(try await ground.ask(.post, path + "/archive").status == 200)
        #expect(try await ground.ask(.post, path + "/archive").body.contains(#""state":"archived""#))
        try await ground.take(.init(answers: [identifier], verdict: .outOfOffice, uid: 2))
        #expect(try await state() == "archived")
        try await ground.take(.init(answers: [identifier], uid: 3))
        #expect(try await state() == "open")
        #expect(try await list(ground, "unread=true").data.count == 1)
        #expect(try await ground.ask(.post, path + "/archive").status == 200)
        #expect(try await ground.ask(.post, path + "/unarchive").body.contains(#""state":"open""#))

        let until = WireJSON.format(ground.now.addingTimeInterval(3_600))
        for bad in [#"{"until":"\#(WireJSON.format(ground.now))"}"#, #"{"until":"2100-01-01T00:00:00Z"}"#, #"{"until":"soon"}"#, "{}"] {
            #expect(try await ground.ask(.post, path + "/snooze", bad).status == 400, "\(bad)")
        }
        #expect(try await ground.ask(.post, path + "/snooze", #"{"until":"\#(until)"}"#).body.contains(#""state":"snoozed""#))
        #expect(try await list(ground).data.isEmpty)
        #expect(try await list(ground, "state=snoozed").data.first?.snoozedUntil != nil)
        let keeper = InboxKeeper(
            database: ground.database, retentionDays: 730, clock: ground.fixture.house.clock.clock, logger: ground.fixture.house.house.logger)
        #expect(try await keeper.wake() == 0)
        ground.fixture.house.clock.advance(by: .seconds(3_600))
        #expect(try await keeper.wake() == 1)
        #expect(try await list(ground).data.first?.isUnread == true)
        let later = WireJSON.format(ground.now.addingTimeInterval(3_600))
        #expect(try await ground.ask(.post, path + "/snooze", #"{"until":"\#(later)"}"#).status == 200)
        #expect(try await ground.ask(.post, path + "/unsnooze").body.contains(#""state":"open""#))
    }

    @Test("the counts are of what a person may see")
    func counts() async throws {
        let ground = try await InboxGround.make()
        try await threads(ground, ["ann", "bob", "cid"])
        let me = UserID(UUID())
        let ids = try await list(ground).data.map(\.id)
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ids[0])/archive").status == 200)
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ids[1])/assign", #"{"to":"\#(me)"}"#).status == 200)
        let mine = try await ground.ask(.get, "/api/v1/inbox/counts", role: .viewer, user: me)
        #expect(mine.body == #"{"archived":1,"assigned_to_me":1,"open":2,"snoozed":0,"unassigned":1,"unread":2}"#)
        let elsewhere = try await ground.ask(.get, "/api/v1/inbox/counts", workspaces: [WorkspaceID(UUID())])
        #expect(elsewhere.body == #"{"archived":0,"assigned_to_me":0,"open":0,"snoozed":0,"unassigned":0,"unread":0}"#)
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(ids[1])/assign", #"{"to":null}"#).status == 200)
        #expect(try await list(ground, "assigned_to=nobody").data.count == 2)
    }

    /// Every act with what it takes.
    private func acts(_ ground: InboxGround) -> [(name: String, body: String?)] {
        [
            ("archive", nil), ("unarchive", nil), ("unsnooze", nil), ("read", nil), ("unread", nil),
            ("snooze", #"{"until":"\#(WireJSON.format(ground.now.addingTimeInterval(60)))"}"#), ("assign", #"{"to":null}"#),
            ("label", #"{"label":"x"}"#), ("reply", #"{"text":"Hello"}"#),
        ]
    }

    @Test("no route knows a thread of another company, nor one of a workspace that the person may not use; viewers only look")
    func apart() async throws {
        let ground = try await InboxGround.make()
        let stranger = try await ground.stranger()
        let identifier = try await ground.sent("transactional:1", to: "ada@lead.example")
        try await ground.take(.init(answers: [identifier]))
        let path = "/api/v1/inbox/threads/\(try await ground.thread())"
        let before = try await ground.ask(.get, path).body
        let others = [WorkspaceID(UUID())]
        #expect(try await stranger.ask(.get, path).status == 404)
        #expect(try await ground.ask(.get, path, workspaces: others).status == 404)
        for (name, body) in acts(ground) {
            #expect(try await stranger.ask(.post, "\(path)/\(name)", body, role: .owner).status == 404, "\(name)")
            #expect(try await ground.ask(.post, "\(path)/\(name)", body, role: .owner, workspaces: others).status == 404, "\(name)")
            #expect(try await ground.ask(.post, "\(path)/\(name)", body, role: .viewer).status == 403, "\(name)")
        }
        #expect(try await ground.ask(.get, path).body == before)
        #expect(try await list(stranger, "state=all").data.isEmpty)
        #expect(try await list(ground, "state=all", workspaces: others).data.isEmpty)
        #expect(try await ground.ask(.get, "/api/v1/inbox/threads?workspace=\(ground.fixture.workspace)", workspaces: others).status == 404)
        #expect(try await list(ground, "workspace=\(ground.fixture.workspace)").data.count == 1)
        // The same mail at the other company's mailbox finds nothing of this one.
        try await stranger.take(.init(answers: [identifier]))
        #expect(try await stranger.kept == [0, 0])
    }
}
