import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC
import Streams

/// Making, changing, launching, pausing, resuming and ending campaigns.
struct Campaigns: Sendable {
    typealias Audit = @Sendable (_ action: String, AuditRecord.Target) -> AuditRecord

    let database: Database
    let delivery: RPCClient
    let checks: LaunchChecks
    let workspaces: WorkspaceCheck
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup

    func create(_ draft: CampaignDraft, in workspace: WorkspaceID, by identity: Identity, audit: Audit) async throws -> Campaign {
        try await workspaces.require(workspace, of: identity.tenant)
        let now = clock.now
        let content = try await checked(try draft.applied(to: .empty), before: .empty, in: workspace, identity)
        let campaign = Campaign(
            id: CampaignID(.v7(at: now)), workspace: workspace, content: content, sequenceVersion: 1, status: .draft, version: 1, revision: 1,
            createdAt: now)
        let event = try statusEvent(campaign, .draft, nil, version: 1, identity, audit("campaign.create", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            try await CampaignStore.insert(campaign, of: identity.tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return campaign
    }

    /// Changes a campaign that is still at its revision. What runs is changed for mail that nobody has claimed: that which waits at Delivery is
    /// taken back and decided anew.
    func edit(_ campaign: Campaign, _ draft: CampaignDraft, by identity: Identity, audit: Audit) async throws -> Campaign {
        guard !campaign.status.isOver else {
            throw Problem.conflict(kind: "campaign_over", title: "A campaign that is \(campaign.status.rawValue) does not change any more.")
        }
        var changed = campaign
        changed.content = try await checked(
            try draft.applied(to: campaign.content), before: campaign.content, in: campaign.workspace, identity)
        if campaign.status != .draft {
            guard changed.content.audience == campaign.content.audience else {
                throw Problem.unprocessable(
                    kind: "audience_fixed", title: "The audience of a launched campaign does not change.",
                    detail: "Change the segment or list itself, or make another campaign.")
            }
            if changed.content.steps.isEmpty || changed.content.mailboxes.isEmpty {
                throw Problem.unprocessable(kind: "campaign_invalid", title: "A launched campaign needs a mail and a mailbox.")
            }
            // What a launch asks of the content is asked of a change to it.
            var refusals = try await checks.refusals(ofContent: changed, tenant: identity.tenant)
            let fresh = changed.content.mailboxes.filter { !campaign.content.mailboxes.contains($0) }
            refusals += try await unauthenticated(fresh, identity)
            if !refusals.isEmpty { throw Self.refused(refusals, title: "A launched campaign cannot become like this.") }
        }
        let hasNewSteps = changed.content.steps != campaign.content.steps
        if hasNewSteps { changed.sequenceVersion += 1 }
        let concernsMail =
            hasNewSteps || changed.content.schedule != campaign.content.schedule || changed.content.mailboxes != campaign.content.mailboxes
        let edited = changed
        let now = clock.now
        let event = try PendingEvent(
            CampaignsEvents.CampaignEdited(campaign: campaign.id, sequenceVersion: edited.sequenceVersion), at: now, tenant: identity.tenant,
            workspace: campaign.workspace, actor: identity.actor, audit: audit("campaign.update", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            let isWritten = try await CampaignStore.update(
                edited, of: identity.tenant, revision: campaign.revision, hasNewSteps: hasNewSteps,
                sweeping: concernsMail && campaign.status.isRunning ? "recall" : nil, at: now, in: transaction)
            guard isWritten else { throw Problem.changedMeanwhile }
            // A test of other variants than before begins anew.
            try await TestStore.forget(
                CampaignSequence.changedTests(from: campaign.content.steps, to: edited.content.steps), of: campaign.id, tenant: identity.tenant,
                in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return try await reread(campaign, identity)
    }

    /// Begins sending, now or at the campaign's instant, or says everything that stands in the way.
    func launch(_ campaign: Campaign, by identity: Identity, audit: Audit) async throws -> Campaign {
        guard campaign.status == .draft else { throw Problem.conflict(kind: "campaign_not_draft", title: "The campaign was launched before.") }
        let facts = try await checks.facts(of: campaign, by: identity)
        guard facts.refusals.isEmpty, let postalAddress = facts.postalAddress else {
            throw Self.refused(facts.refusals, title: "The campaign cannot be launched yet.")
        }
        let now = clock.now
        let status = campaign.content.startsAt.map { $0 > now } ?? false ? CampaignStatus.scheduled : .active
        let event = try statusEvent(campaign, status, nil, version: campaign.version + 1, identity, audit("campaign.launch", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            let isLaunched = try await CampaignStore.launch(
                campaign, of: identity.tenant, as: status, postalAddress: postalAddress, at: now, in: transaction)
            // Nobody was asked for a revision, so none can be wrong.
            guard isLaunched else { throw Self.changed }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return try await reread(campaign, identity)
    }

    /// Holds, lets go, ends, or puts away; a change of what may be sent is answered when Delivery has committed it, so nothing new goes out
    /// after a pause or a stop is answered.
    func set(_ next: CampaignStatus, _ campaign: Campaign, reason: String?, by identity: Identity, audit: Audit) async throws -> Campaign {
        if campaign.status == next {
            // The answer to the first try may have been lost before Delivery heard of it.
            if campaign.status.isRunning || next == .completed {
                try await setGate(campaign, isOpen: next == .active, reason, campaign.version, identity)
            }
            return campaign
        }
        // What runs goes on when a domain breaks; what stands still does not start again from it.
        if next == .active, campaign.status == .paused {
            let refusals = try await unauthenticated(campaign.content.mailboxes, identity)
            if !refusals.isEmpty { throw Self.refused(refusals, title: "The campaign cannot go on yet.") }
        }
        // Whatever was not launched is begun by launching it, which looks at what that depends on.
        guard campaign.status.mayBecome(next), next != .active || campaign.status == .paused else {
            throw Problem.conflict(kind: "campaign_status", title: "A campaign that is \(campaign.status.rawValue) cannot become \(next.rawValue).")
        }
        let event = try statusEvent(
            campaign, next, reason, version: campaign.version + 1, identity, audit(Self.action(next), target(campaign)))
        let version = try await database.transaction(as: identity.tenant) { transaction in
            let version = try await CampaignStore.move(
                campaign.id, of: identity.tenant, from: campaign.status, to: next, reason: reason, at: clock.now,
                sweeping: next == .completed ? "stop" : nil, needsGate: campaign.status.isRunning, in: transaction)
            guard let version else { throw Self.changed }
            try await outbox.append([event], in: transaction)
            return version
        }
        outbox.wake()
        if campaign.status.isRunning { try await setGate(campaign, isOpen: next == .active, reason, version, identity) }
        wakeup.signal()
        return try await reread(campaign, identity)
    }

    /// Removes a draft.
    func delete(_ campaign: Campaign, by identity: Identity, audit: Audit) async throws {
        guard campaign.status == .draft else {
            throw Problem.conflict(kind: "campaign_not_draft", title: "Only a draft is deleted; archive what was launched.")
        }
        let event = try statusEvent(
            campaign, .archived, "deleted", version: campaign.version + 1, identity, audit("campaign.delete", target(campaign)))
        try await database.transaction(as: identity.tenant) { transaction in
            guard try await CampaignStore.delete(campaign, of: identity.tenant, in: transaction) else { throw Problem.changedMeanwhile }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    private func setGate(_ campaign: Campaign, isOpen: Bool, _ reason: String?, _ version: Int64, _ identity: Identity) async throws {
        _ = try await delivery.call(
            DeliveryRPC.SetSendGate(
                tenant: identity.tenant, scope: "campaign", id: campaign.id.description, isOpen: isOpen, reason: reason, version: version))
        try await CampaignStore.noteGate(campaign.id, of: identity.tenant, version: version, in: database)
    }

    private static func action(_ status: CampaignStatus) -> String {
        switch status {
        case .draft: "campaign.unschedule"
        case .scheduled: "campaign.schedule"
        case .active: "campaign.resume"
        case .paused: "campaign.pause"
        case .completed: "campaign.stop"
        case .archived: "campaign.archive"
        }
    }

    /// The content with templates in their newest versions where none was named; 422 for what the workspace has not.
    ///
    /// What the campaign had before is not asked again: a version outlives its template's deletion, and a rename is none of a mailbox's business.
    private func checked(
        _ content: CampaignContent, before: CampaignContent, in workspace: WorkspaceID, _ identity: Identity
    ) async throws -> CampaignContent {
        var content = content
        content.steps = try await StepTemplates(database: database).pinned(
            content.steps, known: before.steps, in: workspace, of: identity.tenant)
        if content.steps != before.steps { try await ConditionCheck(database: database).check(content.steps, of: identity.tenant, now: clock.now) }
        guard !content.mailboxes.isEmpty, content.mailboxes != before.mailboxes else { return content }
        let budgets = try await delivery.call(DeliveryRPC.ReadMailboxBudgets(tenant: identity.tenant, mailboxes: content.mailboxes))
        let usable = Set(budgets.filter { $0.workspace == workspace }.map(\.id))
        guard content.mailboxes.allSatisfy(usable.contains) else {
            throw Problem.unprocessable(kind: "mailbox_not_found", title: "The workspace has no such mailbox.")
        }
        return content
    }

    /// Why nothing may start from these mailboxes; empty when it may.
    private func unauthenticated(_ mailboxes: [MailboxID], _ identity: Identity) async throws -> [LaunchReason] {
        let (reasons, isRequired) = try await SenderDomains(delivery: delivery).reasons(mailboxes, of: identity.tenant)
        return isRequired ? reasons : []
    }

    private static let changed = Problem.conflict(kind: "campaign_status", title: "The campaign changed meanwhile; look again.")

    private static func refused(_ reasons: [LaunchReason], title: String) -> HTTP.Problem {
        let list = reasons.map { ProblemValue.object(["code": .text($0.code), "detail": .text($0.detail)]) }
        return HTTP.Problem.unprocessable(kind: "launch_refused", title: title, extensions: ["reasons": .list(list)])
    }

    func reread(_ campaign: Campaign, _ identity: Identity) async throws -> Campaign {
        try await CampaignStore.find(campaign.id, of: identity.tenant, in: database) ?? campaign
    }

    private func target(_ campaign: Campaign) -> AuditRecord.Target {
        .init(type: "campaign", id: campaign.id.description, name: campaign.content.name)
    }

    private func statusEvent(
        _ campaign: Campaign, _ status: CampaignStatus, _ reason: String?, version: Int64, _ identity: Identity, _ audit: AuditRecord
    ) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.CampaignStatusChanged(campaign: campaign.id, status: status.rawValue, reason: reason), at: clock.now,
            tenant: identity.tenant, workspace: campaign.workspace,
            aggregate: Aggregate(kind: "campaign", id: campaign.id.description, version: version), actor: identity.actor, audit: audit)
    }
}
