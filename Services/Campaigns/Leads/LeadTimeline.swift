import Contracts
import Foundation
import Postgres

/// What happened to a lead, newest first, put together from the rows of those who know it.
struct LeadTimeline: Sendable {
    struct Entry: Encodable, Sendable {
        let id: UUID
        let at: Date
        let kind: String
        /// `user:<id>`, `api_key:<id>`, `import:<id>`; nil for what nobody did by hand.
        let actor: String?
        let detail: [String: JSONValue]

        private enum CodingKeys: String, CodingKey {
            case id, at, kind, actor, detail
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(id.text, forKey: .id)
            try container.encode(at, forKey: .at)
            try container.encode(kind, forKey: .kind)
            try container.encodeIfPresent(actor, forKey: .actor)
            try container.encode(detail, forKey: .detail)
        }
    }

    /// Where a page begins: behind this one.
    struct Position: Codable, Sendable {
        let at: Date
        let id: UUID
    }

    /// Whose timeline.
    struct Subject: Sendable {
        let lead: LeadID
        let tenant: TenantID
        /// The workspaces of which the reader may know; nil is all.
        let workspaces: [WorkspaceID]?
    }

    /// Each selects `at`, `id`, `kind`, `actor` and `detail` (jsonb) of one lead, by an index that begins with tenant and lead. Who knows more
    /// adds a line.
    static let sources: [@Sendable (Subject) -> SQL] = [
        LeadTimeline.activities, LeadTimeline.arrival, LeadTimeline.imports, LeadTimeline.enrolments, LeadTimeline.mails,
    ]

    static func read(_ subject: Subject, before position: Position?, limit: Int, in database: Database) async throws -> [Entry] {
        let parts: [SQL] = sources.map { source in
            """
            (select s.at, s.id, s.kind, s.actor, s.detail from (\(source(subject))) as s
             where \(position?.at)::timestamptz is null or (s.at, s.id) < (\(position?.at), \(position?.id))
             order by s.at desc, s.id desc limit \(limit))
            """
        }
        return try await database.query(
            as: subject.tenant,
            """
            select t.at, t.id, t.kind, t.actor, t.detail from (\(SQL.joined(parts, separator: " union all "))) as t
            order by t.at desc, t.id desc limit \(limit)
            """
        ).map { row in
            let detail: String = try row.decode("detail")
            return Entry(
                id: try row.decode("id"), at: try row.decode("at"), kind: try row.decode("kind"), actor: try row.decodeOptional("actor"),
                detail: try WireJSON.decoder().decode([String: JSONValue].self, from: Data(detail.utf8)))
        }
    }

    @Sendable private static func activities(_ subject: Subject) -> SQL {
        """
        select a.at, a.id, a.kind, a.actor, a.detail from lead_activities a where a.tenant_id = \(subject.tenant) and a.lead_id = \(subject.lead)
          and (\(subject.workspaces)::uuid[] is null or (
            (a.detail->>'workspace' is null or a.detail->>'workspace' = any(\(subject.workspaces)::text[]))
            and (a.detail->>'list' is null or exists (
                select from lists k where k.tenant_id = a.tenant_id and k.id = (a.detail->>'list')::uuid
                  and k.workspace_id = any(\(subject.workspaces))))))
        """
    }

    /// A lead of which nobody noted that it was made was imported.
    @Sendable private static func arrival(_ subject: Subject) -> SQL {
        """
        select l.created_at as at, l.id, 'imported' as kind, 'import:' || l.import_id::text as actor, '{}'::jsonb as detail from leads l
        where l.tenant_id = \(subject.tenant) and l.id = \(subject.lead) and not exists (
            select from lead_activities a where a.tenant_id = l.tenant_id and a.lead_id = l.id and a.kind = 'created')
          and (\(subject.workspaces)::uuid[] is null or l.import_id is null or exists (
            select from imports i where i.tenant_id = l.tenant_id and i.id = l.import_id and i.workspace_id = any(\(subject.workspaces))))
        """
    }

    /// Imports that met the lead when it was there: their snapshots are their history.
    @Sendable private static func imports(_ subject: Subject) -> SQL {
        """
        select i.started_at as at, c.import_id as id, c.kind, 'import:' || c.import_id::text as actor, '{}'::jsonb as detail
        from import_changes c join imports i on i.tenant_id = c.tenant_id and i.id = c.import_id
        where c.tenant_id = \(subject.tenant) and c.lead_id = \(subject.lead)
          and (\(subject.workspaces)::uuid[] is null or i.workspace_id = any(\(subject.workspaces)))
        """
    }

    @Sendable private static func enrolments(_ subject: Subject) -> SQL {
        """
        select e.created_at as at, e.id, 'enrolled' as kind, null::text as actor,
            jsonb_build_object('campaign', c.id, 'campaign_name', c.name, 'status', e.status) as detail
        from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
        where e.tenant_id = \(subject.tenant) and e.lead_id = \(subject.lead)
          and (\(subject.workspaces)::uuid[] is null or c.workspace_id = any(\(subject.workspaces)))
        """
    }
}
