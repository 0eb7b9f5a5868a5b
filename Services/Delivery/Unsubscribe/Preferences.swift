import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// What a recipient chooses by the link in a mail: for that link proves that the mail was theirs.
enum PreferenceChoice: String, Sendable, CaseIterable {
    /// No more of this campaign.
    case campaign
    /// No more from this team.
    case workspace
    /// No more from this company.
    case company
    /// Nothing for 30 days.
    case pause
    /// Whatever was chosen by this link within the last day did not happen.
    case undo
    case trackingOff = "tracking_off"
    case trackingOn = "tracking_on"

    static let pauseLength: TimeInterval = 30 * 86_400
    static let undoLength: TimeInterval = 86_400

    /// Whether it ends mail, and can be taken back.
    var stopsMail: Bool { [.campaign, .workspace, .company, .pause].contains(self) }
}

/// What the page says of a mail.
struct PreferenceView: Sendable, Equatable {
    /// The mailbox' name; nil when it has gone.
    let sender: String?
    let address: String?
    let hasCampaign: Bool
    let isTrackingOff: Bool
}

/// Reads and changes what recipients choose.
struct Preferences: Sendable {
    let suppressions: Suppressions
    /// What reputation makes of it.
    let feedback: FeedbackCounts

    /// Nil when the mail is not known any more.
    func view(tenant: TenantID, send: SendID) async throws -> PreferenceView? {
        try await suppressions.database.query(
            """
            select m.display_name, m.address, s.campaign_id is not null as has_campaign, exists (
                select from tracking_opt_outs o where o.tenant_id = s.tenant_id and o.subject = s.recipient) as is_off
            from sends s left join mailboxes m on m.tenant_id = s.tenant_id and m.id = s.mailbox_id
            where s.tenant_id = \(tenant) and s.id = \(send)
            """
        ).first.map { row in
            PreferenceView(
                sender: try row.decodeOptional("display_name"), address: try row.decodeOptional("address"),
                hasCampaign: try row.decode("has_campaign"), isTrackingOff: try row.decode("is_off"))
        }
    }

    /// False when the mail is not known any more; again changes nothing.
    func choose(_ choice: PreferenceChoice, tenant: TenantID, send: SendID, source: String = "link") async throws -> Bool {
        switch choice {
        case .campaign, .workspace, .company, .pause:
            try await suppressions.stop(choice, tenant: tenant, send: send, source: source, counting: feedback)
        case .undo: try await suppressions.undo(tenant: tenant, send: send)
        case .trackingOff, .trackingOn: try await track(choice == .trackingOn, tenant: tenant, send: send)
        }
    }

    private func track(_ isTracked: Bool, tenant: TenantID, send: SendID) async throws -> Bool {
        let now = suppressions.clock.now
        let known = try await suppressions.database.transaction { transaction in
            guard let mail = try await LinkedMail.find(send, of: tenant, in: transaction) else { return false }
            let changed: Int
            if isTracked {
                changed = try await transaction.query(
                    "delete from tracking_opt_outs where tenant_id = \(tenant) and subject = \(mail.recipient) and source = 'recipient'"
                ).affected
            } else {
                changed = try await transaction.pipeline(TrackingOptOuts.add([mail.recipient], of: tenant, source: "recipient", now: now))[0].affected
            }
            guard changed > 0 else { return true }
            let event = try mail.event(
                DeliveryEvents.RecipientTrackingChosen(isTracked: isTracked), at: now, audit: isTracked ? "recipient.track" : "recipient.untrack")
            try await suppressions.outbox.append([event], in: transaction)
            return true
        }
        suppressions.outbox.wake()
        return known
    }
}

/// The mail that a link stood in.
struct LinkedMail: Sendable {
    let tenant: TenantID
    let send: SendID
    let key: String
    let recipient: String
    let workspace: WorkspaceID
    let campaign: CampaignID?
    let enrolment: EnrolmentID?

    /// Whoever forgets the person at this moment waits: what is written about the address must not be left behind.
    static func find(_ send: SendID, of tenant: TenantID, in transaction: Transaction) async throws -> LinkedMail? {
        try await transaction.query(
            """
            select send_key, recipient, workspace_id, campaign_id, enrolment_id from sends where tenant_id = \(tenant) and id = \(send) for share
            """
        ).first.map { row in
            LinkedMail(
                tenant: tenant, send: send, key: try row.decode("send_key"), recipient: try row.decode("recipient"),
                workspace: try row.decode("workspace_id"),
                campaign: try row.decodeOptional("campaign_id"), enrolment: try row.decodeOptional("enrolment_id"))
        }
    }

