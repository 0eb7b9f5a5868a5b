import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of campaigns.
enum CampaignStore {
    /// Of `source`.
    static let columns: SQL = """
        c.id, c.workspace_id, c.name, c.audience_kind, c.audience_id, c.enrols_later, c.sequence_version, s.steps, c.sending_window, c.time_zone,
        c.uses_lead_zone, c.daily_cap, c.rotation, c.stops_on_reply, c.pause_until_return, c.tracks_opens, c.tracks_clicks, c.starts_at, c.status, c.version,
        c.status_reason, c.revision, c.waiting_reason, case when c.status = 'active' then nullif(c.next_at, '-infinity') end as next_at,
        c.created_at, c.launched_at, c.completed_at, c.archived_at,
        array(select m.mailbox_id from campaign_mailboxes m where m.tenant_id = c.tenant_id and m.campaign_id = c.id order by m.position) as mailboxes
        """
    static let source: SQL = """
        campaigns c join campaign_sequences s on s.tenant_id = c.tenant_id and s.campaign_id = c.id and s.version = c.sequence_version
        """

    static func insert(_ campaign: Campaign, of tenant: TenantID, in transaction: Transaction) async throws {
        let content = campaign.content
        try await transaction.pipeline([
            """
            insert into campaigns (tenant_id, id, workspace_id, name, status, created_at, enrols_later, stops_on_reply, pause_until_return,
                tracks_opens, tracks_clicks, starts_at)
            values (\(tenant), \(campaign.id), \(campaign.workspace), \(content.name), \(campaign.status), \(campaign.createdAt),
                    \(content.enrolsLater), \(content.stopsOnReply), \(content.pauseUntilReturn), \(content.tracksOpens),
                    \(content.tracksClicks), \(content.startsAt))
            """,
            "insert into campaign_counters (tenant_id, campaign_id) values (\(tenant), \(campaign.id))",
        ])
        try await transaction.pipeline(try settings(campaign, of: tenant) + [sequence(campaign, of: tenant, at: campaign.createdAt)])
    }

    /// Writes an edit, if the campaign is still at `revision`; `hasNewSteps` adds a version of the sequence.
    static func update(
        _ campaign: Campaign, of tenant: TenantID, revision: Int64, hasNewSteps: Bool, sweeping: String?, at now: Date, in transaction: Transaction
    ) async throws -> Bool {
        let content = campaign.content
        let isChanged =
            try await transaction.query(
                """
                update campaigns set name = \(content.name), enrols_later = \(content.enrolsLater), stops_on_reply = \(content.stopsOnReply),
                    pause_until_return = \(content.pauseUntilReturn), tracks_opens = \(content.tracksOpens), tracks_clicks = \(content.tracksClicks), starts_at = \(content.startsAt),
                    sequence_version = \(campaign.sequenceVersion), revision = revision + 1, next_at = '-infinity',
                    is_enrolled = is_enrolled and not \(content.enrolsLater),
                    sweeping = coalesce(\(sweeping)::text, sweeping), sweep_cursor = case when \(sweeping)::text is null then sweep_cursor end,
                    sweep_lease = case when \(sweeping)::text is null then sweep_lease else '-infinity' end
                where tenant_id = \(tenant) and id = \(campaign.id) and revision = \(revision) and status = \(campaign.status)
                """
            ).affected > 0
        guard isChanged else { return false }
        try await transaction.pipeline(
            try settings(campaign, of: tenant) + (hasNewSteps ? [sequence(campaign, of: tenant, at: now)] : []))
        return true
    }

    private static func settings(_ campaign: Campaign, of tenant: TenantID) throws -> [SQL] {
        let (content, schedule) = (campaign.content, campaign.content.schedule)
        let window = try schedule.window.map { try PostgresJSON($0) }
        let (kind, audience) = content.audience.columns
        return [
            """
            update campaigns set audience_kind = \(kind), audience_id = \(audience), sending_window = \(json: window), time_zone = \(schedule.zone),
                uses_lead_zone = \(schedule.usesLeadZone), daily_cap = \(schedule.dailyCap)::bigint, rotation = \(schedule.rotation)
            where tenant_id = \(tenant) and id = \(campaign.id)
            """,
            "delete from campaign_mailboxes where tenant_id = \(tenant) and campaign_id = \(campaign.id)",
            """
            insert into campaign_mailboxes (tenant_id, campaign_id, mailbox_id, position)
            select \(tenant), \(campaign.id), mailbox_id, position from unnest(\(content.mailboxes)) with ordinality as n (mailbox_id, position)
            """,
        ]
    }

