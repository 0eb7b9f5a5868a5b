import Contracts
import Foundation
import Postgres
import Primitives
import RPC

/// The decision log of a lead in a campaign as people see it.
struct EnrolmentLog: Encodable, Sendable {
    let campaign: CampaignID
    let lead: LeadID
    /// Null for a lead that is not in the campaign.
    let enrolment: EnrolmentView?
    /// Whose clock the texts show.
    let zone: String
    let log: [DecisionLog.Line]

    private enum CodingKeys: String, CodingKey {
        case campaign, lead, enrolment, zone, log
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(campaign, forKey: .campaign)
        try container.encode(lead, forKey: .lead)
        try container.encode(enrolment, forKey: .enrolment)
        try container.encode(zone, forKey: .zone)
        try container.encode(log, forKey: .log)
    }
}

/// Reads what decision logs are made of: from the database in one transaction, then from Delivery, without which they say less.
struct EnrolmentLogs: Sendable {
    /// What Delivery answers about at once.
    private static let mostMailboxes = 200

    let database: Database
    let delivery: RPCClient
    let clock: WallClock

    /// Nil when there is neither such an enrolment nor such a lead.
    func read(_ key: EnrolmentKey, in campaign: Campaign, of tenant: TenantID) async throws -> EnrolmentLog? {
        let now = clock.now
        let stored = try await database.transaction(as: tenant) { transaction in
            try await DecisionLogStore.read(key, in: campaign, of: tenant, now: now, transaction: transaction)
        }
        guard let stored else { return nil }
        var log = DecisionLog(campaign: campaign, now: now)
        log.versions = stored.versions
        log.tests = stored.tests
        log.person = stored.person
        log.mayMail = stored.pace.mayMail
        guard let story = stored.story else {
            guard case .lead(let lead) = key, stored.person != nil else { return nil }
            return EnrolmentLog(
                campaign: campaign.id, lead: lead, enrolment: nil, zone: log.time.zone, log: [log.absence(isEnrolled: stored.pace.isEnrolled)])
        }
        if let budgets = await budgets(story, campaign, of: tenant) {
            log.mailboxes = budgets.mapValues(\.address)
            let rooms = campaign.content.mailboxes.compactMap { budgets[$0] }.filter { $0.workspace == campaign.workspace }
            log.limits = DecisionLog.Limits(
                sentToday: stored.pace.sentToday, outstanding: stored.pace.outstanding, cursor: stored.pace.cursor,
                rooms: rooms.map { MailboxRoom($0, readAt: now) })
        }
        return EnrolmentLog(
            campaign: campaign.id, lead: story.enrolment.lead, enrolment: stored.view, zone: log.time.zone, log: log.lines(story))
    }

    /// Nil when Delivery does not answer: a log without addresses is better than none.
    private func budgets(_ story: DecisionLog.Story, _ campaign: Campaign, of tenant: TenantID) async -> [MailboxID: DeliveryRPC.MailboxBudget]? {
        var wanted: [MailboxID] = []
        for mailbox in campaign.content.mailboxes + story.sends.map(\.record.send.mailbox) where !wanted.contains(mailbox) {
            wanted.append(mailbox)
        }
        guard !wanted.isEmpty else { return [:] }
        do {
            let known = try await delivery.call(
                DeliveryRPC.ReadMailboxBudgets(tenant: tenant, mailboxes: Array(wanted.prefix(Self.mostMailboxes))))
            return Dictionary(known.map { ($0.id, $0) }) { first, _ in first }
        } catch {
            return nil
        }
    }
}
