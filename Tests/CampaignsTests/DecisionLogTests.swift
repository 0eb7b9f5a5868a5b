import Contracts
import Foundation
import Testing

@testable import Campaigns

@Suite("The decision log in words")
struct DecisionLogTests {
    static let past: [DecisionSituation] = [
        DecisionSituation(
            "sent, and opened on the same day",
            "mail_sent: Mail of step 1 (variant B) was sent on Mon 2 Nov 2026, 09:20 (Europe/Oslo) from a@x.org; opened by a person 10:31.",
            "finished: Finished on Mon 2 Nov 2026, 12:00: every step is done."
        ) {
            $0.send { $0.openedAt = DecisionScene.at("2026-11-02T09:31:00Z") }
            $0.end(.finished, "sequence_done", at: "2026-11-02T11:00:00Z")
        },
        DecisionSituation(
            "opened by a machine, clicked and answered later",
            """
            mail_sent: Mail of step 1 (variant B) was sent on Mon 2 Nov 2026, 09:20 (Europe/Oslo) from a@x.org; opened by a machine 09:21; \
            a link clicked on Tue 3 Nov 2026, 11:00; answered on Tue 3 Nov 2026, 12:00.
            """,
            "ended_replied: Stopped: the lead answered on Tue 3 Nov 2026, 12:00."
        ) {
            $0.send {
                $0.machineOpenedAt = DecisionScene.at("2026-11-02T08:21:00Z")
                $0.repliedAt = DecisionScene.at("2026-11-03T11:00:00Z")
                $0.clickedAt = DecisionScene.at("2026-11-03T10:00:00Z")
            }
            $0.end(.replied, "replied", at: "2026-11-03T11:00:05Z")
        },
        DecisionSituation(
            "came back",
            """
            mail_sent: Mail of step 1 (variant B) was sent on Mon 2 Nov 2026, 09:20 (Europe/Oslo) from a@x.org; came back 09:25.
            """, "ended_bounced: Stopped: the mail came back on Mon 2 Nov 2026, 09:25; the address does not take any."
        ) {
            $0.send { $0.bouncedAt = DecisionScene.at("2026-11-02T08:25:00Z") }
            $0.end(.bounced, "bounced", at: "2026-11-02T08:25:01Z")
        },
        DecisionSituation(
            "unsubscribed",
            "mail_sent: Mail of step 1 (variant B) was sent on Mon 2 Nov 2026, 09:20 (Europe/Oslo) from a@x.org; unsubscribed 10:00.",
            "ended_unsubscribed: Stopped: the lead unsubscribed on Mon 2 Nov 2026, 10:00."
        ) {
            $0.send { $0.unsubscribedAt = DecisionScene.at("2026-11-02T09:00:00Z") }
            $0.end(.unsubscribed, "unsubscribed", at: "2026-11-02T09:00:01Z")
        },
        DecisionSituation(
            "suppressed before anything was sent",
            "mail_suppressed: Mail of step 1 (variant B) was decided on Mon 2 Nov 2026, 09:19 and not sent: the address is on the suppression list.",
            "ended_suppressed: Never mailed: the address is on the suppression list."
        ) {
            $0.send(1, .suppressed)
            $0.end(.suppressed, "suppressed", at: "2026-11-02T08:20:00Z")
        },
        DecisionSituation(
            "refused for good",
            "mail_refused: Mail of step 1 (variant B) was decided on Mon 2 Nov 2026, 09:19; the receiving server refused it for good.",
            "ended_failed: Stopped on Mon 2 Nov 2026, 09:30: the receiving server refused the mail of step 1 for good."
        ) {
            $0.send(1, .refused)
            $0.enrolment.step = 1
            $0.end(.failed, "refused", at: "2026-11-02T08:30:00Z")
        },
        DecisionSituation(
            "an unknown fate",
            """
            mail_held: Mail of step 1 (variant B) was sent on Mon 2 Nov 2026, 09:20 (Europe/Oslo) from a@x.org, but the line broke before the \
            receiving server answered: nobody knows whether it arrived, and nothing more goes out until that is settled.
            """
        ) {
            $0.send(1, .ambiguous)
            $0.enrolment.status = .held
        },
        DecisionSituation(
            "in the queue",
            "mail_queued: Mail of step 4 was put into the queue of a@x.org on Thu 5 Nov 2026, 14:00 and has not gone out yet."
        ) {
            $0.send(4, .queued, variant: "A", planned: "2026-11-05T13:00:00Z")
            $0.enrolment.status = .queued
        },
        DecisionSituation(
            "a server asked to wait, and the campaign is paused",
            """
            mail_deferred: Mail of step 4 was put into the queue of a@x.org on Thu 5 Nov 2026, 14:00; the receiving server asked to wait, and it \
            is tried again.
            """, "waits_paused: The campaign is paused (lunch): nothing goes out until it is resumed."
        ) {
            $0.send(4, .deferred, variant: "A", planned: "2026-11-05T13:00:00Z")
            $0.enrolment.status = .deferred
            ($0.status, $0.statusReason) = (.paused, "lunch")
        },
        DecisionSituation(
            "a condition that was met", "condition: Condition of step 3 (opened step 1): yes, went to step 5.",
            "finished: Finished on Fri 6 Nov 2026, 10:00: the campaign was over when its last mail went out."
        ) {
            $0.decide("condition", 3, ["is_met": "true"], at: "2026-11-05T08:20:00Z")
            $0.end(.finished, "campaign_over", at: "2026-11-06T09:00:00Z")
        },
        DecisionSituation(
            "a condition that was not met, in the steps of its time", "condition: Condition of step 3 (answered): no, left the sequence.",
            "finished: Finished on Thu 5 Nov 2026, 09:20: every step is done."
        ) {
            let old = Step(number: 3, action: .condition(ConditionStep(test: .replied, then: .following, otherwise: .exit)))
            $0.versions = [
                .init(sequence: CampaignSequence(version: 2, steps: $0.steps), since: DecisionScene.at("2026-11-05T09:00:00Z")),
                .init(sequence: CampaignSequence(version: 1, steps: [old]), since: DecisionScene.at("2026-11-01T09:00:00Z")),
            ]
            $0.sequenceVersion = 2
            $0.decide("condition", 3, ["is_met": "false"], at: "2026-11-05T08:20:00Z")
            $0.end(.finished, "sequence_done", at: "2026-11-05T08:20:00Z")
        },
        DecisionSituation(
            "an edit moved it", "moved: The steps were edited (version 1 to 2): went from step 2 to step 4, on Tue 3 Nov 2026, 09:00.",
            "ended_removed: Never mailed: the campaign was stopped on Tue 3 Nov 2026, 10:00."
        ) {
            $0.decide("moved", 4, ["from_step": "2", "from_version": "1", "to_version": "2"], at: "2026-11-03T08:00:00Z")
            $0.end(.removed, "campaign_stopped", at: "2026-11-03T09:00:00Z")
        },
        DecisionSituation(
            "not in the segment when its turn came",
            "ended_removed: Never mailed: the lead was no longer in the segment on Mon 2 Nov 2026, 09:20."
        ) {
            $0.decide("ended", 1, ["reason": "left_audience"], at: "2026-11-02T08:20:00Z")
            $0.end(.removed, "left_audience", at: "2026-11-02T08:20:00Z")
        },
        DecisionSituation("stopped by hand", "stopped: Stopped by hand on Tue 3 Nov 2026, 09:00: wrong person.") {
            $0.decide("stopped", 4, ["by": "user:1", "reason": "wrong person"], at: "2026-11-03T08:00:00Z")
            $0.end(.removed, "stopped", at: "2026-11-03T08:00:00Z")
        },
    ]

