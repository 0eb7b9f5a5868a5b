import Contracts
import Foundation

/// Enrolments, their mails and what they count towards, as a batch of events changes them: values in, values out.
struct EnrolmentLedger: Sendable {
    /// What a campaign says about its enrolments.
    struct CampaignFacts: Sendable {
        let rules: EnrolmentRules
        /// All hours of the campaign's days.
        let days: SendingWindow
        let workspace: WorkspaceID
        var earlier: [Int: CampaignSequence] = [:]
    }

    /// An enrolment that is what it was before a recipient's slip.
    struct Resumption: Sendable {
        let enrolment: Enrolment
        let campaign: CampaignID
        let workspace: WorkspaceID
    }

    private struct SendPlace: Hashable {
        let enrolment: EnrolmentID
        let step: Int
    }

    private let campaigns: [CampaignID: CampaignFacts]
    private let campaignOf: [EnrolmentID: CampaignID]
    private var enrolments: [EnrolmentID: Enrolment]
    private var sends: [SendPlace: SendRecord]
    private var touchedEnrolments: Set<EnrolmentID> = []
    private var touchedSends: Set<SendPlace> = []

    private(set) var counters: [CampaignID: CounterChange] = [:]
    private(set) var stats = StatChanges()
    /// When each campaign has something to do again.
    private(set) var wakes: [CampaignID: Date] = [:]
    private(set) var leads: [LeadID: LeadStatus] = [:]
    /// People who are not unsubscribed any more.
    private(set) var relieved: Set<LeadID> = []
    private(set) var resumed: [Resumption] = []
    private(set) var resolvedAt: [CampaignID: Date] = [:]

    init(campaigns: [CampaignID: CampaignFacts], enrolments: [(Enrolment, CampaignID)], sends: [SendRecord]) {
        self.campaigns = campaigns
        campaignOf = Dictionary(enrolments.map { ($0.0.id, $0.1) }) { first, _ in first }
        self.enrolments = Dictionary(enrolments.map { ($0.0.id, $0.0) }) { first, _ in first }
        self.sends = Dictionary(sends.map { (SendPlace(enrolment: $0.send.enrolment, step: $0.send.step), $0) }) { first, _ in first }
    }

    var changedEnrolments: [Enrolment] {
        touchedEnrolments.compactMap { enrolments[$0] }.sorted { $0.id.description < $1.id.description }
    }

    var changedSends: [SendRecord] {
        touchedSends.compactMap { sends[$0] }.sorted { ($0.send.enrolment.description, $0.send.step) < ($1.send.enrolment.description, $1.send.step) }
    }

    var changedCampaigns: [CampaignID] { counters.keys.sorted { $0.description < $1.description } }

    mutating func hear(_ word: EnrolmentEvents.Word) {
        let place = SendPlace(enrolment: word.enrolment, step: word.step)
        guard let record = sends[place], let enrolment = enrolments[word.enrolment], let facts = campaigns[record.campaign] else { return }
        let day = facts.days.localDay(of: word.at)
        guard
            let (send, next) = Reaction.hear(
                word.state, version: word.version, at: word.at, day: day, about: record.send, of: enrolment, rules: facts.rules(for: enrolment))
        else { return }
        let old = record.send.state
        counters[record.campaign, default: CounterChange()].note(old, send.state)
        let key = StatChanges.Key(campaign: record.campaign, day: send.day ?? day, step: send.step, variant: send.variant)
        if old.isSent != send.state.isSent { stats.add(.sent, send.state.isSent ? 1 : -1, for: key) }
        if (old == .refused) != (send.state == .refused) { stats.add(.refused, send.state == .refused ? 1 : -1, for: key) }
        var changed = record
        changed.send = send
        sends[place] = changed
        touchedSends.insert(place)
        if send.state.isSent { resolvedAt[record.campaign] = max(resolvedAt[record.campaign] ?? .distantPast, word.at) }
        put(next, in: record.campaign)
    }

    mutating func apply(_ act: EnrolmentEvents.Act) {
        switch act {
        case .feel(let feeling): feel(feeling)
        case .suppress(let enrolment, let reason, let optOut, let instant): suppress(enrolment, because: reason, by: optOut, at: instant)
        case .takeBack(let enrolment, let send, let isWhole, let instant): takeBack(enrolment, send: send, isWhole: isWhole, at: instant)
        }
    }

    private mutating func feel(_ feeling: EnrolmentEvents.Feeling) {
        guard let enrolment = enrolments[feeling.enrolment], let campaign = campaignOf[feeling.enrolment], let facts = campaigns[campaign] else {
            return
        }
        stamp(feeling, facts)
        // What a machine did says nothing of the person.
        guard !feeling.isMachine else { return }
        if let status = LeadStatus(feeling.kind), status.weight > leads[enrolment.lead]?.weight ?? 0 { leads[enrolment.lead] = status }
        if feeling.kind == .unsubscribed { relieved.remove(enrolment.lead) }
        if feeling.kind == .automaticReply, let day = feeling.returnsOn.flatMap(CivilDay.number(of:)) {
            let clock = ZoneClock(facts.days.zone) ?? .utc
            let back = DateInterval(start: clock.start(ofDay: day), end: clock.start(ofDay: day + 1))
            put(Reaction.wait(for: back, since: feeling.at, of: enrolment, rules: facts.rules(for: enrolment)), in: campaign)
        } else if let optOut = feeling.optOut {
            put(Reaction.leave(by: optOut, enrolment), in: campaign)
        } else {
            put(Reaction.feel(feeling.kind, of: enrolment, rules: facts.rules(for: enrolment)), in: campaign)
        }
    }

