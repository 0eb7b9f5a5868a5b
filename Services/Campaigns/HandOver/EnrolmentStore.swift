import Contracts
import Foundation
import Postgres

/// The SQL of enrolments and of the counters that move with them.
enum EnrolmentStore {
    /// The part of a campaign's progress that a status counts towards.
    static func bucket(of status: String) -> String {
        status == "handing_over" ? "waiting" : status
    }

    /// Adds to and takes from a campaign's counters in one statement.
    static func shift(_ campaign: CampaignID, of tenant: TenantID, by changes: [String: Int64]) -> SQL {
        func change(_ bucket: String) -> Int64 { changes[bucket] ?? 0 }
        return """
            update campaign_counters set waiting = waiting + \(change("waiting")), queued = queued + \(change("queued")),
                deferred = deferred + \(change("deferred")), sent = sent + \(change("sent")), failed = failed + \(change("failed")),
                held = held + \(change("held")), suppressed = suppressed + \(change("suppressed"))
            where tenant_id = \(tenant) and campaign_id = \(campaign)
            """
    }

    struct Told: Sendable {
        let enrolment: EnrolmentID
        let status: String
        let version: Int64
        let at: Date
    }

    /// Applies what Delivery told of a tenant's sends, newest word only; gives the campaigns that changed.
    static func apply(_ told: [Told], of tenant: TenantID, in transaction: Transaction) async throws -> Set<CampaignID> {
        let rows = try await transaction.query(
            """
            select e.id, e.campaign_id, e.status as old_status, t.status as new_status, t.version, t.at
            from unnest(\(told.map(\.enrolment)), \(told.map(\.status)), \(told.map(\.version)), \(told.map(\.at))) as t (id, status, version, at)
            join enrolments e on e.tenant_id = \(tenant) and e.id = t.id
            where e.send_version < t.version order by e.id for update of e
            """)
        guard !rows.isEmpty else { return [] }
        var changes: [CampaignID: [String: Int64]] = [:]
        var last: [CampaignID: Date] = [:]
        for row in rows {
            let campaign: CampaignID = try row.decode("campaign_id")
            changes[campaign, default: [:]][bucket(of: try row.decode("old_status")), default: 0] -= 1
            changes[campaign, default: [:]][try row.decode("new_status"), default: 0] += 1
            last[campaign] = max(last[campaign] ?? .distantPast, try row.decode("at"))
        }
        var statements: [SQL] = [
            """
            update enrolments e set status = t.status, send_version = t.version
            from unnest(\(try rows.map { try $0.decode("id", as: EnrolmentID.self) }), \(try rows.map { try $0.decode("new_status", as: String.self) }),
                        \(try rows.map { try $0.decode("version", as: Int64.self) })) as t (id, status, version)
            where e.tenant_id = \(tenant) and e.id = t.id
            """
        ]
        for campaign in changes.keys.sorted(by: { $0.description < $1.description }) {
            statements.append(shift(campaign, of: tenant, by: changes[campaign] ?? [:]))
            statements.append(
                """
                update campaigns set first_resolved_at = least(first_resolved_at, \(last[campaign])), last_resolved_at = greatest(last_resolved_at, \(last[campaign]))
                where tenant_id = \(tenant) and id = \(campaign)
                """)
        }
        try await transaction.pipeline(statements)
        return Set(changes.keys)
    }
}