    static let future: [DecisionSituation] = [
        DecisionSituation("due later", "waits_due: Waits for step 4: due on Fri 6 Nov 2026, 14:00.") {
            $0.enrolment.dueAt = DecisionScene.at("2026-11-06T13:00:00Z")
        },
        DecisionSituation(
            "due when the window is closed", "waits_due: Waits for step 4: due on Fri 6 Nov 2026, 18:00; the window opens on Mon 9 Nov 2026, 09:00."
        ) { $0.enrolment.dueAt = DecisionScene.at("2026-11-06T17:00:00Z") },
        DecisionSituation(
            "due at night where the lead lives",
            "waits_due: Waits for step 4: due on Fri 6 Nov 2026, 14:00; the window opens on Fri 6 Nov 2026, 15:00."
        ) {
            // New York, six hours behind.
            $0.usesLeadZone = true
            $0.enrolment.zone = "America/New_York"
            $0.enrolment.dueAt = DecisionScene.at("2026-11-06T13:00:00Z")
        },
        DecisionSituation("due now", "due_now: Is due for step 4: goes out as soon as those before it have gone.") { _ in },
        DecisionSituation(
            "due on a Saturday", "waits_window: Not mailed: the sending window is closed; it opens on Mon 9 Nov 2026, 09:00."
        ) { $0.now = DecisionScene.at("2026-11-07T10:00:00Z") },
        DecisionSituation(
            "the daily cap", "waits_daily_cap: Not mailed: the daily cap of 50 is reached; goes on Mon 9 Nov 2026, 09:00."
        ) {
            $0.dailyCap = 50
            $0.sentToday = 50
        },
        DecisionSituation(
            "every mailbox full", "waits_mailboxes_full: Not mailed: every mailbox is full until Mon 9 Nov 2026, 09:00."
        ) { $0.budgets = [DecisionScene.full, DecisionScene.budget(DecisionScene.otherMailbox, isFull: true)] },
        DecisionSituation(
            "the mailbox of its thread full", "waits_thread_mailbox_full: Not mailed: the mailbox of its thread is full until Mon 9 Nov 2026, 09:00."
        ) { $0.budgets = [DecisionScene.full, DecisionScene.budget(DecisionScene.otherMailbox)] },
        DecisionSituation(
            "no mailbox sends",
            "waits_mailboxes_unavailable: Not mailed: no mailbox of the campaign sends at the moment; looked at again on Fri 6 Nov 2026, 11:15."
        ) { $0.budgets = [DecisionScene.budget(DecisionScene.mailbox, state: "stopped")] },
        DecisionSituation(
            "read-only access",
            "waits_access: Not mailed: the trial or the subscription is over, or the company is suspended, so nothing is sent."
        ) { $0.mayMail = false },
        DecisionSituation(
            "no mails left", "waits_quota: Not mailed: the mails of the plan's period are used up; tried again on Fri 6 Nov 2026, 11:01."
        ) { ($0.waitingReason, $0.nextAt) = ("quota_exceeded", DecisionScene.at("2026-11-06T10:01:00Z")) },
        DecisionSituation(
            "Delivery does not answer, and the last round knew why",
            "waits_mailboxes_full: Not mailed: every mailbox is full until Fri 6 Nov 2026, 12:00."
        ) {
            $0.hasLimits = false
            ($0.waitingReason, $0.nextAt) = ("mailboxes_full", DecisionScene.at("2026-11-06T11:00:00Z"))
        },
        DecisionSituation(
            "waits for the winner of a test",
            "waits_test: Waits for the better variant of step 1, which is looked for on Sat 7 Nov 2026, 09:20."
        ) {
            let test = VariantTest(sampleShare: 1e-12, metric: .opened, minimumSample: 10, decideAfterHours: 24)
            let variants = $0.steps[0].email?.variants ?? []
            $0.steps[0] = Step(number: 1, action: .email(EmailStep(variants: variants, test: test)))
            $0.tests = [1: TestState(openedAt: DecisionScene.at("2026-11-06T08:20:00Z"))]
            ($0.enrolment.step, $0.enrolment.mailbox) = (1, nil)
        },
        DecisionSituation(
            "the test is won", "due_now: Is due for step 1 (variant B): goes out as soon as those before it have gone."
        ) {
            let test = VariantTest(sampleShare: 0.2, metric: .opened, minimumSample: 10, decideAfterHours: 24)
            let variants = $0.steps[0].email?.variants ?? []
            $0.steps[0] = Step(number: 1, action: .email(EmailStep(variants: variants, test: test)))
            $0.tests = [1: TestState(openedAt: DecisionScene.at("2026-11-04T08:20:00Z"), winner: "B")]
            ($0.enrolment.step, $0.enrolment.mailbox) = (1, nil)
        },
        DecisionSituation(
            "before a condition",
            """
            next_condition: Waits for the condition of step 3 (opened step 1): asked on Fri 6 Nov 2026, 12:20; as things stand: no, would go to \
            step 4.
            """
        ) {
            $0.enrolment.step = 3
            $0.enrolment.dueAt = DecisionScene.at("2026-11-06T11:20:00Z")
        },
        DecisionSituation("an edit left nothing to do", "next_end: Nothing is left to do: the edited sequence ends here.") {
            let old = CampaignSequence(version: 1, steps: $0.steps + [Step(number: 9, action: .wait(60))])
            $0.versions = [.init(sequence: old, since: DecisionScene.at("2026-11-01T09:00:00Z"))]
            ($0.sequenceVersion, $0.enrolment.step) = (2, 9)
        },
        DecisionSituation(
            "an edit takes it further", "due_now: Is due for step 5: goes out as soon as those before it have gone."
        ) {
            let old = CampaignSequence(version: 1, steps: $0.steps[..<4] + [Step(number: 9, action: .wait(60))] + $0.steps[4...])
            $0.versions = [.init(sequence: old, since: DecisionScene.at("2026-11-01T09:00:00Z"))]
            ($0.sequenceVersion, $0.enrolment.step) = (2, 9)
        },
        DecisionSituation("opted out since", "will_not_mail: Will not be mailed: the lead opted out (Thu 5 Nov 2026, 09:00).") {
            $0.person = DecisionLog.Person(status: .unsubscribed, statusChangedAt: DecisionScene.at("2026-11-05T08:00:00Z"))
        },
        DecisionSituation("out of the segment since", "will_not_mail: Will not be mailed: the lead is not in the segment now.") {
            $0.person?.isInAudience = false
            $0.enrolment.mailbox = nil
        },
        DecisionSituation("the segment gone", "waits_audience: Not mailed: the campaign's segment is gone or cannot be asked.") {
            $0.person?.isInAudience = nil
            $0.enrolment.mailbox = nil
        },
        DecisionSituation("the campaign over", "campaign_over: The campaign is over: nothing more is decided for this lead.") {
            $0.status = .completed
        },
    ]

