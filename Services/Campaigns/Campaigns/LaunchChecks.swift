import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import RPC

/// One reason why a campaign is not launched, or a warning that does not stop it.
struct LaunchReason: Codable, Sendable, Equatable {
    let code: String
    let detail: String
}

/// What launching depends on, looked up beforehand.
struct LaunchFacts: Sendable {
    var isOwnerVerified = true
    var isWorkspaceThere = true
    /// Counting stops above what is left of the quota.
    var leads = 0
    var mailsLeft: Int64 = 0
    var maySend = true
    var hasSteps = true
    /// By mailbox; nil when there is no such mailbox in the workspace.
    var mailboxes: [(id: MailboxID, budget: DeliveryRPC.MailboxBudget?)] = []
    var postalAddress: String?
    var isAudienceThere = true
    var missingTemplates: [TemplateID] = []
    var templatesWithoutLink: [String] = []
    var templatesWithoutAddress: [String] = []
    var opensEver = true
    /// One reason a domain from which mail is not authenticated.
    var unauthenticatedDomains: [LaunchReason] = []
    /// Whether nothing starts because of them.
    var needsAuthentication = true

    /// Every reason at once, so that nobody has to try again to find the next.
    var refusals: [LaunchReason] {
        var refusals: [LaunchReason] = []
        func refuse(_ code: String, _ detail: String) { refusals.append(LaunchReason(code: code, detail: detail)) }
        if !hasSteps { refuse("no_steps", "The campaign has no mail yet; add a step.") }
        if !isAudienceThere {
            refuse("audience_gone", "The list or segment is gone or cannot be asked; choose another.")
        } else if leads == 0 {
            refuse("no_leads", "The audience is empty; import some leads or choose others.")
        }
        if !isOwnerVerified { refuse("owner_unverified", "Confirm your e-mail address first.") }
        if !maySend {
            refuse("sending_paused", "The trial or the subscription is over.")
        } else if Int64(leads) > mailsLeft {
            refuse("quota_exceeded", "More people are in the audience than the \(max(0, mailsLeft)) mails that are left in this period.")
        }
        if mailboxes.isEmpty { refuse("no_mailbox", "The campaign has no mailbox to send from.") }
        let gone = mailboxes.count { $0.budget == nil }
        if gone > 0 { refuse("mailbox_not_found", gone == 1 ? "A mailbox is gone." : "\(gone) mailboxes are gone.") }
        let known = mailboxes.compactMap(\.budget)
        if !known.isEmpty, known.allSatisfy({ $0.state != "active" }) {
            refuse("mailbox_stopped", "The mailbox is stopped: \(known[0].stateReason ?? "no reason given")")
        }
        if needsAuthentication { refusals += unauthenticatedDomains }
        if !opensEver { refuse("window_never_opens", "The sending window does not open on any day to come.") }
        if !missingTemplates.isEmpty { refuse("template_not_found", "A step's template is gone.") }
        if !isWorkspaceThere {
            refuse("workspace_gone", "The campaign's workspace was deleted.")
        } else if postalAddress == nil {
            refuse("no_postal_address", "Commercial mail must carry a postal address; give the workspace one.")
        }
        if !templatesWithoutLink.isEmpty {
            refuse(
                "no_unsubscribe_link",
                "Put {{unsubscribe_url}} into the text and the HTML of \(templatesWithoutLink.joined(separator: ", ")).")
        }
        return refusals
    }

    /// What does not stop a launch and should be known.
    var warnings: [LaunchReason] {
        var warnings: [LaunchReason] = []
        let stopped = mailboxes.compactMap(\.budget).filter { $0.state != "active" }
        if !stopped.isEmpty, stopped.count < mailboxes.count {
            warnings.append(
                LaunchReason(
                    code: "some_mailboxes_stopped",
                    detail: "Not sending at the moment: \(stopped.map(\.address).joined(separator: ", "))."))
        }
        if !templatesWithoutAddress.isEmpty {
            warnings.append(
                LaunchReason(
                    code: "postal_address_not_in_template",
                    detail: "No {{postal_address}} in \(templatesWithoutAddress.joined(separator: ", ")); see that the address stands there in words."
                ))
        }
        if !needsAuthentication { warnings += unauthenticatedDomains }
        return warnings
    }
}

