import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// Writes exports batch by batch: the entries of a batch, the place behind them and the counts are one commit, so that whoever goes on after a
/// crash neither repeats an entry nor leaves one out. When all is there, the file is read once more for its digest, and the manifest signed.
struct TrailExportWriter: Sendable {
    /// An export as whoever works on it needs it.
    private struct Work: Sendable {
        let export: TrailExportID
        let format: TrailExportFormat
        let selection: TrailSelection
        let isBegun: Bool
        let scanned: Int64
        let rows: Int64
        let firstSeq: Int64?
        let lastSeq: Int64?
        let parts: Int
        /// Over what was written or left out so far.
        let frontier: MerkleFrontier
    }

    private static let partSize = 1 << 20
    /// What is remembered of an export whose file is gone.
    private static let remembered: TimeInterval = 30 * 86_400

    /// Of the `_api` role: entries are read under row-level security, like any reading of them.
    let api: Database
    /// Of the `_worker` role.
    let database: Database
    let signer: CheckpointSigner
    let clock: WallClock
    /// Numbers looked at in one batch.
    var batch: Int64 = 2_000

    /// One batch of the export that waits longest; false when there is none that nobody else has in hand.
    func writeOnce() async throws -> Bool {
        let waiting = try await database.query(
            "select tenant_id, id from trail_exports where status in ('queued', 'running') order by worked_at limit 5")
        for row in waiting {
            let (tenant, export): (TenantID, TrailExportID) = (try row.decode("tenant_id"), try row.decode("id"))
            do {
                if try await write(export, of: tenant) { return true }
            } catch {
                let isTransient = (error as? any TransientError)?.isTransient ?? false
                guard !isTransient, !Task.isCancelled else { throw error }
                // It would fail the same way for ever.
                let isDamage = error is AlteredEntry || error is ExportError
                try await fail(export, of: tenant, because: isDamage ? "\(error)" : "the entries could not be written")
                throw error
            }
        }
        return false
    }

    private func write(_ export: TrailExportID, of tenant: TenantID) async throws -> Bool {
        let now = clock.now
        return try await database.transaction { transaction -> Bool in
            guard let work = try await lock(export, of: tenant, in: transaction) else { return false }
            if work.isBegun && work.scanned >= work.selection.through {
                try await seal(work, at: now, in: transaction)
            } else {
                try await extend(work, at: now, in: transaction)
            }
            return true
        }
    }

    private func extend(_ work: Work, at now: Date, in transaction: Transaction) async throws {
        let tenant = work.selection.tenant
        let last = min(work.scanned + batch, work.selection.through)
        let isLast = last == work.selection.through
        var assembly = TrailExportAssembly(work.format, frontier: work.frontier)
        var text = work.isBegun ? "" : work.format.head
        let (found, tiles) = try await read(work.selection, after: work.scanned, through: last, isLast: isLast, for: assembly)
        text += try await assembly.add(found, tiles: tiles)
        if isLast {
            text += try assembly.finish(through: last, tiles: tiles)
            guard assembly.frontier.root == work.selection.tree.root else { throw ExportError.damagedTree }
        }
        let first = try found.first?.decode("seq", as: Int64.self)
        let newest = try found.last?.decode("seq", as: Int64.self)
        let contents = Self.parts(of: Data(text.utf8))
        var statements: [SQL] = contents.enumerated().map { index, content in
            """
            insert into trail_export_parts (tenant_id, export_id, part, content)
            values (\(tenant), \(work.export), \(Int32(work.parts + index)), \(content))
            """
        }
        statements.append(
            """
            update trail_exports set status = 'running', scanned = \(last), rows = rows + \(found.count),
                first_seq = coalesce(first_seq, \(first)), last_seq = coalesce(\(newest), last_seq),
                bytes = bytes + \(text.utf8.count), parts = parts + \(Int32(contents.count)), worked_at = \(now),
                covered = \(assembly.frontier.size), frontier = \(assembly.frontier.bytes)
            where tenant_id = \(tenant) and id = \(work.export)
            """)
        try await transaction.pipeline(statements)
    }

    /// The entries of these numbers, and the tiles for what is left out between them.
    private func read(
        _ selection: TrailSelection, after: Int64, through last: Int64, isLast: Bool, for assembly: TrailExportAssembly
    ) async throws -> ([Row], TileSet) {
        try await api.transaction(as: selection.tenant) { transaction in
            // A batch is little of a month: its details are looked up one by one, whatever Postgres thinks of the others.
            try await transaction.query("select set_config('enable_seqscan', 'off', true)")
            let rows = Array(try await transaction.query(try selection.entries(after: after, through: last)))
            let numbers = try rows.map { try $0.decode("seq", as: Int64.self) }
            let nodes = assembly.needed(for: numbers, through: isLast ? last : nil)
            return (rows, try await TileSet.read(nodes, of: selection.tenant, in: transaction))
        }
    }

