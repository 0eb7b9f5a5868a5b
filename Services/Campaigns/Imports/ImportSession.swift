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
    private let clock: WallClock
    private var suppressions: SuppressionCheck
    private var mapping: ColumnMapping?
    private var batch = ImportBatch()
    private var seen: Set<String> = []

    init(
        _ request: Importer.Request, identity: Identity, fields: [FieldRule], writer: ImportWriter, database: Database, clock: WallClock,
        suppressions: SuppressionCheck
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
        self.clock = clock
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
            // Within one batch an address stands once; across batches the table's unique key decides.
            if seen.insert(row.email).inserted {
                batch.rows.append(row)
                batch.size += row.size
            } else {
                batch.repeated += 1
            }
        } catch {
            let row = RejectedRow(record, error)
            batch.rejected.append(row)
            batch.size += row.raw.utf8.count
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
        run.header = columns.columns.map { String($0.header.prefix(200)) }
        guard try await ImportStore.insert(run, of: identity.tenant, in: database) else { throw Importer.exists }
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

    private mutating func flush() async throws {
        guard !batch.isEmpty else { return }
        let suppressed = await suppressions.find(batch.rows.map(\.email), of: identity.tenant, workspace: request.workspace)
        let (filled, before, target, instant) = (batch, run, writer, clock.now)
        var attempt = 1
        while true {
            do {
                run = try await database.transaction(as: identity.tenant) { transaction in
                    try await target.write(filled, suppressed: suppressed, of: before, at: instant, in: transaction)
                }
                break
            } catch {
                // Somebody else changed the same leads at the same moment; nothing of the batch was written.
                guard (error as? PostgresError)?.code == .conflict, attempt < Self.attempts else { throw error }
                attempt += 1
            }
        }
        batch = ImportBatch()
        seen.removeAll(keepingCapacity: true)
    }

    /// The whole file was read.
    mutating func finish(outbox: Outbox, audit: (AuditRecord.Target) -> AuditRecord) async throws -> LeadImport {
        guard mapping != nil else { throw HTTP.Problem.unprocessable(kind: "import_empty", title: "The file is empty.") }
        try await flush()
        var finished = run
        finished.status = .completed
        finished.updatedAt = clock.now
        finished.finishedAt = finished.updatedAt
        let (tenant, completed) = (identity.tenant, finished)
        let event = try PendingEvent(
            CampaignsEvents.ImportFinished(
                importID: run.id, created: run.created, updated: run.updated, duplicates: run.duplicates, rejected: run.rejected),
            at: completed.updatedAt, tenant: tenant, workspace: run.workspace, actor: identity.actor,
            audit: audit(.init(type: "import", id: run.id.description, name: run.fileName)))
        try await database.transaction(as: tenant) { transaction in
            guard try await transaction.query(ImportStore.save(completed, of: tenant)).affected == 1 else { throw ImportWriter.Stop.notRunning }
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return completed
    }

    /// The import as somebody else ended it; otherwise throws, and what was committed stays with a run that says that it is not all.
    func end(after error: any Error) async throws -> LeadImport {
        guard mapping != nil else { throw error }
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
        let (storage, tenant, unfinished) = (database, identity.tenant, failed)
        // In a task of its own: when the sender has gone, this one is cancelled, and would not get to the database.
        await Task { _ = try? await storage.query(as: tenant, ImportStore.save(unfinished, of: tenant)) }.value
        if stop == .listGone { throw HTTP.Problem.conflict(kind: "list_gone", title: "The list was deleted while the file was read.") }
        throw error
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
