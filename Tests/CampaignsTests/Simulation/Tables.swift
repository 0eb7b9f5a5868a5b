import Contracts
import Foundation

@testable import Campaigns

// The tables of Campaigns, as far as scheduling needs them, and the writes that keep counters true in the same step.
extension Simulation {
    struct TenantRow {
        var isReadOnly = false
        var accessVersion: Int64 = 0
        /// Billing reserves nothing.
        var isOutOfQuota = false
    }

    struct PersonRow {
        let id: LeadID
        let tenant: Int
        let zone: String?
        /// Nil when erased.
        var status: LeadStatus? = .active
    }

    enum Sweep {
        case recall
        case stop
    }

    struct StatKey: Hashable {
        let step: Int
        let variant: String
    }

    struct Stat {
        var mails: Int64 = 0
        var opened: Int64 = 0
        var clicked: Int64 = 0
        var replied: Int64 = 0
    }

    struct CampaignRow {
        let id: CampaignID
        let tenant: Int
        let mailboxes: [Int]
        let audience: [Int]
        let stopsOnReply: Bool
        /// That of the days that the cap counts.
        let clock: ZoneClock
        var schedule: CampaignSchedule
        /// All versions; the first is 1.
        var sequences: [CampaignSequence]
        var lastNumber: Int
        var status = CampaignStatus.draft
        var version: Int64 = 1
        var enrolments: [Int] = []
        var nextAt = Date.distantPast
        var cursor: Int64 = 0
        var edits = 0
        /// Mails of edits before this one were taken back or are on their way.
        var sweptEdits = 0
        var sweeping: Sweep?
        var sweepCursor = -1
        var sweepLease = Date.distantPast
        /// Whose turn the sweep is.
        var sweepToken = 0
        var counters: [String: Int] = [:]
        var outstanding = 0
        /// By the number of the local day.
        var sentByDay: [Int: Int] = [:]
        var stats: [StatKey: Stat] = [:]
        var tests: [Int: TestState] = [:]

        var sequence: CampaignSequence { sequences[sequences.count - 1] }
        var isEnrolled: Bool { enrolments.count == audience.count }
        var unfinished: Int { (counters["waiting"] ?? 0) + (counters["queued"] ?? 0) + (counters["deferred"] ?? 0) }

        func rules(for enrolment: Enrolment) -> EnrolmentRules {
            let isOld = enrolment.sequenceVersion != sequence.version
            return EnrolmentRules(
                sequence: sequence, previous: isOld ? sequences[enrolment.sequenceVersion - 1] : nil, stopsOnReply: stopsOnReply,
                isOver: status.isOver)
        }
    }

    struct EnrolmentRow {
        var value: Enrolment
        let campaign: Int
        let person: Int
        var isInAudience = true
        var sends: [SendRow] = []
        var withdrawalLease = Date.distantPast

        func index(ofStep step: Int) -> Int? { sends.firstIndex { $0.value.step == step } }
        /// A mail of it is between decision and Delivery.
        var hasPlannedMail: Bool { sends.contains { $0.value.state == .planned } }
    }

    struct SendRow {
        var value: EnrolmentSend
        let handOver: Int
        let plannedAt: Date
        /// How often the campaign had been edited.
        let edit: Int
        var openedAt: Date?
        var clickedAt: Date?
        var repliedAt: Date?
    }

    struct HandOverRow {
        let campaign: Int
        let keys: [Int]
        var lockedUntil: Date
        /// Raised by whoever takes it.
        var attempt = 1
        var isChecked = false
    }

    // MARK: - Keys

    static func key(_ enrolment: Int, _ step: Int) -> Int { enrolment * 10_000 + step }
    static func enrolment(of key: Int) -> Int { key / 10_000 }
    static func step(of key: Int) -> Int { key % 10_000 }

    // MARK: - Writes

    func write(_ index: Int, _ value: Enrolment) {
        let old = enrolments[index].value
        guard old != value else { return }
        checkMove(index, from: old, to: value)
        enrolments[index].value = value
        let campaign = enrolments[index].campaign
        if old.status != value.status {
            campaigns[campaign].counters[old.status.bucket, default: 0] -= 1
            campaigns[campaign].counters[value.status.bucket, default: 0] += 1
        }
        if value.needsWithdrawal, !withdrawing.contains(index) { withdrawing.append(index) }
        isTouched = true
        trace(
            "  enrolment \(index): \(old.status) at \(old.step) → \(value.status) at \(value.step), due \(Self.stamp(value.dueAt)), "
                + "sequence \(value.sequenceVersion)\(value.needsWithdrawal ? ", to be withdrawn" : "")")
    }

    func addSend(_ index: Int, _ row: SendRow) {
        if enrolments[index].index(ofStep: row.value.step) != nil { fail("enrolment \(index): step \(row.value.step) is planned twice") }
        enrolments[index].sends.append(row)
        campaigns[enrolments[index].campaign].outstanding += 1
    }

    func writeSend(_ index: Int, _ send: Int, _ value: EnrolmentSend) {
        let old = enrolments[index].sends[send].value
        enrolments[index].sends[send].value = value
        let change = (value.state.isOutstanding ? 1 : 0) - (old.state.isOutstanding ? 1 : 0)
        campaigns[enrolments[index].campaign].outstanding += change
    }

    func removeSend(_ index: Int, _ send: Int) {
        let removed = enrolments[index].sends.remove(at: send)
        if removed.value.state.isOutstanding { campaigns[enrolments[index].campaign].outstanding -= 1 }
    }

    /// Ends a campaign in which nothing is left to do.
    func completeIfDone(_ index: Int) {
        let campaign = campaigns[index]
        guard campaign.status == .active, campaign.sweeping == nil, campaign.isEnrolled, campaign.unfinished == 0 else { return }
        campaigns[index].status = .completed
        campaigns[index].version += 1
        trace("campaign \(index) is completed")
        count("completed")
    }
}
