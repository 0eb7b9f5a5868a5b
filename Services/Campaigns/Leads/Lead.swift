import Contracts
import Foundation
import Postgres

/// A person to write to.
struct Lead: Codable, Sendable, Equatable {
    let id: LeadID
    let email: String
    let firstName: String?
    let lastName: String?
    let company: String?
    let custom: [String: CustomValue]
    /// An IANA name, as `Europe/Oslo`.
    var timeZone: String?
    var tags: [String] = []
    var status = LeadStatus.active
    var statusChangedAt: Date?
    /// Raised with each change.
    var revision: Int64 = 1
    let createdAt: Date

    /// What templates can name.
    var values: [String: String] {
        var values: [String: String] = ["email": email]
        values["first_name"] = firstName
        values["last_name"] = lastName
        values["company"] = company
        for (name, value) in custom { values["custom.\(name)"] = value.text }
        return values
    }
}

/// Whether a person may be written to, as Delivery told last.
enum LeadStatus: String, Codable, Sendable {
    case active
    case unsubscribed
    case bounced
    case complained
    case suppressed
}

extension Lead {
    static let columns: SQL =
        "l.id, l.email, l.first_name, l.last_name, l.company, l.custom, l.time_zone, l.tags, l.status, l.status_changed_at, l.revision, l.created_at"

    init(row: Row) throws {
        id = try row.decode("id")
        email = try row.decode("email")
        firstName = try row.decodeOptional("first_name")
        lastName = try row.decodeOptional("last_name")
        company = try row.decodeOptional("company")
        custom = try WireJSON.decoder().decode([String: CustomValue].self, from: Data(try row.decode("custom", as: String.self).utf8))
        timeZone = try row.decodeOptional("time_zone")
        tags = try row.decode("tags")
        status = try row.decode("status")
        statusChangedAt = try row.decodeOptional("status_changed_at")
        revision = try row.decode("revision")
        createdAt = try row.decode("created_at")
    }
}

/// The SQL of leads.
enum LeadStore {
    static func find(_ lead: LeadID, of tenant: TenantID, in database: Database) async throws -> Lead? {
        try await database.query(
            as: tenant, "select \(Lead.columns) from leads l where l.tenant_id = \(tenant) and l.id = \(lead)"
        ).first.map(Lead.init(row:))
    }

    /// A workspace's leads in the order in which they came, after `start`.
    static func list(
        of tenant: TenantID, workspace: WorkspaceID, after start: LeadID?, limit: Int, in database: Database
    ) async throws -> [Lead] {
        let first = start ?? LeadID(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        return try await database.query(
            as: tenant,
            """
            select \(Lead.columns) from lead_workspaces w join leads l on l.tenant_id = w.tenant_id and l.id = w.lead_id
            where w.tenant_id = \(tenant) and w.workspace_id = \(workspace) and w.lead_id > \(first) order by w.lead_id limit \(limit)
            """
        ).map(Lead.init(row:))
    }
}