    private static func sequence(_ campaign: Campaign, of tenant: TenantID, at now: Date) throws -> SQL {
        """
        insert into campaign_sequences (tenant_id, campaign_id, version, steps, created_at)
        values (\(tenant), \(campaign.id), \(campaign.sequenceVersion), \(try PostgresJSON(campaign.content.steps)), \(now))
        """
    }

    static func find(_ campaign: CampaignID, of tenant: TenantID, in database: Database) async throws -> Campaign? {
        try await database.query(
            as: tenant, "select \(columns) from \(source) where c.tenant_id = \(tenant) and c.id = \(campaign)"
        ).first.map(Self.campaign)
    }

    /// Changes the status if it is still `from`; gives the new version.
    static func move(
        _ campaign: CampaignID, of tenant: TenantID, from: CampaignStatus, to next: CampaignStatus, reason: String?, at instant: Date,
        sweeping: String? = nil, needsGate: Bool = false, in transaction: Transaction
    ) async throws -> Int64? {
        try await transaction.query(
            """
            update campaigns set status = \(next), version = version + 1, revision = revision + 1, status_reason = \(reason), next_at = '-infinity',
                completed_at = case when \(next.rawValue) = 'completed' then \(instant)::timestamptz else completed_at end,
                archived_at = case when \(next.rawValue) = 'archived' then \(instant)::timestamptz else archived_at end,
                gate_pending_since = case when \(needsGate) then now() else gate_pending_since end,
                sweeping = coalesce(\(sweeping)::text, sweeping), sweep_cursor = case when \(sweeping)::text is null then sweep_cursor end,
                sweep_lease = case when \(sweeping)::text is null then sweep_lease else '-infinity' end
            where tenant_id = \(tenant) and id = \(campaign) and status = \(from) returning version
            """
        ).first?.decode("version")
    }