    private mutating func suppress(_ identifier: EnrolmentID, because reason: String, by optOut: DeliveryEvents.OptOut?, at instant: Date) {
        guard var enrolment = enrolments[identifier], let campaign = campaignOf[identifier], let facts = campaigns[campaign] else { return }
        guard let optOut else {
            Reaction.end(&enrolment, as: .suppressed, because: reason)
            return put(enrolment, in: campaign)
        }
        // The mail whose link it was counts as one by which somebody left; the person's other enrolments only end.
        if optOut.isUnsubscription, let mail = Enrolment.parse(sendKey: optOut.sendKey), mail.enrolment == identifier {
            stamp(
                .init(enrolment: identifier, step: mail.step, kind: .unsubscribed, isMachine: false, at: instant), facts)
        }
        put(Reaction.leave(by: optOut, enrolment), in: campaign)
    }

    private mutating func takeBack(_ identifier: EnrolmentID, send: SendID, isWhole: Bool, at instant: Date) {
        guard let enrolment = enrolments[identifier], let campaign = campaignOf[identifier], let facts = campaigns[campaign] else { return }
        if isWhole {
            if leads[enrolment.lead] == .unsubscribed { leads[enrolment.lead] = nil }
            relieved.insert(enrolment.lead)
        }
        let mails = sends.filter { $0.key.enrolment == identifier }
        let next = Reaction.takeBack(by: send, at: instant, of: enrolment, mails: Array(mails.values), rules: facts.rules(for: enrolment))
        guard next != enrolment else { return }
        for (place, record) in mails where record.unsubscribedAt != nil {
            var record = record
            record.unsubscribedAt = nil
            sends[place] = record
            touchedSends.insert(place)
            if let day = record.send.day {
                stats.add(.unsubscribed, -1, for: .init(campaign: record.campaign, day: day, step: record.send.step, variant: record.send.variant))
            }
        }
        put(next, in: campaign)
        resumed.append(Resumption(enrolment: next, campaign: campaign, workspace: facts.workspace))
    }

    /// Notes on the mail what was done with it, the first time only.
    private mutating func stamp(_ feeling: EnrolmentEvents.Feeling, _ facts: CampaignFacts) {
        guard let place = place(of: feeling), var record = sends[place] else { return }
        let before = record
        let part: StatChanges.Part
        switch feeling.kind {
        case .opened where feeling.isMachine: part = Self.note(feeling.at, &record.machineOpenedAt, .machineOpened)
        case .opened: part = Self.note(feeling.at, &record.openedAt, .opened)
        case .clicked where !feeling.isMachine: part = Self.note(feeling.at, &record.clickedAt, .clicked)
        case .replied: part = Self.note(feeling.at, &record.repliedAt, .replied)
        case .hardBounce: part = Self.note(feeling.at, &record.bouncedAt, .bounced)
        case .complained: part = Self.note(feeling.at, &record.complainedAt, .complained)
        case .unsubscribed: part = Self.note(feeling.at, &record.unsubscribedAt, .unsubscribed)
        default: return
        }
        guard record != before else { return }
        // Its day is the mail's, also when the answer is heard before the word that it went out.
        let day = record.send.day ?? facts.days.localDay(of: feeling.at)
        record.send.day = day
        stats.add(part, for: .init(campaign: record.campaign, day: day, step: record.send.step, variant: record.send.variant))
        sends[place] = record
        touchedSends.insert(place)
    }

    private static func note(_ instant: Date, _ stamp: inout Date?, _ part: StatChanges.Part) -> StatChanges.Part {
        stamp = stamp ?? instant
        return part
    }

    /// The mail that is meant; where none is named, the last one that went out.
    private func place(of feeling: EnrolmentEvents.Feeling) -> SendPlace? {
        if let step = feeling.step { return SendPlace(enrolment: feeling.enrolment, step: step) }
        let mine = sends.filter { $0.key.enrolment == feeling.enrolment && $0.value.send.state.isSent }
        return mine.max { ($0.value.send.sentAt ?? .distantPast, $0.key.step) < ($1.value.send.sentAt ?? .distantPast, $1.key.step) }?.key
    }

    private mutating func put(_ enrolment: Enrolment, in campaign: CampaignID) {
        guard let before = enrolments[enrolment.id], before != enrolment else { return }
        enrolments[enrolment.id] = enrolment
        touchedEnrolments.insert(enrolment.id)
        if before.status.bucket != enrolment.status.bucket {
            counters[campaign, default: CounterChange()].move(from: before.status, to: enrolment.status)
        }
        if enrolment.status == .waiting { wakes[campaign] = min(wakes[campaign] ?? .distantFuture, enrolment.dueAt) }
    }
}

extension EnrolmentLedger.CampaignFacts {
    fileprivate func rules(for enrolment: Enrolment) -> EnrolmentRules {
        var rules = rules
        rules.previous = earlier[enrolment.sequenceVersion]
        return rules
    }
}

extension LeadStatus {
    /// Of two words about a person the later one here says more; nothing takes an opt-out back.
    static let byWeight: [LeadStatus] = [.active, .bounced, .suppressed, .unsubscribed, .complained]

    var weight: Int { Self.byWeight.firstIndex(of: self) ?? 0 }

    /// What a person's act makes of the person; nil when nothing.
    init?(_ kind: DeliveryEvents.FeedbackKind) {
        switch kind {
        case .hardBounce: self = .bounced
        case .complained: self = .complained
        case .unsubscribed: self = .unsubscribed
        default: return nil
        }
    }
}
