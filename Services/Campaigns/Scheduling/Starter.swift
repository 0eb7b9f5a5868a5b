import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Begins scheduled campaigns at their instant; one whose senders are no longer authenticated becomes a draft again, with the reason.
struct Starter: Sendable {
    let database: Database
    let domains: SenderDomains
    let outbox: Outbox
    let clock: WallClock

    private struct Due: Sendable {
        let tenant: TenantID
        let campaign: CampaignID
        let workspace: WorkspaceID
        let version: Int64
        let mailboxes: [MailboxID]
    }

    /// False when none is due. While Delivery does not say how the domains stand, nothing begins.
    func startOne() async throws -> Bool {
        let now = clock.now
        guard let due = try await next(at: now) else { return false }
        let (reasons, isRequired) = try await domains.reasons(due.mailboxes, of: due.tenant)
        let refusal = isRequired ? reasons.first : nil
        try await database.transaction { transaction in
            // Somebody, or another process, may have been faster.
            let rows = try await transaction.query(
                """
                update campaigns set status = \(refusal == nil ? "active" : "draft"), status_reason = \(refusal?.detail), version = version + 1,
                    revision = revision + 1, next_at = '-infinity'
                where tenant_id = \(due.tenant) and id = \(due.campaign) and status = 'scheduled' and version = \(due.version) returning version
                """)
            guard let row = rows.first else { return }
            try await outbox.append([try event(due, refusal, version: try row.decode("version"), at: now)], in: transaction)
        }
        outbox.wake()
        return true
    }

    private func next(at now: Date) async throws -> Due? {
        try await database.query(
            """
            select c.tenant_id, c.id, c.workspace_id, c.version, array(
                select m.mailbox_id from campaign_mailboxes m where m.tenant_id = c.tenant_id and m.campaign_id = c.id order by m.position
            ) as mailboxes
            from campaigns c where c.status = 'scheduled' and c.starts_at <= \(now) order by c.starts_at limit 1
            """
        ).first.map { row in
            Due(
                tenant: try row.decode("tenant_id"), campaign: try row.decode("id"), workspace: try row.decode("workspace_id"),
                version: try row.decode("version"), mailboxes: try row.decode("mailboxes"))
        }
    }

    private func event(_ due: Due, _ refusal: LaunchReason?, version: Int64, at now: Date) throws -> PendingEvent {
        try PendingEvent(
            CampaignsEvents.CampaignStatusChanged(
                campaign: due.campaign, status: refusal == nil ? "active" : "draft", reason: refusal?.code ?? "scheduled"),
            at: now, tenant: due.tenant, workspace: due.workspace,
            aggregate: Aggregate(kind: "campaign", id: due.campaign.description, version: version), actor: .system("campaigns"),
            audit: AuditRecord(
                action: "campaign.start", outcome: refusal == nil ? .success : .failure,
                targets: [.init(type: "campaign", id: due.campaign.description)],
                metadata: refusal.map { ["reason": $0.code] } ?? [:]))
    }
}