    @Test("what happened, whatever it was", arguments: DecisionLogTests.past)
    func happened(_ situation: DecisionSituation) {
        var scene = DecisionScene()
        situation.change(&scene)
        #expect(scene.told == situation.expected)
    }

    @Test("what is to come and what it waits for, as the planner would decide it", arguments: DecisionLogTests.future)
    func toCome(_ situation: DecisionSituation) {
        var scene = DecisionScene()
        situation.change(&scene)
        #expect(scene.told == situation.expected)
    }

    @Test("it begins with the enrolment, and goes on in the order of time")
    func order() {
        var scene = DecisionScene()
        scene.send(4, .accepted, variant: "A", planned: "2026-11-05T09:00:00Z", sent: "2026-11-05T09:30:00Z")
        scene.decide("condition", 3, ["is_met": "false"], at: "2026-11-05T08:20:00Z")
        scene.send(1, .accepted)
        scene.end(.finished, "sequence_done", at: "2026-11-05T09:30:00Z")
        let lines = scene.log.lines(
            .init(
                enrolment: scene.enrolment, enrolledAt: DecisionScene.at("2026-11-02T08:14:00Z"), finishedAt: scene.finishedAt, sends: scene.sends,
                decisions: scene.decisions))
        #expect(lines.map(\.code) == ["enrolled", "mail_sent", "condition", "mail_sent", "finished"])
        #expect(lines[0].text == "Enrolled on Mon 2 Nov 2026, 09:14." && lines.map(\.at) == lines.map(\.at).sorted())
    }

