import Contracts
import Foundation
import Testing

@testable import Delivery

struct RefusalTests {
    @Test(
        "a reply is judged by the same rules as a bounce",
        arguments: [
            (550, "5.1.1 The email account that you tried to reach does not exist. Please try 5.1.1 double-checking the address", "hard_bounce"),
            (550, "5.4.1 Recipient address rejected: Access denied. AS(201806281)", "hard_bounce"),
            (552, "5.2.2 The recipient's inbox is out of storage space", "soft_bounce"),
            (554, "5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org", "blocked"),
            (550, "5.4.5 Daily user sending limit exceeded", "blocked"), (554, "Transaction failed", "unknown"),
            (552, "too large for the server", "soft_bounce"),
            // What was put off until its time was up is no proof against an address.
            (450, "4.1.1 <lead@example.org>: Recipient address rejected: User unknown", "soft_bounce"),
            (451, "4.7.1 Greylisting in action, please come back later", "soft_bounce"),
        ])
    func aReplyIsJudgedBy(_ code: Int, _ text: String, _ kind: String) {
        let enhanced = text.split(separator: " ").first.flatMap { StatusCode($0) }?.description
        let verdict = InboundClassifier.classify(smtp: code, enhanced: enhanced, text: text)
        #expect(verdict.kind.rawValue == kind, "\(verdict.rule)")
        #expect(verdict.rule.hasPrefix("smtp."))
        #expect((verdict.confidence == 0) == (verdict.kind == .unknown))
    }

    @Test("a success and a code of no reply are judged by nobody") func aSuccessAndACode() {
        #expect(InboundClassifier.classify(smtp: 250, enhanced: "2.1.5", text: "user unknown").kind == .unknown)
        #expect(InboundClassifier.classify(smtp: 0, enhanced: nil, text: "").kind == .unknown)
    }

    @Test("a refused send has a verdict, any other has none") func aRefusedSendHasA() {
        let now = Date(timeIntervalSince1970: 1_793_697_163)
        func refusal(_ result: DeliveryResult, firstDeferredAt: Date? = nil) -> InboundVerdict? {
            Resolution(result, of: Self.delivery(firstDeferredAt: firstDeferredAt), now: now, spread: 0).refusal
        }
        #expect(refusal(.refused(code: 550, text: "5.1.1 User unknown"))?.kind == .hardBounce)
        #expect(refusal(.refused(code: 550, text: "5.1.1 User unknown"))?.status == "5.1.1")
        #expect(refusal(.refused(code: 554, text: "5.7.1 rejected"))?.kind == .blocked)
        #expect(refusal(.accepted(code: 250, text: "2.0.0 user unknown")) == nil)
        #expect(refusal(.deferred(code: 450, text: "4.1.1 User unknown")) == nil)
        #expect(refusal(.ambiguous(text: "550 5.1.1 User unknown")) == nil)
        // Put off for longer than it may be: refused, but by a temporary code.
        let long = refusal(.deferred(code: 450, text: "4.1.1 User unknown"), firstDeferredAt: now - 30 * 86_400)
        #expect(long?.kind == .softBounce)
    }

    private static func delivery(firstDeferredAt: Date?) -> Delivery {
        Delivery(
            send: SendID(UUID()), fence: 1, hand: UUID(), queue: "queue:email-sending", priority: 100, attempt: 1, claimedAt: .now,
            tenant: TenantID(UUID()), sendKey: "k", campaign: nil, enrolment: nil, reservation: nil, mailbox: MailboxID(UUID()),
            recipient: "lead@example.org", recipientName: nil, subject: "s", text: "t", html: nil, hours: nil, follows: [],
            deferrals: firstDeferredAt == nil ? 0 : 40, firstDeferredAt: firstDeferredAt, unreachable: 0, createdAt: .now, destination: nil,
            hasGap: false, hasFailures: false, entry: StreamEntryPlace(stream: "s", position: "1-0"))
    }

    @Test("the names of rules are told apart") func theNamesOfRulesAre() {
        let rules = FailureRules.permanent + FailureRules.transient
        let names = Dictionary(grouping: rules, by: \.id)
        // Words are asked for twice, with a status that says nothing and without any.
        #expect(names.filter { $0.value.count > 1 }.keys.sorted() == ["words.no-such-user"])
        #expect(rules.allSatisfy { (0.5...1).contains($0.confidence) && $0.kind != .unknown })
        #expect(FailureRules.transient.allSatisfy { $0.kind != .hardBounce })
        let phrases = rules.flatMap { $0.any + $0.all + $0.none }
        #expect(phrases.allSatisfy { $0 == $0.lowercased() && $0.utf8.count >= 2 && !$0.contains("  ") })
    }
}