    private func seal(_ work: Work, at now: Date, in transaction: Transaction) async throws {
        let selection = work.selection
        var hash = SHA256()
        for part in 0..<work.parts {
            let rows = try await transaction.query(
                """
                select content from trail_export_parts
                where tenant_id = \(selection.tenant) and export_id = \(work.export) and part = \(Int32(part))
                """)
            guard let row = rows.first else { throw ExportError.partMissing }
            hash.update(data: try row.decode("content", as: Data.self))
        }
        let manifest = ExportManifest(
            tenant: selection.tenant, export: work.export, format: work.format, filter: selection.filter, count: work.rows,
            firstSeq: work.firstSeq, lastSeq: work.lastSeq, through: selection.through, root: selection.tree.root,
            digest: Data(hash.finalize()), createdAt: selection.retention.now)
        let note = try signer.sign(try manifest.text)
        var statements: [SQL] = []
        var added = 0
        if work.format == .ndjson {
            let line = Data(try ExportManifest.line(note).utf8)
            added = line.count
            statements.append(
                """
                insert into trail_export_parts (tenant_id, export_id, part, content)
                values (\(selection.tenant), \(work.export), \(Int32(work.parts)), \(line))
                """)
        }
        statements.append(
            """
            update trail_exports set status = 'ready', manifest = \(note), bytes = bytes + \(added),
                parts = parts + \(Int32(statements.count)), worked_at = \(now), finished_at = \(now)
            where tenant_id = \(selection.tenant) and id = \(work.export)
            """)
        try await transaction.pipeline(statements)
    }

    /// Nil when somebody else has it in hand, or it is over meanwhile.
    private func lock(_ export: TrailExportID, of tenant: TenantID, in transaction: Transaction) async throws -> Work? {
        try await transaction.query(
            """
            select format, filter, class, holds, status, through, root, scanned, rows, first_seq, last_seq, parts, covered, frontier, created_at
            from trail_exports
            where tenant_id = \(tenant) and id = \(export) and status in ('queued', 'running') for update skip locked
            """
        ).first.map { row in
            let filter: String = try row.decode("filter")
            let status: TrailExport.Status = try row.decode("status")
            let selection = TrailSelection(
                tenant: tenant, filter: try WireJSON.decoder().decode(TrailExportFilter.self, from: Data(filter.utf8)),
                retention: RetentionWindow(
                    plan: try row.decode("class"), now: try row.decode("created_at"),
                    holds: try WireJSON.decoder().decode([SearchRange].self, from: Data(try row.decode("holds", as: String.self).utf8))),
                tree: TrailSelection.Tree(size: try row.decode("through"), root: try row.decodeOptional("root") ?? MerkleTree.emptyRoot))
            guard let frontier = MerkleFrontier(size: try row.decode("covered"), bytes: try row.decode("frontier")) else {
                throw ExportError.damagedTree
            }
            return Work(
                export: export, format: try row.decode("format"), selection: selection, isBegun: status == .running,
                scanned: try row.decode("scanned"), rows: try row.decode("rows"), firstSeq: try row.decodeOptional("first_seq"),
                lastSeq: try row.decodeOptional("last_seq"), parts: try row.decode("parts"), frontier: frontier)
        }
    }

    private func fail(_ export: TrailExportID, of tenant: TenantID, because reason: String) async throws {
        try await database.transaction { transaction in
            try await transaction.pipeline([
                """
                update trail_exports set status = 'failed', failure = \(reason), bytes = 0, parts = 0,
                    finished_at = \(clock.now) where tenant_id = \(tenant) and id = \(export) and status in ('queued', 'running')
                """,
                "delete from trail_export_parts where tenant_id = \(tenant) and export_id = \(export)",
            ])
        }
    }

    /// Removes one file whose time is over, and later what is remembered of it; false when there is none.
    func expireOnce() async throws -> Bool {
        let now = clock.now
        try await database.query("delete from trail_export_links where expires_at <= \(now)")
        return try await database.transaction { transaction -> Bool in
            let due = try await transaction.query(
                """
                select tenant_id, id from trail_exports where status <> 'expired' and expires_at <= \(now)
                order by expires_at limit 1 for update skip locked
                """)
            if let row = due.first {
                let (tenant, export): (TenantID, TrailExportID) = (try row.decode("tenant_id"), try row.decode("id"))
                try await transaction.pipeline([
                    "delete from trail_export_parts where tenant_id = \(tenant) and export_id = \(export)",
                    """
                    update trail_exports set status = 'expired', bytes = 0, parts = 0, finished_at = coalesce(finished_at, \(now))
                    where tenant_id = \(tenant) and id = \(export)
                    """,
                ])
                return true
            }
            return try await transaction.query(
                """
                delete from trail_exports where (tenant_id, id) in (
                    select tenant_id, id from trail_exports where status = 'expired' and expires_at <= \(now.addingTimeInterval(-Self.remembered))
                    order by expires_at limit 1)
                """
            ).affected > 0
        }
    }

    /// Cut anywhere: they are only ever read one after another.
    static func parts(of content: Data) -> [Data] {
        stride(from: 0, to: content.count, by: partSize).map { content.subdata(in: $0..<min($0 + partSize, content.count)) }
    }
}
