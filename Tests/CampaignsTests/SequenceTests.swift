import Contracts
import Foundation
import Testing

@testable import Campaigns

@Suite("Sequences")
struct SequenceTests {
    static func mail(_ number: Int, next: Target = .following) -> Step {
        Step(number: number, action: .email(EmailStep(variants: [.init(name: "A", template: TemplateID(UUID()), templateVersion: 1)])), next: next)
    }

    static func wait(_ number: Int, days: Int, next: Target = .following) -> Step {
        Step(number: number, action: .wait(days * 86_400), next: next)
    }

    static func ask(_ number: Int, _ test: ConditionStep.Test, then: Target, otherwise: Target) -> Step {
        Step(number: number, action: .condition(ConditionStep(test: test, then: then, otherwise: otherwise)))
    }

    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    /// 1 mail, 2 wait 3 days, 3 opened 1? then 4 else 6; 4 mail → exit; 5 wait a day; 6 mail.
    private var branched: CampaignSequence {
        CampaignSequence(
            version: 1,
            steps: [
                Self.mail(1), Self.wait(2, days: 3), Self.ask(3, .opened(step: 1), then: .step(4), otherwise: .step(5)), Self.mail(4, next: .exit),
                Self.wait(5, days: 1), Self.mail(6),
            ])
    }

    @Test("waits add up, conditions branch, branches end")
    func walk() {
        let sequence = branched
        #expect(sequence.faults == [])
        #expect(sequence.start(at: start) == .at(step: 1, dueAt: start))
        let later = start + 3 * 86_400
        #expect(sequence.after(step: 1, at: start) == .at(step: 3, dueAt: later))
        let yes = sequence.evaluate(condition: 3, facts: ConditionFacts(opened: [1]), at: later)
        #expect(yes?.isMet == true && yes?.standing == .at(step: 4, dueAt: later))
        let no = sequence.evaluate(condition: 3, facts: ConditionFacts(opened: [2], clicked: [1]), at: later)
        #expect(no?.isMet == false && no?.standing == .at(step: 6, dueAt: later + 86_400))
        #expect(sequence.after(step: 4, at: later) == .end)
        #expect(sequence.after(step: 6, at: later) == .end)
    }

    @Test("an edit finds everybody's place: the same step, the next one that is left, and no mail a second time")
    func edits() {
        let old = branched
        let edited = CampaignSequence(version: 2, steps: [Self.mail(7), Self.wait(2, days: 1), Self.mail(6), Self.mail(8)])
        #expect(edited.moved(from: 6, dueAt: start, done: [], previously: old) == .at(step: 6, dueAt: start))
        // Step 3 stood behind the wait of step 2, as step 6 does now.
        #expect(edited.moved(from: 3, dueAt: start, done: [1], previously: old) == .at(step: 6, dueAt: start))
        #expect(edited.moved(from: 6, dueAt: start, done: [6], previously: old) == .at(step: 8, dueAt: start))
        #expect(edited.moved(from: 99, dueAt: start, done: [], previously: old) == .end)
        // Step 1 was the first: what is first now has taken its place.
        #expect(edited.moved(from: 1, dueAt: start, done: [], previously: old) == .at(step: 7, dueAt: start))
        #expect(edited.after(step: 1, at: start, previously: old) == .at(step: 7, dueAt: start))
        #expect(edited.after(step: 4, at: start, previously: old) == .at(step: 6, dueAt: start))
        #expect(edited.after(step: 4, at: start, previously: nil) == .end)
    }

    @Test("what no sequence may be is said with its place")
    func faults() {
        let nothing = EmailStep(variants: [])
        let cases: [([Step], String)] = [
            ([], "steps"), ([Self.wait(1, days: 1)], "steps"), ([Self.mail(1), Self.mail(1)], "steps.1.number"),
            ([Self.mail(1, next: .step(1))], "steps.0.next"), ([Self.mail(2), Self.mail(1, next: .step(2))], "steps.1.next"),
            ([Step(number: 1, action: .email(nothing))], "steps.0.variants"), ([Self.mail(1), Self.wait(2, days: 400)], "steps.1.seconds"),
            ([Self.ask(1, .opened(step: 2), then: .following, otherwise: .exit), Self.mail(2)], "steps.0.condition.step"),
            ([Self.mail(1), Self.ask(2, .replied, then: .step(1), otherwise: .exit)], "steps.1.then"),
            ((1...21).map { Self.mail($0) }, "steps"),
        ]
        for (steps, path) in cases {
            #expect(CampaignSequence(version: 1, steps: steps).faults.map(\.path).contains(path), "\(path)")
        }
    }

