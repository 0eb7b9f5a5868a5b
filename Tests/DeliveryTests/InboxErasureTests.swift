import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

private let ada = "ada@lead.example"

@Suite("What is left of a person, a workspace and a company in the inbox")
struct InboxErasureTests {
    private func erase(_ address: String, _ ground: InboxGround) async throws {
        for _ in 0..<20 {
            let request = DeliveryRPC.EraseRecipient(tenant: ground.tenant, address: address, isOptedOut: false)
            if try await ground.fixture.rpc.call(request).isDone { return }
        }
        Issue.record("the erasure does not end")
    }

    @Test("a forgotten person's threads go, what they wrote in others' threads goes, and what they write later is acted upon but not kept")
    func person() async throws {
        let ground = try await InboxGround.make()
        let (enrolment, other) = (EnrolmentID(UUID()), EnrolmentID(UUID()))
        let own = try await ground.sent("campaign:\(enrolment):0", to: ada, enrolment: enrolment)
        let bos = try await ground.sent("campaign:\(other):0", to: "bo@lead.example", enrolment: other)
        try await ground.take(
            .init(from: "Ada Lovelace <Ada@Lead.example>", answers: [own], text: "I am ada@lead.example."),
            .init(from: "bo@lead.example", answers: [bos], text: "Ask Ada.", uid: 2),
            .init(from: "Ada Lovelace <ada@lead.example>", answers: [bos], text: "It is me, ada@lead.example.", uid: 3),
            .init(from: "desk@lead.example", answers: [bos], uid: 4, extra: ["Reply-To: \(ada)"]))
        let thread: InboxThreadID = try await ground.database.query("select id from inbox_threads where contact = \(ada)")[0].decode("id")
        #expect(try await ground.ask(.post, "/api/v1/inbox/threads/\(thread)/reply", #"{"text":"Dear ada@lead.example"}"#).status == 202)
        let before = try await ground.fixture.house.tables(holding: ada)
        for table in ["inbox_threads", "inbox_messages", "send_contents"] { #expect(before.contains(table), "\(before)") }

        try await erase("Ada@lead.example", ground)

        #expect(try await ground.fixture.house.tables(holding: ada) == [])
        #expect(try await ground.fixture.house.tables(holding: "Lovelace") == [])
        #expect(try await ground.kept == [1, 1])
        #expect(try await ground.number("select messages as n from inbox_threads") == 1)

        try await ground.take(.init(from: "Ada Lovelace <\(ada)>", answers: [own], uid: 9))
        #expect(try await ground.fixture.house.tables(holding: ada) == [])
        #expect(try await ground.feedback().last == "replied campaign:\(enrolment):0")
        // What she wants holds without her address.
        try await ground.take(.init(from: "Ada Lovelace <\(ada)>", answers: [own], verdict: .unsubscribeWish, uid: 10))
        #expect(try await ground.fixture.house.tables(holding: ada) == [])
        let suppressed = try await ground.fixture.rpc.call(
            DeliveryRPC.FindSuppressed(tenant: ground.tenant, workspace: ground.fixture.workspace, addresses: [ada]))
        #expect(suppressed == [ada])
    }

    private func ground() async throws -> (InboxGround, InboxGround) {
        let ground = try await InboxGround.make()
        let other = try await ground.stranger()
        for company in [ground, other] {
            let identifier = try await company.sent("transactional:1", to: ada)
            try await company.take(.init(answers: [identifier]), .init(verdict: .hardBounce, uid: 2, original: ["message-id=<\(identifier)>"]))
        }
        return (ground, other)
    }

    @Test("with a company, and with a workspace, its inbox goes whole, and nobody else's", arguments: [true, false])
    func purge(isWhole: Bool) async throws {
        let (ground, other) = try await ground()
        let kept = try await ground.fixture.house.rows(of: other.tenant)
        for table in ["inbox_threads", "inbox_messages", "inbox_heads", "inbound_facts"] { #expect(kept[table] != nil, "\(table)") }
        let workspace: WorkspaceID? = isWhole ? nil : ground.fixture.workspace
        var isDone = false
        for _ in 0..<20 where !isDone {
            isDone = try await ground.fixture.rpc.call(DeliveryRPC.Purge(tenant: ground.tenant, workspace: workspace)).isDone
        }
        #expect(isDone)
        if isWhole {
            #expect(try await ground.fixture.house.rows(of: ground.tenant) == [:])
        } else {
            #expect(try await ground.fixture.house.rows(of: ground.fixture.workspace) == [:])
        }
        #expect(try await ground.fixture.house.rows(of: other.tenant) == kept)
    }

    @Test("a conversation that has been silent for long enough is forgotten with all its messages, a younger one is not")
    func retention() async throws {
        let ground = try await InboxGround.make()
        let identifier = try await ground.sent("transactional:1", to: ada)
        let other = try await ground.sent("transactional:2", to: "bo@lead.example")
        try await ground.take(.init(answers: [identifier]))
        let keeper = InboxKeeper(
            database: ground.database, retentionDays: 730, clock: ground.fixture.house.clock.clock, logger: ground.fixture.house.house.logger)
        ground.fixture.house.clock.advance(by: .seconds(500 * 86_400))
        try await ground.take(.init(from: "bo@lead.example", answers: [other], uid: 2))
        try await keeper.prune()
        #expect(try await ground.kept == [2, 2])
        // What each mail meant is kept for as long as reputation looks back.
        #expect(try await ground.number("select count(*) as n from inbound_facts") == 1)
        ground.fixture.house.clock.advance(by: .seconds(231 * 86_400))
        try await keeper.prune()
        #expect(try await ground.kept == [1, 1])
        #expect(try await ground.number("select count(*) as n from inbox_threads where contact = 'bo@lead.example'") == 1)
    }
}
