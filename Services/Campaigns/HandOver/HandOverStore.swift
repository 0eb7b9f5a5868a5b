import Contracts
import Foundation
import Postgres
import Primitives

/// A batch of enrolments on its way to Delivery.
struct HandOver: Sendable {
    let id: UUID
    let tenant: TenantID
    let campaign: CampaignID
    let workspace: WorkspaceID
    let mailbox: MailboxID
    let template: TemplateID
    let templateVersion: Int
    let postalAddress: String?
    let isChecked: Bool

    struct Member: Sendable {
        let enrolment: EnrolmentID
        let lead: Lead
        let dueAt: Date
    }
}

/// The SQL of batches on their way.
struct HandOverStore: Sendable {
    static let batch = 500
    /// How long one process has a batch for itself.
    static let lock: TimeInterval = 60

    let database: Database

    /// Names a new batch of a campaign that has due enrolments; nil when none has.
    func begin(now: Date) async throws -> UUID? {
        try await database.transaction { transaction in
            let found = try await transaction.query(
                """
                select c.tenant_id, c.id from campaigns c
                where c.status = 'active' and (c.retry_at is null or c.retry_at <= \(now)) and exists (
                    select from enrolments e where e.tenant_id = c.tenant_id and e.campaign_id = c.id and e.status = 'waiting')
                order by c.retry_at nulls first, c.launched_at limit 1 for update skip locked
                """)
            guard let row = found.first else { return nil }
            let tenant: TenantID = try row.decode("tenant_id")
            let campaign: CampaignID = try row.decode("id")
            let identifier = UUID.v7(at: now)
            try await transaction.pipeline([
                """
                insert into hand_overs (tenant_id, id, campaign_id, state, locked_until, created_at)
                values (\(tenant), \(identifier), \(campaign), 'open', \(now.addingTimeInterval(Self.lock)), \(now))
                """,
                // Materialised: a sub-select that locks may be run again for every row, and then its limit is none.
                """
                with picked as materialized (
                    select id from enrolments where tenant_id = \(tenant) and campaign_id = \(campaign) and status = 'waiting'
                    order by id limit \(Self.batch) for update skip locked)
                update enrolments e set status = 'handing_over', hand_over_id = \(identifier)
                from picked p where e.tenant_id = \(tenant) and e.id = p.id
                """,
            ])
            return identifier
        }
    }

    /// An open batch that nobody works on, for this process alone for a minute.
    func resume(now: Date) async throws -> UUID? {
        try await database.query(
            """
            with picked as materialized (
                select tenant_id, id from hand_overs where state = 'open' and locked_until <= \(now)
                order by locked_until limit 1 for update skip locked)
            update hand_overs h set locked_until = \(now.addingTimeInterval(Self.lock))
            from picked p where h.tenant_id = p.tenant_id and h.id = p.id returning h.id
            """
        ).first?.decode("id")
    }

    func find(_ identifier: UUID) async throws -> HandOver? {
        try await database.query(
            """
            select h.id, h.tenant_id, h.campaign_id, h.is_checked, c.workspace_id, c.mailbox_id, c.template_id, c.template_version, c.postal_address
            from hand_overs h join campaigns c on c.tenant_id = h.tenant_id and c.id = h.campaign_id where h.id = \(identifier) and h.state = 'open'
            """
        ).first.map { row in
            HandOver(
                id: try row.decode("id"), tenant: try row.decode("tenant_id"), campaign: try row.decode("campaign_id"),
                workspace: try row.decode("workspace_id"), mailbox: try row.decode("mailbox_id"), template: try row.decode("template_id"),
                templateVersion: try row.decode("template_version"), postalAddress: try row.decodeOptional("postal_address"),
                isChecked: try row.decode("is_checked"))
        }
    }

    func template(of handOver: HandOver) async throws -> MailTemplate {
        let row = try await database.query(
            """
            select subject, text_body, html_body from template_versions
            where tenant_id = \(handOver.tenant) and template_id = \(handOver.template) and version = \(handOver.templateVersion)
            """)[0]
        return try MailTemplate(subject: try row.decode("subject"), text: try row.decode("text_body"), html: try row.decodeOptional("html_body"))
    }

    /// Whoever is still in the batch, in a fixed order.
    func members(of handOver: HandOver) async throws -> [HandOver.Member] {
        try await database.query(
            """
            select e.id as enrolment_id, e.due_at, \(Lead.columns) from enrolments e
            join leads l on l.tenant_id = e.tenant_id and l.id = e.lead_id
            where e.tenant_id = \(handOver.tenant) and e.hand_over_id = \(handOver.id) and e.status <> 'suppressed' order by e.id
            """
        ).map { row in
            HandOver.Member(enrolment: try row.decode("enrolment_id"), lead: try Lead(row: row), dueAt: try row.decode("due_at"))
        }
    }

    /// Takes the suppressed out for good; from here on the batch does not change.
    func check(_ handOver: HandOver, suppressed: [EnrolmentID]) async throws {
        try await database.transaction { transaction in
            let moved = try await transaction.query(
                """
                update enrolments set status = 'suppressed', hand_over_id = null
                where tenant_id = \(handOver.tenant) and id = any(\(suppressed)) and status = 'handing_over'
                """
            ).affected
            try await transaction.pipeline([
                EnrolmentStore.shift(handOver.campaign, of: handOver.tenant, by: ["waiting": -Int64(moved), "suppressed": Int64(moved)]),
                "update hand_overs set is_checked = true where tenant_id = \(handOver.tenant) and id = \(handOver.id)",
            ])
        }
    }

    /// Delivery has them all. Those of which it has already told more are left as they are.
    func finish(_ handOver: HandOver, completion: Completion) async throws {
        try await database.transaction { transaction in
            let moved = try await transaction.query(
                """
                update enrolments set status = 'queued'
                where tenant_id = \(handOver.tenant) and hand_over_id = \(handOver.id) and status = 'handing_over'
                """
            ).affected
            try await transaction.pipeline([
                EnrolmentStore.shift(handOver.campaign, of: handOver.tenant, by: ["waiting": -Int64(moved), "queued": Int64(moved)]),
                "update hand_overs set state = 'done' where tenant_id = \(handOver.tenant) and id = \(handOver.id)",
                """
                update campaigns set waiting_reason = null, retry_at = null
                where tenant_id = \(handOver.tenant) and id = \(handOver.campaign) and waiting_reason is not null
                """,
            ])
            try await completion.check(handOver.campaign, of: handOver.tenant, in: transaction)
        }
    }

    /// Nothing was enqueued: the enrolments wait again, and the campaign says why and until when.
    func abandon(_ handOver: HandOver, reason: String, until retry: Date) async throws {
        try await database.transaction { transaction in
            try await transaction.pipeline([
                """
                update enrolments set status = 'waiting', hand_over_id = null
                where tenant_id = \(handOver.tenant) and hand_over_id = \(handOver.id) and status = 'handing_over'
                """,
                "update hand_overs set state = 'abandoned' where tenant_id = \(handOver.tenant) and id = \(handOver.id)",
                """
                update campaigns set waiting_reason = \(reason), retry_at = \(retry)
                where tenant_id = \(handOver.tenant) and id = \(handOver.campaign)
                """,
            ])
        }
    }
}
