import Contracts
import Foundation

@testable import Campaigns

// Nobody is forgotten: when the faults are over, everybody comes to an end, or waits for something that still stands.
extension Simulation {
    func inspect() {
        guard let left = whatIsLeft() else {
            isSettled = true
            return
        }
        if now > quietAt + Self.patience { fail("forgotten: \(left)") }
        timeline.add(.intervention(.inspect), at: now + 86_400)
    }

    /// The first thing that is not at rest.
    func whatIsLeft() -> String? {
        if !stream.isEmpty { return "events on their way" }
        if let handOver = openHandOvers.first { return "hand-over \(handOver) is open" }
        if let place = withdrawing.first { return "enrolment \(place) is to be withdrawn" }
        if let mail = mails.indices.first(where: { mails[$0].state == .claimed }) { return "mail \(mail) is claimed" }
        for index in campaigns.indices {
            if let left = whatIsLeft(of: index) { return left }
        }
        return nil
    }

    private func whatIsLeft(of index: Int) -> String? {
        let campaign = campaigns[index]
        if campaign.status == .draft { return "campaign \(index) is a draft" }
        if campaign.sweeping != nil { return "campaign \(index) is being swept" }
        if campaign.status == .paused { return nil }
        if campaign.status == .active, !campaign.isEnrolled { return "campaign \(index) is not enrolled" }
        var standing = 0
        for place in campaign.enrolments {
            let value = enrolments[place].value
            if value.status.isFinal || value.status == .held { continue }
            if campaign.status == .completed { return "enrolment \(place) is \(value.status), and campaign \(index) is completed" }
            guard hasReason(place) else { return "enrolment \(place) of campaign \(index) is \(value.status) at \(value.step) without a reason" }
            standing += 1
        }
        return campaign.status == .active && standing == 0 ? "campaign \(index) is not completed" : nil
    }

    /// Whether what an enrolment waits for cannot come about.
    private func hasReason(_ place: Int) -> Bool {
        let row = enrolments[place]
        let campaign = campaigns[row.campaign]
        func sends(_ mailbox: Int) -> Bool { mailboxes[mailbox].state == "active" }
        if let id = row.value.mailbox, let mailbox = mailboxIndex[id], !sends(mailbox) { return true }
        guard row.value.status == .waiting else { return false }
        if !campaign.mailboxes.contains(where: sends) { return true }
        return campaign.schedule.opening(from: now, leadZone: row.value.zone) == nil
    }

    /// In the end all books say the same.
    func checkTheEnd() {
        recount()
        if !isSettled { fail("the world stands still; left: \(whatIsLeft() ?? "nothing")") }
        for place in enrolments.indices {
            for send in enrolments[place].sends {
                let key = Self.key(place, send.value.step)
                let known = mailByKey[key].map { mails[$0].state }
                guard !Self.agree(send.value.state, known) else { continue }
                let there = known.map { "\($0)" } ?? "unknown"
                return fail("enrolment \(place), step \(send.value.step) is \(send.value.state), and at Delivery \(there)")
            }
        }
    }

    private static func agree(_ state: EnrolmentSend.State, _ known: LedgerMail.State?) -> Bool {
        switch (state, known) {
        case (.queued, .planned), (.deferred, .deferred), (.accepted, .accepted), (.refused, .refused), (.ambiguous, .ambiguous),
            (.suppressed, .suppressed), (.cancelled, .cancelled), (.suppressed, nil), (.cancelled, nil):
            true
        default: false
        }
    }
}
