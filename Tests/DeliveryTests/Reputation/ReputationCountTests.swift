import Contracts
import Foundation
import Postgres
import Primitives
import Streams
import TestSupport
import Testing

@testable import Delivery

@Suite("Counting for a reputation")
struct ReputationCountTests {
    @Test("outcomes count in their commit; feedback counts once a mail and kind, and not what was refused at once")
    func counting() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        _ = try await fixture.rpc.call(fixture.plan(mailbox, (0..<8).map { "l\($0)@x.example" }))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim())).map(\.delivery)
        let byRecipient = Dictionary(uniqueKeysWithValues: taken.map { ($0.recipient, $0) })
        try await fixture.write(taken) { delivery in
            switch delivery.recipient {
            case "l0@x.example": .refused(code: 550, text: "5.1.1 nobody")
            case "l1@x.example": .deferred(code: 451, text: "4.2.0 later")
            case "l2@x.example": .ambiguous(text: "the line broke")
            case "l3@x.example": .unreachable(text: "no route")
            default: .accepted(code: 250, text: "ok")
            }
        }
        #expect(try await fixture.counts(of: mailbox) == ReputationCounts(accepted: 4, refused: 1))
        func key(_ name: String) -> String { "campaign:\(name)@x.example:1" }
        #expect(try await fixture.tell(.hardBounce, [key("l0"), key("l4"), key("l4"), "campaign:unknown:1"]) == 1)
        #expect(try await fixture.tell(.hardBounce, [key("l4")]) == 0)
        #expect(try await fixture.tell(.softBounce, [key("l5")]) == 1)
        #expect(try await fixture.tell(.replied, [key("l6"), key("l7")]) == 2)
        #expect(try await fixture.tell(.unsubscribed, [key("l6")]) == 1)
        #expect(try await fixture.tell(.opened, [key("l6")]) == 0)
        #expect(try await fixture.tell(.automaticReply, [key("l6")]) == 0)
        let expected = ReputationCounts(accepted: 4, refused: 1, hardBounces: 1, softBounces: 1, unsubscribes: 1, replies: 2)
        #expect(try await fixture.counts(of: mailbox) == expected)
        // A mail of unknown fate that somebody settles counts when it is settled.
        let unknown = try #require(byRecipient["l2@x.example"]).send
        #expect(try await fixture.send(.post, "/api/v1/sends/\(unknown)/settle", #"{"as":"sent"}"#).status == 204)
        #expect(try await fixture.counts(of: mailbox).accepted == 5)
    }

    @Test("what is known of a mail by its identifier counts once, and nothing of a mail that another company sent")
    func byIdentifier() async throws {
        let fixture = try await DeliveryFixture.make()
        let mailbox = try await fixture.mailbox()
        try await fixture.accepted(1, from: mailbox)
        let send: SendID = try await fixture.database.query("select id from sends")[0].decode("id")
        let (counts, now) = (fixture.service.reputation.feedback, fixture.house.clock.clock.now)
        func unsubscribe(_ tenant: TenantID) async throws -> Bool {
            try await fixture.database.transaction { try await counts.count(.unsubscribed, of: send, tenant, now: now, in: $0) }
        }
        #expect(try await unsubscribe(fixture.tenant))
        #expect(try await !unsubscribe(fixture.tenant))
        #expect(try await !unsubscribe(TenantID(UUID())))
        #expect(try await fixture.counts(of: mailbox) == ReputationCounts(accepted: 1, unsubscribes: 1))
    }

    @Test("each kind of job that comes by the clock has a handler")
    func handlers() async throws {
        let fixture = try await DeliveryFixture.make()
        let kinds = try await fixture.database.query("select kind from cron_kinds where kind like 'reputation.%' or kind like 'warmup.%'").map {
            try $0.decode("kind", as: String.self)
        }
        let handlers = Set(fixture.service.reputation.handlers.keys).union(fixture.service.warmup.handlers.keys)
        #expect(Set(kinds) == handlers && kinds.count == 4)
    }

    @Test("the recount of an ended day equals what was counted, sets right what drifted, and leaves today alone")
    func recount() async throws {
        let fixture = try await DeliveryFixture.make()
        let (mailbox, idle) = (try await fixture.mailbox(), try await fixture.mailbox("idle@sender.example"))
        let keys = try await fixture.accepted(12, from: mailbox)
        _ = try await fixture.rpc.call(fixture.plan(mailbox, ["bad@x.example", "late@x.example"], prefix: "other"))
        let taken = try await DeliveryStore(database: fixture.database, lease: 30).take(fixture.entries(try await fixture.claim())).map(\.delivery)
        try await fixture.write(taken) { _ in .refused(code: 550, text: "5.1.1 nobody") }
        try await fixture.tell(.complained, [keys[0]])
        try await fixture.tell(.hardBounce, [keys[1]])
        try await fixture.tell(.replied, Array(keys[2...4]))
        let counted = try await fixture.counts(of: mailbox)
        #expect(counted == ReputationCounts(accepted: 12, refused: 2, hardBounces: 1, complaints: 1, replies: 3))
        let recount = fixture.service.reputation.recount
        // Today is not ended: whatever it says, it stays.
        try await fixture.note(ReputationCounts(accepted: 7), of: idle)
        try await recount.run()
        #expect(try await fixture.counts(of: idle).accepted == 7)
        fixture.house.clock.advance(by: .seconds(86_400))
        try await recount.run()
        #expect(try await fixture.counts(of: mailbox) == counted)
        #expect(try await fixture.counts(of: idle) == ReputationCounts())
        try await fixture.database.query("update reputation_days set accepted = 99, complaints = 9, replies = 0")
        try await recount.run()
        #expect(try await fixture.counts(of: mailbox) == counted)
        try await fixture.database.query("delete from reputation_days")
        try await recount.run()
        #expect(try await fixture.counts(of: mailbox) == counted)
        // Old days go.
        fixture.house.clock.advance(by: .seconds(86_400 * (ReputationRecount.keptDays + 1)))
        try await recount.run()
        #expect(try await fixture.counts(of: mailbox) == ReputationCounts())
        #expect(try await fixture.database.query("select 1 as one from send_feedback").isEmpty)
    }

    @Test("the recount finds a day of the ledger without reading it all")
    func plan() async throws {
        let fixture = try await DeliveryFixture.make()
        let owner = Database(fixture.house.database.configuration(role: "delivery_owner"), connections: 1)
        let indexes = try await owner.query(
            "select indexdef from pg_indexes where tablename like 'sends_%' and indexdef like '%brin%' and indexdef like '%resolved_at%'")
        #expect(indexes.count == 8)
    }

    @Test("scores are written for domains and mailboxes, and taken back from who sends no more")
    func scoring() async throws {
        let fixture = try await DeliveryFixture.make()
        let (good, bad) = (try await fixture.mailbox(), try await fixture.mailbox("bad@sender.example"))
        try await fixture.note(ReputationCounts(accepted: 1_000), of: good, daysAgo: 10)
        try await fixture.note(ReputationCounts(accepted: 900, refused: 100), of: bad, daysAgo: 10)
        try await fixture.service.reputation.scoring.run()
        func scores() async throws -> [String: Int?] {
            let rows = try await fixture.database.query("select subject, score from reputations")
            return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("subject"), try $0.decodeOptional("score")) })
        }
        // The domain's is of all its mails: 5 % of 2,000.
        #expect(try await scores() == [good.description: 100, bad.description: 65, "sender.example": 65])
        // Who begins in the green is no news, and the same band again neither.
        try await fixture.service.reputation.scoring.run()
        func told() async throws -> Set<String> {
            Set(
                try await fixture.told("delivery.reputation.band_changed").map {
                    let data = try ReceivedEvent(body: Array($0.utf8)).data(as: DeliveryEvents.ReputationBandChanged.self)
                    return "\(data.subject): \(data.previous ?? "-") \(data.band ?? "-")"
                })
        }
        let poor = ReputationScore.Band(score: 65).rawValue
        #expect(try await told() == ["\(bad): - \(poor)", "sender.example: - \(poor)"])
        try await fixture.note(ReputationCounts(accepted: 100_000), of: bad, daysAgo: 2)
        try await fixture.service.reputation.scoring.run()
        #expect(try await told().isSuperset(of: ["\(bad): \(poor) green", "sender.example: \(poor) green"]))
        fixture.house.clock.advance(by: .seconds(86_400 * 30))
        try await fixture.service.reputation.scoring.run()
        #expect(try await scores() == [good.description: nil, bad.description: nil, "sender.example": nil])
        let reasons = try await fixture.database.query("select distinct reason from reputations")
        #expect(try reasons.map { try $0.decode("reason", as: String.self) } == ["not_enough_mail"])
    }
}
