import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Hears what became of mails and keeps enrolments and counters true.
struct SendsListener: Sendable {
    let outbox: Outbox
    let clock: WallClock

    func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        var byTenant: [TenantID: [EnrolmentID: EnrolmentStore.Told]] = [:]
        for event in events where event.header.type == DeliveryEvents.SendsResolved.name {
            guard let tenant = event.header.tenant else { throw EventRejected("the event names no tenant") }
            for send in try event.data(as: DeliveryEvents.SendsResolved.self).sends {
                guard let enrolment = send.enrolment, let status = Self.status(of: send.state) else { continue }
                // Of several words about one mail in a batch the newest counts.
                if let known = byTenant[tenant]?[enrolment], known.version >= send.version { continue }
                byTenant[tenant, default: [:]][enrolment] = .init(enrolment: enrolment, status: status, version: send.version, at: send.at)
            }
        }
        for tenant in byTenant.keys.sorted(by: { $0.description < $1.description }) {
            let told = (byTenant[tenant] ?? [:]).values.sorted { $0.enrolment.description < $1.enrolment.description }
            for campaign in try await EnrolmentStore.apply(told, of: tenant, in: transaction) {
                try await Completion(outbox: outbox, clock: clock).check(campaign, of: tenant, in: transaction)
            }
        }
    }

    /// A state of a later version of Delivery changes nothing here.
    static func status(of state: DeliveryEvents.SendState) -> String? {
        switch state {
        case .accepted: "sent"
        case .refused, .cancelled: "failed"
        case .deferred: "deferred"
        case .ambiguous: "held"
        case .suppressed: "suppressed"
        default: nil
        }
    }
}

/// Ends campaigns in which nothing is left to do, and says so.
struct Completion: Sendable {
    let outbox: Outbox
    let clock: WallClock

    func check(_ campaign: CampaignID, of tenant: TenantID, in transaction: Transaction) async throws {
        let now = clock.now
        guard try await CampaignStore.completeIfDone(campaign, of: tenant, at: now, in: transaction) else { return }
        let event = try PendingEvent(
            CampaignsEvents.CampaignStatusChanged(campaign: campaign, status: "completed", reason: nil), at: now, tenant: tenant,
            actor: .system("campaigns"),
            audit: AuditRecord(action: "campaign.complete", targets: [.init(type: "campaign", id: campaign.description)]))
        try await outbox.append([event], in: transaction)
    }
}
