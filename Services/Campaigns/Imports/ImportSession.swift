import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// One import under way: what became of it so far, and the batch that is being filled.
struct ImportSession {
    /// How long an upload may be between batches without a sign of life in the database.
    private static let signOfLife: TimeInterval = 30
    private static let attempts = 4

    private var run: LeadImport
    private let request: Importer.Request
    private let identity: Identity
    private let fields: [FieldRule]
    private let writer: ImportWriter
    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let audit: Importer.Audit
    private var suppressions: SuppressionCheck
    private var mapping: ColumnMapping?
    private var batch = ImportBatch()
    /// Where each address of the batch stands in it.
    private var seen: [String: Int] = [:]
    /// The batch that is written while the next one is read; never more than one, so that they go in in the order of the file.
    private var writing: Task<Written, any Error>?

    private struct Written: Sendable {
        let run: LeadImport
        let suppressions: SuppressionCheck
    }

    init(
        _ request: Importer.Request, identity: Identity, fields: [FieldRule], writer: ImportWriter, database: Database, outbox: Outbox,
        clock: WallClock, suppressions: SuppressionCheck, audit: @escaping Importer.Audit
    ) {
        let now = clock.now
        run = LeadImport(
            id: request.id ?? ImportID(.v7(at: now)), workspace: request.workspace, fileName: request.fileName, onDuplicate: request.duplicates,
            list: request.list, tags: request.tags, startedAt: now, updatedAt: now)
        self.request = request
        self.identity = identity
        self.fields = fields
        self.writer = writer
        self.database = database
        self.outbox = outbox
        self.clock = clock
        self.audit = audit
        self.suppressions = suppressions
    }

    /// Takes the records that a piece of the file completed; the first ones of all decide what the columns are.
    mutating func take(_ records: CSVRecords, from reader: ImportReader) async throws {
        guard !records.isEmpty else { return }
        var start = 0
        let columns: ColumnMapping
        if let mapping {
            columns = mapping
        } else {
            columns = try await begin(records, reader)
            start = columns.hasHeader ? 1 : 0
        }
        for index in start..<records.count {
            take(records[index], columns)
            if batch.isFull { try await flush() }
        }
    }

    private mutating func take(_ record: CSVRecord, _ columns: ColumnMapping) {
        do throws(LeadRow.Rejection) {
            let row = try LeadRow(record, mapping: columns)
            batch.size += row.size
            // Within one batch an address stands once, with what all its rows say; across batches the table's unique key decides.
            if let place = seen[row.email] {
                if request.duplicates != .createOnly { batch.rows[place].merge(row, withValues: request.duplicates == .update) }
                batch.repeated += 1
            } else {
                seen[row.email] = batch.rows.count
                batch.rows.append(row)
            }
        } catch {
            let row = RejectedRow(record, error)
            batch.rejected.append(row)
            batch.size += row.size
        }
    }

    private mutating func begin(_ records: CSVRecords, _ reader: ImportReader) async throws -> ColumnMapping {
        let columns = try ColumnMapping(of: records, given: request.mapping, fields: fields)
        guard columns.hasEmail else {
            throw HTTP.Problem.unprocessable(
                kind: "import_no_email_column", title: "No column of the file looks like an e-mail address.",
                detail: "Name a column email in the first line, or say which one it is with the parameter mapping.")
        }
        run.encoding = reader.encoding
        run.delimiter = reader.delimiter.map { String(UnicodeScalar($0)) }
        run.hasHeader = columns.hasHeader
        run.header = columns.columns.map(\.header)
        let (begun, tenant, outbox) = (run, identity.tenant, outbox)
        let event = try statusChanged(.running, "import.start", at: begun.startedAt)
        let isNew = try await database.transaction(as: tenant) { transaction -> Bool in
            guard try await ImportStore.insert(begun, of: tenant, in: transaction) else { return false }
            try await outbox.append([event], in: transaction)
            return true
        }
        guard isNew else { throw Importer.exists }
        outbox.wake()
        mapping = columns
        return columns
    }

    /// Says now and then that the upload goes on; throws when somebody has ended the import.
    mutating func showLife() async throws {
        let now = clock.now
        guard mapping != nil, now.timeIntervalSince(run.updatedAt) >= Self.signOfLife else { return }
        guard try await ImportStore.touch(run.id, of: identity.tenant, at: now, in: database) else { throw ImportWriter.Stop.notRunning }
        run.updatedAt = now
    }