    @Test(
        "why a lead is not in the campaign",
        arguments: [
            ("not_enrolled_unsubscribed: Not enrolled: the lead opted out on Thu 5 Nov 2026, 09:00.", LeadStatus.unsubscribed, true, true),
            ("not_enrolled_not_attached: Not enrolled: not attached to the workspace.", .active, false, true),
            ("not_enrolled_not_in_audience: Not enrolled: not in the segment now.", .active, true, false),
            ("not_enrolled_audience_gone: Not enrolled: the campaign's segment is gone or cannot be asked.", .active, true, nil),
            ("not_enrolled_not_reached: Not enrolled: enrolling has not reached it yet.", .active, true, true),
        ] as [(String, LeadStatus, Bool, Bool?)])
    func absence(expected: String, status: LeadStatus, isAttached: Bool, isInAudience: Bool?) {
        var scene = DecisionScene()
        scene.person = DecisionLog.Person(
            status: status, statusChangedAt: DecisionScene.at("2026-11-05T08:00:00Z"), isAttached: isAttached, isInAudience: isInAudience)
        let line = scene.log.absence(isEnrolled: false)
        #expect("\(line.code): \(line.text)" == expected)
    }

    @Test(
        "why a campaign has not enrolled a lead that belongs to it",
        arguments: [
            (CampaignStatus.draft, false, "draft"), (.scheduled, false, "scheduled"), (.completed, true, "campaign_over"),
            (.paused, false, "paused"), (.active, true, "came_later"), (.paused, true, "came_later"),
        ])
    func campaignsReason(status: CampaignStatus, isEnrolled: Bool, code: String) {
        var scene = DecisionScene()
        scene.status = status
        #expect(scene.log.absence(isEnrolled: isEnrolled).code == "not_enrolled_\(code)")
    }
}