/// Looks up what a launch depends on.
struct LaunchChecks: Sendable {
    let database: Database
    let auth: RPCClient
    let billing: RPCClient
    let delivery: RPCClient
    let clock: WallClock

    /// Nobody's whole list is counted for a launch.
    private static let countLimit = 2_000_000
    /// Nor does the count go on for ever.
    private static let patience = "30s"

    func facts(of campaign: Campaign, by identity: Identity) async throws -> LaunchFacts {
        let tenant = identity.tenant
        async let found = WorkspaceCheck(auth: auth).find(campaign.workspace, of: tenant)
        async let entitlements = billing.call(BillingRPC.ReadEntitlements(tenant: tenant))
        let wanted = campaign.content.mailboxes
        let budgets =
            wanted.isEmpty ? [] : try await delivery.call(DeliveryRPC.ReadMailboxBudgets(tenant: tenant, mailboxes: wanted))
        let usable = Dictionary(budgets.filter { $0.workspace == campaign.workspace }.map { ($0.id, $0) }) { first, _ in first }
        let limits = try await entitlements
        var facts = LaunchFacts()
        facts.isOwnerVerified = identity.isVerified
        facts.mailsLeft = limits.mailsPerPeriod - limits.mailsUsed - limits.mailsReserved
        facts.maySend = limits.access == .full || limits.access == .grace
        facts.hasSteps = !campaign.content.steps.isEmpty
        facts.mailboxes = wanted.map { (id: $0, budget: usable[$0]) }
        (facts.unauthenticatedDomains, facts.needsAuthentication) = try await SenderDomains(delivery: delivery).reasons(
            wanted.filter { usable[$0] != nil }, of: tenant)
        let workspace = try await found
        facts.isWorkspaceThere = workspace != nil
        facts.postalAddress = workspace?.postalAddress
        facts.opensEver = campaign.content.schedule.opening(from: clock.now, leadZone: nil) != nil
        try await addAudience(to: &facts, campaign, tenant)
        try await addTemplates(to: &facts, campaign, tenant)
        return facts
    }

    private func addAudience(to facts: inout LaunchFacts, _ campaign: Campaign, _ tenant: TenantID) async throws {
        let now = clock.now
        let cap = Int(max(1, min(facts.mailsLeft + 1, Int64(Self.countLimit))))
        do {
            facts.leads = try await database.inTime(Self.patience, as: tenant) { transaction in
                try await AudienceResolver().count(
                    upTo: cap, of: campaign.content.audience, tenant: tenant, workspace: campaign.workspace, now: now, in: transaction)
            }
        } catch is AudienceError {
            facts.isAudienceThere = false
        }
    }

    /// What is wrong with a campaign's content by itself: what a change to one that runs must not bring in.
    func refusals(ofContent campaign: Campaign, tenant: TenantID) async throws -> [LaunchReason] {
        var facts = LaunchFacts()
        facts.opensEver = campaign.content.schedule.opening(from: clock.now, leadZone: nil) != nil
        try await addTemplates(to: &facts, campaign, tenant)
        let codes: Set<String> = ["window_never_opens", "template_not_found", "no_unsubscribe_link"]
        return facts.refusals.filter { codes.contains($0.code) }
    }

    private func addTemplates(to facts: inout LaunchFacts, _ campaign: Campaign, _ tenant: TenantID) async throws {
        let variants = CampaignSequence(version: 0, steps: campaign.content.steps).emailSteps.flatMap { step in
            (step.email?.variants ?? []).map { variant in
                (
                    content: HandOver.Content(template: variant.template, version: variant.templateVersion ?? 1),
                    name: "step \(step.number), variant \(variant.name)"
                )
            }
        }
        let templates = try await TemplateVersions(database: database).read(Set(variants.map(\.content)), of: tenant)
        for variant in variants {
            guard let template = templates[variant.content] else {
                facts.missingTemplates.append(variant.content.template)
                continue
            }
            if !template.hasUnsubscribeLink { facts.templatesWithoutLink.append(variant.name) }
            if !template.hasPostalAddress { facts.templatesWithoutAddress.append(variant.name) }
        }
    }
}
