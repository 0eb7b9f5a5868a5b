import Contracts
import Foundation

@testable import Campaigns

// What Delivery promises by its contract: a ledger unique by send key, gates with versions, and mail taken back in the same commit.
extension Simulation {
    struct LedgerMail {
        enum State {
            case planned
            case claimed
            case deferred
            case accepted
            case refused
            case ambiguous
            case suppressed
            case cancelled
            /// Forgotten: its key may be used again.
            case recalled
        }

        let key: Int
        let enrolment: Int
        let step: Int
        let campaign: Int
        let tenant: Int
        let person: Int
        let mailbox: Int
        let window: Int?
        /// Of the campaign, when the mail was planned.
        let edit: Int
        var runAt: Date
        var state = State.planned
        var version: Int64 = 0
        var attempts = 0
        var claimedAt = Date.distantPast
    }

    struct MailboxModel {
        let id: MailboxID
        let tenant: Int
        let dailyLimit: Int?
        let hourlyLimit: Int?
        /// Seconds from the end of one mail to the next claim.
        let gap: Int
        let ramp: [Int]
        let rampStart: Date
        let health: Int
        var state = "active"
        /// Planned and deferred mails.
        var queue: [Int] = []
        /// Of the last 24 hours, oldest first.
        var claims: [Date] = []
        var inFlight = 0
        var opensAt = Date.distantPast
        var token = 0

        func rampDay(at instant: Date) -> Int { max(0, Int(instant.timeIntervalSince(rampStart) / 86_400)) }

        func dailyLimit(at instant: Date) -> Int? {
            let day = rampDay(at: instant)
            return day < ramp.count ? min(ramp[day], dailyLimit ?? .max) : dailyLimit
        }
    }

    struct Gate {
        var isOpen = true
        var version: Int64 = 0

        mutating func set(_ call: GateCall, ignoringVersion: Bool = false) {
            guard call.version > version || ignoringVersion else { return }
            isOpen = call.isOpen
            version = call.version
        }
    }

    /// A mail as it is handed over.
    struct HandedMail {
        let key: Int
        let mailbox: Int
        let window: SendingWindow?
        let dueAt: Date
        let edit: Int
    }

    struct Withdrawn {
        var withdrawn: [Int] = []
        var unknown: [Int] = []
        var tooLate: [Int] = []
    }

    // MARK: - Calls

    func enqueue(_ handed: [HandedMail]) {
        for mail in handed {
            if mailByKey[mail.key] != nil {
                count("known key")
                guard breakage == .forgetsSendKeys else { continue }
            }
            let enrolment = Self.enrolment(of: mail.key)
            let campaign = enrolments[enrolment].campaign
            let index = mails.count
            mails.append(
                LedgerMail(
                    key: mail.key, enrolment: enrolment, step: Self.step(of: mail.key), campaign: campaign, tenant: campaigns[campaign].tenant,
                    person: enrolments[enrolment].person, mailbox: mail.mailbox, window: mail.window.map(windowNumber), edit: mail.edit,
                    runAt: mail.dueAt))
            mailByKey[mail.key] = index
            mailboxes[mail.mailbox].queue.append(index)
            scheduleClaim(mail.mailbox)
        }
    }

    func withdraw(_ keys: [Int], isRecall: Bool) -> Withdrawn {
        var answer = Withdrawn()
        for key in keys {
            guard let index = mailByKey[key] else {
                answer.unknown.append(key)
                continue
            }
            switch mails[index].state {
            case .planned where isRecall:
                mails[index].state = .recalled
                mailByKey[key] = nil
                leaveQueue(index)
                answer.withdrawn.append(key)
                count("recalled")
            case .planned where !isRecall, .deferred where !isRecall:
                cancel(index)
                answer.withdrawn.append(key)
            case .cancelled where !isRecall: answer.withdrawn.append(key)
            default:
                answer.tooLate.append(key)
                count("too late")
            }
        }
        return answer
    }

    func cancel(_ index: Int) {
        mails[index].state = .cancelled
        leaveQueue(index)
        tell(index, .cancelled)
        count("cancelled")
    }

    func erase(_ person: Int) {
        suppressedPeople.insert(person)
        proof.stoppedPeople.insert(person)
        for index in mails.indices where mails[index].person == person && (mails[index].state == .planned || mails[index].state == .deferred) {
            cancel(index)
        }
    }

    func set(_ call: GateCall) {
        if let outageEnd {
            // The caller asks again until it is answered.
            timeline.add(.gate(call), at: outageEnd + dice.seconds(1...30))
            return
        }
        let ignoring = breakage == .ignoresGateVersions
        switch call.scope {
        case .campaign(let index):
            campaignGates[index].set(call, ignoringVersion: ignoring)
            proof.campaignGates[index].set(call)
            trace("the gate of campaign \(index) is \(campaignGates[index].isOpen ? "open" : "closed"), version \(campaignGates[index].version)")
        case .tenant(let index):
            tenantGates[index].set(call, ignoringVersion: ignoring)
            proof.tenantGates[index].set(call)
            trace("the gate of tenant \(index) is \(tenantGates[index].isOpen ? "open" : "closed"), version \(tenantGates[index].version)")
        }
        scheduleClaims()
    }

    /// What may still be sent; mail behind a closed gate does not count as waiting, or a paused campaign would block all others.
    func budget(_ index: Int) -> DeliveryRPC.MailboxBudget {
        let mailbox = mailboxes[index]
        var usage: [DeliveryRPC.MailboxBudget.Usage] = []
        for claim in mailbox.claims where claim > now - 86_400 {
            let hour = Date(timeIntervalSince1970: (claim.timeIntervalSince1970 / 3_600).rounded(.down) * 3_600)
            if let last = usage.last, last.hour == hour {
                usage[usage.count - 1].mails += 1
            } else {
                usage.append(.init(hour: hour, mails: 1))
            }
        }
        var waiting = 0
        for mail in mailbox.queue where mails[mail].state == .planned && isGateOpen(mail) { waiting += 1 }
        let opensAt = mailbox.gap > 0 && mailbox.inFlight > 0 ? now + 600 : mailbox.opensAt
        return DeliveryRPC.MailboxBudget(
            id: mailbox.id, workspace: Self.workspace, address: "", state: mailbox.state, stateReason: nil, dailyLimit: mailbox.dailyLimit,
            ramp: Array(mailbox.ramp.dropFirst(mailbox.rampDay(at: now))), hourlyLimit: mailbox.hourlyLimit, gapSeconds: mailbox.gap,
            opensAt: opensAt > now ? opensAt : nil, usage: usage, waiting: waiting, health: mailbox.health)
    }

    private static let workspace = WorkspaceID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2)))

    // MARK: - Helpers

    func isGateOpen(_ mail: Int) -> Bool {
        if breakage == .ignoresGates { return true }
        let row = mails[mail]
        return campaignGates[row.campaign].isOpen && tenantGates[row.tenant].isOpen && !closedEnrolments.contains(row.enrolment)
    }

    func leaveQueue(_ mail: Int) {
        mailboxes[mails[mail].mailbox].queue.removeAll { $0 == mail }
    }

    /// Raises the version and tells everyone the mail's state.
    func tell(_ mail: Int, _ state: DeliveryEvents.SendState) {
        mails[mail].version += 1
        trace("  mail of enrolment \(mails[mail].enrolment), step \(mails[mail].step): \(state), version \(mails[mail].version)")
        emit(
            .word(
                enrolment: mails[mail].enrolment, step: mails[mail].step, state: state, version: mails[mail].version, at: now))
    }
}