    /// Begins to write the batch, when the one before it is written.
    private mutating func flush() async throws {
        try await settle()
        guard !batch.isEmpty else { return }
        let (filled, before, target, instant) = (batch, run, writer, clock.now)
        let (storage, tenant, asked) = (database, identity.tenant, suppressions)
        writing = Task<Written, any Error> {
            var suppressions = asked
            let suppressed = await suppressions.find(filled.rows.map(\.email), of: tenant, workspace: before.workspace)
            var attempt = 1
            while true {
                do {
                    let after = try await storage.transaction(as: tenant) { transaction in
                        try await target.write(filled, suppressed: suppressed, of: before, at: instant, in: transaction)
                    }
                    return Written(run: after, suppressions: suppressions)
                } catch {
                    // Somebody else changed the same leads at the same moment; nothing of the batch was written.
                    guard (error as? PostgresError)?.code == .conflict, attempt < Self.attempts else { throw error }
                    attempt += 1
                }
            }
        }
        batch = ImportBatch()
        seen.removeAll(keepingCapacity: true)
    }

    /// Waits for the batch that is being written.
    private mutating func settle() async throws {
        guard let task = writing else { return }
        writing = nil
        let written = try await task.value
        run = written.run
        suppressions = written.suppressions
    }

    /// The whole file was read.
    mutating func finish() async throws -> LeadImport {
        guard mapping != nil else { throw HTTP.Problem.unprocessable(kind: "import_empty", title: "The file is empty.") }
        try await flush()
        try await settle()
        var finished = run
        finished.status = .completed
        finished.updatedAt = clock.now
        finished.finishedAt = finished.updatedAt
        let (tenant, completed, outbox) = (identity.tenant, finished, outbox)
        let event = try PendingEvent(
            CampaignsEvents.ImportFinished(
                importID: run.id, created: run.created, updated: run.updated, duplicates: run.duplicates, rejected: run.rejected),
            at: completed.updatedAt, tenant: tenant, workspace: run.workspace, actor: identity.actor, audit: audit("import.finish", target))
        try await database.transaction(as: tenant) { transaction in
            guard try await transaction.query(ImportStore.save(completed, of: tenant)).affected == 1 else { throw ImportWriter.Stop.notRunning }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return completed
    }

    /// The import as somebody else ended it; otherwise throws, and what was committed stays with a run that says that it is not all.
    mutating func end(after error: any Error) async throws -> LeadImport {
        guard mapping != nil else { throw error }
        // The batch under way is let come to its end: what it brought is part of what the run tells.
        if let task = writing, let written = try? await task.value { run = written.run }
        writing = nil
        let stop = error as? ImportWriter.Stop
        if stop == .notRunning {
            guard let ended = try await ImportStore.find(run.id, of: identity.tenant, in: database) else { throw HTTP.Problem.notFound("import") }
            return ended
        }
        var failed = run
        failed.status = .failed
        failed.failure =
            stop == .listGone
            ? "the list was deleted; rows up to here are imported" : "the upload ended early or could not be stored; rows up to here are imported"
        failed.updatedAt = clock.now
        failed.finishedAt = failed.updatedAt
        let event = try statusChanged(.failed, "import.fail", at: failed.updatedAt)
        let (storage, tenant, unfinished, outbox) = (database, identity.tenant, failed, outbox)
        // In a task of its own: when the sender has gone, this one is cancelled, and would not get to the database.
        await Task {
            _ = try? await storage.transaction(as: tenant) { transaction in
                guard try await transaction.query(ImportStore.save(unfinished, of: tenant)).affected == 1 else { return }
                try await outbox.append([event], in: transaction)
            }
            outbox.wake()
        }.value
        if stop == .listGone { throw HTTP.Problem.conflict(kind: "list_gone", title: "The list was deleted while the file was read.") }
        throw error
    }

    private var target: AuditRecord.Target { .init(type: "import", id: run.id.description, name: run.fileName) }

    private func statusChanged(_ status: LeadImport.Status, _ action: String, at instant: Date) throws -> PendingEvent {
        var record = audit(action, target)
        if status == .failed { record.outcome = .failure }
        return try PendingEvent(
            CampaignsEvents.ImportStatusChanged(importID: run.id, status: status.rawValue), at: instant, tenant: identity.tenant,
            workspace: run.workspace, actor: identity.actor, audit: record)
    }
}

extension ColumnMapping {
    /// What the columns of a file are, from its first records and what the caller said; problems `import_no_email_column` (there is no readable
    /// first line), `import_too_many_columns`, `import_mapping_invalid`.
    init(of records: some Collection<CSVRecord>, given: String?, fields: [FieldRule]) throws(HTTP.Problem) {
        guard let first = records.first, first.problem == nil else {
            throw HTTP.Problem.unprocessable(
                kind: "import_no_email_column", title: "The first line of the file cannot be read.",
                detail: "It must be text, with the names of the columns or the first lead.")
        }
        guard first.count <= Self.maximumColumns else {
            throw HTTP.Problem.unprocessable(
                kind: "import_too_many_columns", title: "The file has too many columns.", detail: "Send at most \(Self.maximumColumns).")
        }
        self.init(sample: records.prefix(21).map(\.strings), fields: fields)
        if let given { try apply(given, fields: fields) }
    }
}