    @Test("steps go to JSON and back as they are")
    func coding() throws {
        let test = VariantTest(sampleShare: 0.2, metric: .replied, minimumSample: 50, decideAfterHours: 24)
        let variants = ["A", "B"].map { EmailStep.Variant(name: $0, template: TemplateID(UUID()), templateVersion: 3, weight: 2) }
        let steps =
            branched.steps + [
                Step(number: 9, action: .email(EmailStep(variants: variants, test: test, startsThread: true))),
                Self.ask(10, .clicked(step: nil), then: .exit, otherwise: .following), Self.ask(11, .replied, then: .following, otherwise: .exit),
            ]
        let data = try WireJSON.encoder().encode(steps)
        #expect(try WireJSON.decoder().decode([Step].self, from: data) == steps)
        let written =
            #"[{"number":1,"kind":"wait","seconds":60,"next":"exit"},{"number":2,"kind":"condition","condition":{"kind":"opened","step":1},"then":3}]"#
        let read = try WireJSON.decoder().decode([Step].self, from: Data(written.utf8))
        #expect(read[0] == Step(number: 1, action: .wait(60), next: .exit))
        #expect(read[1] == Self.ask(2, .opened(step: 1), then: .step(3), otherwise: .following))
    }
}

@Suite("Variants")
struct VariantTests {
    private let email = EmailStep(
        variants: [.init(name: "A", template: TemplateID(UUID()), weight: 1), .init(name: "B", template: TemplateID(UUID()), weight: 3)],
        test: VariantTest(sampleShare: 0.25, metric: .clicked, minimumSample: 10, decideAfterHours: 24))
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("lots are drawn by weight and share, and the same enrolment draws the same again")
    func lots() {
        let plain = EmailStep(variants: email.variants)
        let enrolments = (0..<4_000).map { number in
            EnrolmentID(UUID(uuid: (UInt8(number & 255), UInt8(number >> 8), 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))
        }
        let chosen = enrolments.map { VariantChoice.choose(plain, step: 1, for: $0, state: nil, now: start) }
        let again = enrolments.map { VariantChoice.choose(plain, step: 1, for: $0, state: nil, now: start + 99) }
        #expect(chosen == again)
        #expect((2_850...3_150).contains(chosen.count { $0 == .variant("B") }))
        let sampled = enrolments.count { VariantChoice.isInSample($0, step: 1, test: email.test!) }
        #expect((900...1_100).contains(sampled))
        let other = enrolments.map { VariantChoice.choose(plain, step: 2, for: $0, state: nil, now: start) }
        #expect(other != chosen)
    }

    @Test("whoever is not in the sample waits for the winner, and everybody gets it afterwards")
    func waiting() throws {
        let outside = try #require((0...).lazy.map { _ in EnrolmentID(UUID()) }.first { !VariantChoice.isInSample($0, step: 1, test: email.test!) })
        let open = TestState(openedAt: start)
        #expect(VariantChoice.choose(email, step: 1, for: outside, state: open, now: start + 60) == .waitForWinner(until: start + 86_400))
        #expect(VariantChoice.choose(email, step: 1, for: outside, state: open, now: start + 90_000) == .waitForWinner(until: start + 172_800))
        let won = TestState(openedAt: start, winner: "A")
        #expect(VariantChoice.choose(email, step: 1, for: outside, state: won, now: start + 60) == .variant("A"))
    }

    @Test("the winner has the better rate, once samples are large enough or time is up")
    func winner() throws {
        let test = try #require(email.test)
        func winner(_ a: (Int64, Int64), _ b: (Int64, Int64), hours: Double) -> String? {
            test.winner(
                of: email.variants, results: ["A": (mails: a.0, successes: a.1), "B": (mails: b.0, successes: b.1)], openedAt: start,
                now: start + hours * 3_600)
        }
        #expect(winner((100, 5), (100, 9), hours: 23) == nil)
        #expect(winner((100, 5), (100, 9), hours: 24) == "B")
        #expect(winner((9, 5), (100, 9), hours: 30) == nil)
        #expect(winner((9, 5), (100, 9), hours: 48) == "A")
        #expect(winner((0, 0), (0, 0), hours: 48) == "A")
        #expect(winner((50, 5), (100, 10), hours: 24) == "A")
    }
}