    /// From draft to active or scheduled, as it was when it was looked at, with what every mail of it will carry.
    static func launch(
        _ campaign: Campaign, of tenant: TenantID, as status: CampaignStatus, postalAddress: String, at instant: Date, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update campaigns set status = \(status), version = version + 1, revision = revision + 1, postal_address = \(postalAddress),
                status_reason = null, launched_at = \(instant), next_at = '-infinity', launch_trace = \(TraceContext.traceparent)
            where tenant_id = \(tenant) and id = \(campaign.id) and status = 'draft' and revision = \(campaign.revision)
            """
        ).affected > 0
    }

    /// Removes a draft with its parts; false when it is none any more.
    static func delete(_ campaign: Campaign, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        let isDeleted =
            try await transaction.query(
                "delete from campaigns where tenant_id = \(tenant) and id = \(campaign.id) and status = 'draft' and revision = \(campaign.revision)"
            ).affected > 0
        guard isDeleted else { return false }
        try await transaction.pipeline([
            "delete from campaign_counters where tenant_id = \(tenant) and campaign_id = \(campaign.id)",
            "delete from campaign_mailboxes where tenant_id = \(tenant) and campaign_id = \(campaign.id)",
            "delete from campaign_sequences where tenant_id = \(tenant) and campaign_id = \(campaign.id)",
        ])
        return true
    }

    /// Delivery has confirmed the gate of this version of the status.
    static func noteGate(_ campaign: CampaignID, of tenant: TenantID, version: Int64, in database: Database) async throws {
        try await database.query(
            as: tenant,
            "update campaigns set gate_pending_since = null where tenant_id = \(tenant) and id = \(campaign) and version = \(version)")
    }

    /// Has the scheduler look at campaigns at `instant` at the latest.
    static func wake(_ campaigns: [CampaignID], of tenant: TenantID, at instant: Date) -> SQL {
        """
        update campaigns c set next_at = least(c.next_at, \(instant)) from (
            select id from campaigns where tenant_id = \(tenant) and id = any(\(campaigns)) order by id for update) n
        where c.tenant_id = \(tenant) and c.id = n.id
        """
    }

    /// Ends an active campaign whose enrolling is done and in which nothing is under way; its workspace and new version when it ended now.
    static func completeIfDone(
        _ campaign: CampaignID, of tenant: TenantID, at instant: Date, in transaction: Transaction
    ) async throws -> (workspace: WorkspaceID, version: Int64)? {
        try await transaction.query(
            """
            update campaigns c set status = 'completed', version = version + 1, revision = revision + 1, completed_at = \(instant),
                waiting_reason = null, status_reason = case when k.held > 0 then 'with ' || k.held || ' held' end
            from campaign_counters k
            where c.tenant_id = \(tenant) and c.id = \(campaign) and c.status = 'active' and c.is_enrolled and not c.enrols_later
              and k.tenant_id = c.tenant_id and k.campaign_id = c.id and k.waiting + k.queued + k.deferred = 0
            returning c.workspace_id, c.version
            """
        ).first.map { (workspace: try $0.decode("workspace_id"), version: try $0.decode("version")) }
    }

    /// Whether a campaign that is not over writes to this list or segment.
    static func isAudience(_ audience: Audience, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        let (kind, id) = audience.columns
        return try await transaction.query(
            """
            select exists (
                select from campaigns c where c.tenant_id = \(tenant) and c.audience_kind = \(kind) and c.audience_id = \(id)
                  and c.status not in ('completed', 'archived')) as used
            """)[0].decode("used")
    }

    static func schedule(_ row: Row) throws -> CampaignSchedule {
        let window = try row.decodeOptional("sending_window", as: String.self).map { text in
            try WireJSON.decoder().decode(SendingWindow.self, from: Data(text.utf8))
        }
        return CampaignSchedule(
            window: window, usesLeadZone: try row.decode("uses_lead_zone"), zone: try row.decode("time_zone"),
            dailyCap: try row.decodeOptional("daily_cap"), rotation: try row.decode("rotation"))
    }

    static func steps(_ row: Row) throws -> [Step] {
        try WireJSON.decoder().decode([Step].self, from: Data(try row.decode("steps", as: String.self).utf8))
    }

    static func campaign(_ row: Row) throws -> Campaign {
        let content = CampaignContent(
            name: try row.decode("name"), audience: try Audience(kind: row.decode("audience_kind"), id: row.decodeOptional("audience_id")),
            enrolsLater: try row.decode("enrols_later"), steps: try steps(row), mailboxes: try row.decode("mailboxes"),
            schedule: try schedule(row), stopsOnReply: try row.decode("stops_on_reply"),
            pauseUntilReturn: try row.decode("pause_until_return"), tracksOpens: try row.decode("tracks_opens"),
            tracksClicks: try row.decode("tracks_clicks"), startsAt: try row.decodeOptional("starts_at"))
        return Campaign(
            id: try row.decode("id"), workspace: try row.decode("workspace_id"), content: content,
            sequenceVersion: try row.decode("sequence_version"), status: try row.decode("status"), version: try row.decode("version"),
            statusReason: try row.decodeOptional("status_reason"), revision: try row.decode("revision"),
            waitingReason: try row.decodeOptional("waiting_reason"), nextAt: try row.decodeOptional("next_at"),
            createdAt: try row.decode("created_at"), launchedAt: try row.decodeOptional("launched_at"),
            completedAt: try row.decodeOptional("completed_at"), archivedAt: try row.decodeOptional("archived_at"))
    }
}

extension Audience {
    /// As the table has it.
    var columns: (kind: String, id: UUID?) {
        switch self {
        case .workspace: ("workspace", nil)
        case .list(let list): ("list", list.uuid)
        case .segment(let segment): ("segment", segment.uuid)
        }
    }

    init(kind: String, id: UUID?) {
        self =
            switch (kind, id) {
            case ("list", let id?): .list(ListID(id))
            case ("segment", let id?): .segment(SegmentID(id))
            default: .workspace
            }
    }
}
