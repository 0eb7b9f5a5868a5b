import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Writes exports batch by batch: the leads of a batch, the place behind them and the counts are one commit, so that whoever goes on after a crash
/// neither repeats a lead nor leaves one out.
struct LeadExportWriter: Sendable {
    /// An export as whoever works on it needs it.
    private struct Work: Sendable {
        let export: LeadExportID
        let workspace: WorkspaceID
        let format: LeadExportFormat
        let filter: LeadFilter
        let fields: [String]
        let parts: Int
        let cursor: LeadID?
        let rows: Int64
        let createdBy: String
    }

    private static let partSize = 1 << 20
    /// A batch ends with the slice that reaches this.
    private static let batchSize = 4 << 20

    let database: Database
    let outbox: Outbox
    let clock: WallClock
    var batch = LeadExports.batch

    /// One batch of the export that waits longest; false when there is none that nobody else has in hand.
    func writeOnce() async throws -> Bool {
        let waiting = try await database.query(
            "select tenant_id, id from lead_exports where status in ('queued', 'running') order by worked_at limit 5")
        for row in waiting {
            let (tenant, export): (TenantID, LeadExportID) = (try row.decode("tenant_id"), try row.decode("id"))
            do {
                if try await write(export, of: tenant) { return true }
            } catch {
                let isTransient = (error as? any TransientError)?.isTransient ?? false
                guard !isTransient, !Task.isCancelled else { throw error }
                // It would fail the same way for ever.
                try await fail(export, of: tenant)
                throw error
            }
        }
        return false
    }

    private func write(_ export: LeadExportID, of tenant: TenantID) async throws -> Bool {
        let now = clock.now
        let isWritten = try await database.transaction { transaction -> Bool in
            // The setting that find_leads takes the tenant from.
            try await transaction.query("select set_config('nile.tenant_id', \(tenant.description), true)")
            guard let work = try await lock(export, of: tenant, in: transaction) else { return false }
            let after = work.cursor.map { LeadPosition(id: $0) }
            let found = try await transaction.query(work.filter.identifiers(in: work.workspace, after: after, limit: batch))
                .map { try $0.decode("id", as: LeadID.self) }
            var text = work.cursor == nil ? work.format.head(fields: work.fields) : ""
            var (taken, rows) = (0, 0)
            for slice in LeadExports.slices(found) where text.utf8.count < Self.batchSize {
                for lead in try await transaction.query(LeadStore.read(slice, of: tenant)).map(Lead.init(row:)) {
                    text += try work.format.line(lead, fields: work.fields)
                    rows += 1
                }
                taken += slice.count
            }
            let last = taken > 0 ? found[taken - 1] : nil
            let contents = Self.parts(of: Data(text.utf8))
            let isDone = taken == found.count && found.count < batch
            let status = isDone ? LeadExport.Status.completed : .running
            var statements: [SQL] = contents.enumerated().map { index, content in
                """
                insert into lead_export_parts (tenant_id, export_id, part, workspace_id, content)
                values (\(tenant), \(export), \(work.parts + index), \(work.workspace), \(content))
                """
            }
            statements.append(
                """
                update lead_exports set status = \(status), rows = rows + \(rows),
                    bytes = bytes + \(text.utf8.count), parts = parts + \(contents.count), cursor = coalesce(\(last), cursor),
                    worked_at = \(now), finished_at = case when \(isDone) then \(now)::timestamptz end
                where tenant_id = \(tenant) and id = \(export)
                """)
            try await transaction.pipeline(statements)
            if isDone {
                let event = try Self.finished(work, rows: work.rows + Int64(rows), of: tenant, at: now)
                try await outbox.append([event], in: transaction)
            }
            return true
        }
        if isWritten { outbox.wake() }
        return isWritten
    }

    /// Nil when somebody else has it in hand, or it is over meanwhile.
    private func lock(_ export: LeadExportID, of tenant: TenantID, in transaction: Transaction) async throws -> Work? {
        try await transaction.query(
            """
            select workspace_id, format, filter, fields, parts, cursor, rows, created_by from lead_exports
            where tenant_id = \(tenant) and id = \(export) and status in ('queued', 'running') for update skip locked
            """
        ).first.map { row in
            let filter: String = try row.decode("filter")
            return Work(
                export: export, workspace: try row.decode("workspace_id"), format: try row.decode("format"),
                filter: try WireJSON.decoder().decode(LeadFilter.self, from: Data(filter.utf8)), fields: try row.decode("fields"),
                parts: try row.decode("parts"), cursor: try row.decodeOptional("cursor"), rows: try row.decode("rows"),
                createdBy: try row.decode("created_by"))
        }
    }

    private func fail(_ export: LeadExportID, of tenant: TenantID) async throws {
        try await database.transaction { transaction in
            try await transaction.pipeline([
                """
                update lead_exports set status = 'failed', failure = 'the leads could not be written', bytes = 0, parts = 0,
                    finished_at = \(clock.now) where tenant_id = \(tenant) and id = \(export) and status in ('queued', 'running')
                """,
                "delete from lead_export_parts where tenant_id = \(tenant) and export_id = \(export)",
            ])
        }
    }

    /// Removes one export whose time is over; false when there is none.
    func expireOnce() async throws -> Bool {
        let now = clock.now
        return try await database.transaction { transaction -> Bool in
            let expired = try await transaction.query(
                """
                select tenant_id, id from lead_exports where expires_at <= \(now) order by expires_at limit 1 for update skip locked
                """)
            guard let row = expired.first else { return false }
            let (tenant, export): (TenantID, LeadExportID) = (try row.decode("tenant_id"), try row.decode("id"))
            try await transaction.pipeline([
                "delete from lead_export_parts where tenant_id = \(tenant) and export_id = \(export)",
                "delete from lead_exports where tenant_id = \(tenant) and id = \(export)",
            ])
            return true
        }
    }

    /// Cut anywhere: they are only ever read one after another.
    static func parts(of content: Data) -> [Data] {
        stride(from: 0, to: content.count, by: partSize).map { content.subdata(in: $0..<min($0 + partSize, content.count)) }
    }

    private static func finished(_ work: Work, rows: Int64, of tenant: TenantID, at now: Date) throws -> PendingEvent {
        let creator = work.createdBy.split(separator: ":", maxSplits: 1).map(String.init)
        let actor =
            creator.count == 2 ? EventActor(kind: .init(rawValue: creator[0]), id: creator[1]) : .system(ServiceName.campaigns.rawValue)
        return try PendingEvent(
            CampaignsEvents.LeadsExported(leadExport: work.export.uuid, act: "completed", rows: rows), at: now, tenant: tenant,
            workspace: work.workspace, actor: actor,
            audit: AuditRecord(
                action: "lead.export",
                targets: [
                    .init(type: "workspace", id: work.workspace.description), .init(type: "lead_export", id: work.export.description),
                ], metadata: ["count": "\(rows)", "format": work.format.rawValue]))
    }
}