    /// What the recipient did, for others and the trail, which names the mail and not the person.
    func event(_ event: some Event, at now: Date, audit action: String?, metadata: [String: String] = [:]) throws -> PendingEvent {
        try PendingEvent(
            event, at: now, tenant: tenant, workspace: workspace, actor: EventActor(kind: .system, id: "recipient"),
            audit: action.map { AuditRecord(action: $0, targets: [.init(type: "send", id: send.description)], metadata: metadata) })
    }
}

extension Suppressions {
    /// Takes the recipient of a send off every list of its tenant; again changes nothing. False when there is no such send.
    func unsubscribe(tenant: TenantID, send: SendID, counting feedback: FeedbackCounts) async throws -> Bool {
        try await stop(.company, tenant: tenant, send: send, source: "link", counting: feedback)
    }

    /// Stops mail as far as the recipient chose.
    func stop(
        _ choice: PreferenceChoice, tenant: TenantID, send: SendID, source: String, counting feedback: FeedbackCounts
    ) async throws -> Bool {
        let now = clock.now
        let known = try await database.transaction { transaction in
            guard let mail = try await LinkedMail.find(send, of: tenant, in: transaction) else { return false }
            let scope: SuppressionStore.Scope =
                switch choice {
                // A mail of no campaign has nothing narrower than its workspace.
                case .campaign: .init(workspace: mail.workspace, campaign: mail.campaign)
                case .workspace: .init(workspace: mail.workspace)
                default: .tenant
                }
            let isWhole = choice == .company
            let optOut = DeliveryEvents.OptOut(send: send, sendKey: mail.key, choice: choice.rawValue)
            let isNew = try await suppress(
                mail.recipient, of: tenant, because: .unsubscribed, scope,
                .init(source: source, createdBy: "send:\(send)", undoUntil: now.addingTimeInterval(PreferenceChoice.undoLength)),
                expiresAt: choice == .pause ? now.addingTimeInterval(PreferenceChoice.pauseLength) : nil, except: isWhole ? mail.enrolment : nil,
                by: optOut, now: now, in: transaction)
            guard isNew else { return true }
            if isWhole { try await feedback.count(.unsubscribed, of: send, tenant, now: now, in: transaction) }
            // The one is the person's word to the whole company; what is less ends enrolments, which was told, and says nothing of the person.
            let event =
                isWhole
                ? try mail.event(
                    DeliveryEvents.RecipientUnsubscribed(campaign: mail.campaign, enrolment: mail.enrolment, optOut: optOut), at: now,
                    audit: "recipient.unsubscribe")
                : try mail.event(
                    DeliveryEvents.SuppressionsChanged(added: 1, lifted: 0, workspace: scope.workspace), at: now, audit: "recipient.opt_out",
                    metadata: ["choice": choice.rawValue])
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        return known
    }

    /// Takes back what was chosen by the same link within a day.
    func undo(tenant: TenantID, send: SendID) async throws -> Bool {
        let now = clock.now
        let known = try await database.transaction { transaction in
            guard let mail = try await LinkedMail.find(send, of: tenant, in: transaction) else { return false }
            let store = SuppressionStore(tenant: tenant)
            let undone = try await store.undo(of: mail.recipient, createdBy: "send:\(send)", now: now, in: transaction)
            guard undone.count > 0 else { return true }
            let free = try await store.unblockedEnrolments(of: mail.recipient, now: now, in: transaction)
            let isWhole = undone.isWhole ? try await !store.blocksWhole(mail.recipient, now: now, in: transaction) : false
            let events = try stride(from: 0, to: max(free.count, 1), by: 500).map { start in
                let told = DeliveryEvents.RecipientResubscribed(
                    campaign: mail.campaign, enrolment: mail.enrolment, send: send, enrolments: Array(free[start..<min(start + 500, free.count)]),
                    isWhole: isWhole)
                // The trail has it once.
                return try mail.event(told, at: now, audit: start == 0 ? "recipient.resubscribe" : nil)
            }
            try await outbox.append(events, in: transaction)
            return true
        }
        outbox.wake()
        return known
    }
}
