import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import Streams

/// Making, launching, pausing and resuming campaigns.
struct Campaigns: Sendable {
    typealias Audit = @Sendable (_ action: String, AuditRecord.Target) -> AuditRecord

    let database: Database
    let auth: RPCClient
    let billing: RPCClient
    let delivery: RPCClient
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup

    func create(
        name: String, workspace: WorkspaceID, template: TemplateID, mailbox: MailboxID, by identity: Identity, audit: Audit
    ) async throws -> Campaign {
        guard let known = try await TemplateStore.find(template, of: identity.tenant, in: database), known.workspace == workspace else {
            throw Problem.unprocessable(kind: "template_not_found", title: "The workspace has no such template.")
        }
        guard let account = try await readMailbox(mailbox, of: identity.tenant), account.workspace == workspace else {
            throw Problem.unprocessable(kind: "mailbox_not_found", title: "The workspace has no such mailbox.")
        }
        let now = clock.now
        let campaign = Campaign(
            id: CampaignID(.v7(at: now)), workspace: workspace, name: name, template: template, templateVersion: known.version, mailbox: mailbox,
            status: .draft, version: 1, statusReason: nil, createdAt: now, launchedAt: nil, completedAt: nil)
        let event = try statusEvent(campaign, "draft", nil, version: 1, identity, audit("campaign.create", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            try await CampaignStore.insert(campaign, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return campaign
    }

    /// Begins sending, or says everything that stands in the way.
    func launch(_ campaign: Campaign, by identity: Identity, audit: Audit) async throws -> Campaign {
        guard campaign.status.mayBecome(.active), campaign.status == .draft else {
            throw Problem.conflict(kind: "campaign_not_draft", title: "The campaign was launched before.")
        }
        let (facts, postalAddress) = try await launchFacts(campaign, identity)
        guard facts.refusals.isEmpty, let postalAddress else {
            let reasons = facts.refusals.map { ProblemValue.object(["code": .text($0.code), "detail": .text($0.detail)]) }
            throw Problem.unprocessable(
                kind: "launch_refused", title: "The campaign cannot be launched yet.", extensions: ["reasons": .list(reasons)])
        }
        let now = clock.now
        let event = try statusEvent(
            campaign, "active", nil, version: campaign.version + 1, identity, audit("campaign.launch", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            guard
                try await CampaignStore.launch(campaign.id, of: identity.tenant, postalAddress: postalAddress, at: now, in: transaction)
            else { throw Problem.conflict(kind: "campaign_not_draft", title: "The campaign was launched before.") }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return try await reread(campaign, identity)
    }

    /// Holds or lets go; answered when Delivery has committed it, so nothing new goes out after a pause is answered.
    func set(_ next: CampaignStatus, _ campaign: Campaign, reason: String?, by identity: Identity, audit: Audit) async throws -> Campaign {
        if campaign.status == next { return campaign }
        guard campaign.status.mayBecome(next), campaign.status != .draft else {
            throw Problem.conflict(kind: "campaign_status", title: "A campaign that is \(campaign.status.rawValue) cannot become \(next.rawValue).")
        }
        let action = next == .paused ? "campaign.pause" : "campaign.resume"
        let event = try statusEvent(
            campaign, next.rawValue, reason, version: campaign.version + 1, identity, audit(action, target(campaign)))
        let version = try await database.transaction(as: identity.tenant) { transaction in
            let version = try await CampaignStore.move(
                campaign.id, of: identity.tenant, from: campaign.status, to: next, reason: reason, at: clock.now, in: transaction)
            guard let version else { throw Problem.conflict(kind: "campaign_status", title: "The campaign changed meanwhile; look again.") }
            try await outbox.append([event], in: transaction)
            return version
        }
        outbox.wake()
        _ = try await delivery.call(
            DeliveryRPC.SetSendGate(
                tenant: identity.tenant, scope: "campaign", id: campaign.id.description, isOpen: next == .active, reason: reason, version: version))
        wakeup.signal()
        return try await reread(campaign, identity)
    }

    private func launchFacts(_ campaign: Campaign, _ identity: Identity) async throws -> (LaunchFacts, postalAddress: String?) {
        let tenant = identity.tenant
        async let workspace = auth.call(AuthRPC.ReadWorkspace(tenant: tenant, workspace: campaign.workspace))
        async let entitlements = billing.call(BillingRPC.ReadEntitlements(tenant: tenant))
        async let mailbox = readMailbox(campaign.mailbox, of: tenant)
        async let leads = CampaignStore.countLeads(of: campaign.workspace, tenant: tenant, in: database)
        let template = try await TemplateStore.find(campaign.template, of: tenant, in: database)
        let text = try template.map { try MailTemplate(subject: $0.subject, text: $0.text, html: $0.html) }
        let limits = try await entitlements
        let postalAddress = try await workspace.postalAddress
        let facts = LaunchFacts(
            isOwnerVerified: identity.isVerified, leads: try await leads,
            mailsLeft: limits.mailsPerPeriod - limits.mailsUsed - limits.mailsReserved, maySend: limits.access == .full || limits.access == .grace,
            mailboxState: try await mailbox.map { ($0.state, $0.stateReason) }, postalAddress: postalAddress,
            hasUnsubscribeLink: text?.hasUnsubscribeLink ?? false)
        return (facts, postalAddress)
    }

    private func readMailbox(_ mailbox: MailboxID, of tenant: TenantID) async throws -> DeliveryRPC.Mailbox? {
        do throws(RPCError) {
            return try await delivery.call(DeliveryRPC.ReadMailbox(tenant: tenant, mailbox: mailbox))
        } catch {
            guard error.kind == "mailbox_not_found" else { throw error }
            return nil
        }
    }

    private func reread(_ campaign: Campaign, _ identity: Identity) async throws -> Campaign {
        try await CampaignStore.find(campaign.id, of: identity.tenant, in: database) ?? campaign
    }

    private func target(_ campaign: Campaign) -> AuditRecord.Target {
        .init(type: "campaign", id: campaign.id.description, name: campaign.name)
    }

    private func statusEvent(
        _ campaign: Campaign, _ status: String, _ reason: String?, version: Int64, _ identity: Identity, _ audit: AuditRecord
    ) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.CampaignStatusChanged(campaign: campaign.id, status: status, reason: reason), at: clock.now, tenant: identity.tenant,
            workspace: campaign.workspace, aggregate: Aggregate(kind: "campaign", id: campaign.id.description, version: version),
            actor: identity.actor, audit: audit)
    }
}
