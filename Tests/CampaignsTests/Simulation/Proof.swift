import Contracts
import Foundation

@testable import Campaigns

// The promises, and books of their own to hold them against.
extension Simulation {
    struct Proof {
        /// All claims of each mailbox.
        var claims: [[Date]] = []
        var stoppedEnrolments: Set<Int> = []
        var stoppedPeople: Set<Int> = []
        var campaignGates: [Gate] = []
        var tenantGates: [Gate] = []
        /// Send keys that went out, or may have.
        var sent: Set<Int> = []
        /// The mailbox of each enrolment's thread.
        var threads: [Int: Int] = [:]
        /// When each mail was planned last, and under which cap.
        var plans: [Int: (order: Int, cap: Int?)] = [:]
        var order = 0
        /// Mails that went out on a day of a campaign, and the plan of the one that was planned last.
        var days: [Day: (mails: Int, lastOrder: Int, cap: Int?)] = [:]
        /// What a member of a sample drew.
        var draws: [Draw: String] = [:]
    }

    struct Day: Hashable {
        let campaign: Int
        let day: Int
    }

    struct Draw: Hashable {
        let key: Int
        let sequence: Int
    }

    // MARK: - Decisions

    func checkMove(_ index: Int, from old: Enrolment, to new: Enrolment) {
        if new.status.finality < old.status.finality { fail("enrolment \(index): \(old.status) became \(new.status)") }
        guard new.step != old.step, new.sequenceVersion == old.sequenceVersion else { return }
        let sequence = campaigns[enrolments[index].campaign].sequences[new.sequenceVersion - 1]
        guard let from = sequence.index(of: old.step), let to = sequence.index(of: new.step), to > from else {
            return fail("enrolment \(index) goes from step \(old.step) to \(new.step) in sequence \(new.sequenceVersion)")
        }
    }

    /// A mail is decided once; while a test runs only its sample is mailed, always alike, and afterwards everybody gets the winner.
    func checkPlan(_ campaign: Int, _ mail: RoundPlan.Mail, clock: Date) {
        guard let place = enrolmentIndex[mail.enrolment] else { return fail("a mail is planned for nobody") }
        let key = Self.key(place, mail.step)
        if proof.sent.contains(key) { fail("enrolment \(place): step \(mail.step) is planned again after it was sent") }
        if people[enrolments[place].person].status != .active { fail("enrolment \(place) is planned though its lead may not be written to") }
        proof.order += 1
        proof.plans[key] = (order: proof.order, cap: campaigns[campaign].schedule.dailyCap)
        let sequence = campaigns[campaign].sequence
        guard let email = sequence.step(mail.step)?.email else { return fail("enrolment \(place): step \(mail.step) is no mail") }
        guard let test = email.test else { return }
        if let winner = campaigns[campaign].tests[mail.step]?.winner, email.variants.contains(where: { $0.name == winner }) {
            if mail.variant.name != winner { fail("enrolment \(place) gets \(mail.variant.name) though \(winner) has won") }
            return
        }
        guard VariantChoice.isInSample(mail.enrolment, step: mail.step, test: test) else {
            return fail("enrolment \(place) is not in the sample of step \(mail.step) and did not wait for the winner")
        }
        let draw = Draw(key: key, sequence: sequence.version)
        if let before = proof.draws[draw], before != mail.variant.name { fail("enrolment \(place) draws twice at step \(mail.step)") }
        proof.draws[draw] = mail.variant.name
    }

    // MARK: - Claims

    func checkClaim(_ index: Int) {
        let mail = mails[index]
        let name = "enrolment \(mail.enrolment), step \(mail.step)"
        if proof.sent.contains(mail.key) { fail("\(name) is claimed though it was sent") }
        if proof.stoppedEnrolments.contains(mail.enrolment) { fail("\(name) is claimed after its stop") }
        if proof.stoppedPeople.contains(mail.person) { fail("\(name) is claimed though the person must not be written to") }
        if !proof.campaignGates[mail.campaign].isOpen { fail("\(name) is claimed after a pause or stop was answered") }
        if !proof.tenantGates[mail.tenant].isOpen { fail("\(name) is claimed in spite of read-only access") }
        if let window = mail.window, !windows[window].wall.contains(now) { fail("\(name) is claimed outside its window") }
        if mail.attempts == 1, mail.edit < campaigns[mail.campaign].sweptEdits { fail("\(name) is claimed as it was before an edit") }
        if let thread = proof.threads[mail.enrolment], thread != mail.mailbox { fail("\(name) leaves the mailbox of its thread") }
        proof.threads[mail.enrolment] = mail.mailbox
        checkPace(mail.mailbox)
    }

    private func checkPace(_ index: Int) {
        let mailbox = mailboxes[index]
        if mailbox.gap > 0, let last = proof.claims[index].last, now.timeIntervalSince(last) < Double(mailbox.gap) {
            fail("mailbox \(index) does not keep its gap")
        }
        proof.claims[index].append(now)
        let recent = proof.claims[index].reversed().prefix { $0 > now - 86_400 }
        if let limit = mailbox.dailyLimit(at: now), recent.count > limit { fail("mailbox \(index) claims \(recent.count) in 24 hours") }
        guard let limit = mailbox.hourlyLimit else { return }
        let lastHour = recent.prefix { $0 > now - 3_600 }.count
        if lastHour > limit { fail("mailbox \(index) claims \(lastHour) in an hour") }
    }

    /// A mail went out, or may have. Of any mails of one day, those that were planned before the last of them were counted when it was planned: so
    /// there are never more than its cap.
    func checkSent(_ index: Int) {
        let mail = mails[index]
        if !proof.sent.insert(mail.key).inserted { fail("enrolment \(mail.enrolment), step \(mail.step) is sent twice") }
        guard let plan = proof.plans[mail.key] else { return fail("enrolment \(mail.enrolment), step \(mail.step) is sent without a plan") }
        let key = Day(campaign: mail.campaign, day: campaigns[mail.campaign].clock.local(at: mail.claimedAt).day)
        var day = proof.days[key] ?? (mails: 0, lastOrder: 0, cap: nil)
        day.mails += 1
        if plan.order > day.lastOrder { (day.lastOrder, day.cap) = (plan.order, plan.cap) }
        proof.days[key] = day
        if let cap = day.cap, day.mails > cap {
            fail("campaign \(mail.campaign) sends \(day.mails) mails on \(CivilDay.text(of: key.day)), and its cap is \(cap)")
        }
    }

    /// A mail that may have gone out did not: its day has one less, and its key is never used again.
    func checkNotSent(_ index: Int) {
        let campaign = mails[index].campaign
        proof.days[Day(campaign: campaign, day: campaigns[campaign].clock.local(at: mails[index].claimedAt).day)]?.mails -= 1
    }

    // MARK: - Books

    func recount() {
        for index in campaigns.indices {
            var counters: [String: Int] = [:]
            var outstanding = 0
            for place in campaigns[index].enrolments {
                counters[enrolments[place].value.status.bucket, default: 0] += 1
                for send in enrolments[place].sends where send.value.state.isOutstanding { outstanding += 1 }
            }
            if counters != campaigns[index].counters.filter({ $0.value != 0 }) { fail("campaign \(index): the counters are not a recount") }
            if outstanding != campaigns[index].outstanding { fail("campaign \(index): outstanding is not a recount") }
        }
    }
}
