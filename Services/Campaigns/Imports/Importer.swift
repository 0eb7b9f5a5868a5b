import Contracts
import Foundation
import HTTP
import NIOCore
import Postgres
import Primitives
import RPC
import Streams

/// Takes a CSV file in as it arrives: a thousand rows a transaction, constant memory, no row fatal.
struct Importer: Sendable {
    struct Request: Sendable {
        let workspace: WorkspaceID
        let fileName: String
        let duplicates: ImportStore.Duplicates
    }

    static let batch = 1_000

    let database: Database
    let billing: RPCClient
    let outbox: Outbox
    let clock: WallClock

    /// Reads the whole body; problems `import_empty` and `import_no_email_column` before anything is written.
    func run<Body: AsyncSequence & Sendable>(
        _ request: Request, body: Body, by identity: Identity, audit: @Sendable (AuditRecord.Target) -> AuditRecord
    ) async throws -> LeadImport where Body.Element == ByteBuffer {
        let entitlements = try await billing.call(BillingRPC.ReadEntitlements(tenant: identity.tenant))
        let room: Int64? =
            if let limit = entitlements.leads {
                limit - (try await ImportStore.countLeads(of: identity.tenant, upTo: limit, in: database))
            } else { nil }
        let now = clock.now
        let run = LeadImport(
            id: ImportID(.v7(at: now)), workspace: request.workspace, fileName: request.fileName, status: "running", startedAt: now)
        var session = ImportSession(run: run, request: request, identity: identity, room: room, database: database, clock: clock)
        do {
            var parser = CSVParser()
            for try await part in body {
                for record in parser.read(part.readableBytesView) { try await session.take(record) }
            }
            if let last = parser.finish() { try await session.take(last) }
            return try await session.finish(outbox: outbox, audit: audit)
        } catch let problem as Problem {
            throw problem
        } catch {
            try await session.fail(error)
            throw error
        }
    }
}

/// One import under way: counts, and the rows of the batch that is being filled.
struct ImportSession {
    private var run: LeadImport
    private let request: Importer.Request
    private let identity: Identity
    private var room: Int64?
    private let database: Database
    private let clock: WallClock
    private var mapping: ColumnMapping?
    private var rows: [LeadRow] = []
    private var errors: [ImportRowError] = []
    private var seen: Set<String> = []
    private var pending = LeadCounts()

    private struct LeadCounts {
        var rows: Int64 = 0
        var duplicates: Int64 = 0
        var rejected: Int64 = 0
    }

    init(run: LeadImport, request: Importer.Request, identity: Identity, room: Int64?, database: Database, clock: WallClock) {
        self.run = run
        self.request = request
        self.identity = identity
        self.room = room
        self.database = database
        self.clock = clock
    }

    mutating func take(_ record: CSVRecord) async throws {
        guard let mapping else { return try await begin(record) }
        pending.rows += 1
        switch record.content {
        case .unreadable(let problem): reject(record.line, .init(reason: problem.rawValue, field: nil, value: nil))
        case .fields(let fields):
            do throws(LeadRow.Rejection) {
                let row = try LeadRow(line: record.line, fields: fields, mapping: mapping)
                // Within one batch an address stands once; across batches the table's unique key decides.
                if seen.insert(row.email).inserted { rows.append(row) } else { pending.duplicates += 1 }
            } catch {
                reject(record.line, error)
            }
        }
        if rows.count + errors.count >= Importer.batch { try await flush() }
    }

    /// The first record is the header.
    private mutating func begin(_ record: CSVRecord) async throws {
        guard case .fields(let header) = record.content, let mapping = ColumnMapping(header: header) else {
            throw Problem.unprocessable(
                kind: "import_no_email_column", title: "No column of the file looks like an e-mail address.",
                detail: "The first line must name the columns; call one of them email.")
        }
        self.mapping = mapping
        try await ImportStore.insert(run, of: identity.tenant, in: database)
    }

    private mutating func reject(_ line: Int, _ rejection: LeadRow.Rejection) {
        pending.rejected += 1
        errors.append(ImportRowError(line: Int64(line), reason: rejection.reason, field: rejection.field, value: rejection.value))
    }

    private mutating func flush() async throws {
        let accepted = try await withinLimit(rows)
        var next = run
        let (tenant, batch, failures, counts) = (identity.tenant, accepted, errors, pending)
        let (workspace, duplicates, instant) = (request.workspace, request.duplicates, clock.now)
        next.rows += counts.rows
        next.rejected += counts.rejected
        next.duplicates += counts.duplicates
        let before = next
        let written = try await database.transaction(as: tenant) { transaction in
            var after = before
            let counts = try await ImportStore.write(
                batch, of: tenant, workspace: workspace, duplicates: duplicates, at: instant, in: transaction)
            after.created += counts.created
            after.updated += counts.updated
            after.duplicates += counts.known
            try await ImportStore.insertErrors(failures, of: before.id, tenant: tenant, in: transaction)
            try await ImportStore.save(after, of: tenant, in: transaction)
            return after
        }
        if let room { self.room = room - (written.created - run.created) }
        run = written
        rows = []
        errors = []
        seen = []
        pending = LeadCounts()
    }

    /// The rows that the plan has room for; those of known addresses need none.
    private mutating func withinLimit(_ rows: [LeadRow]) async throws -> [LeadRow] {
        guard let room, Int64(rows.count) > room else { return rows }
        let known = try await ImportStore.known(rows.map(\.email), of: identity.tenant, in: database)
        var left = max(0, room)
        return rows.filter { row in
            if known.contains(row.email) { return true }
            left -= 1
            if left < 0 { reject(row.line, .init(reason: "lead_limit_reached", field: nil, value: row.email)) }
            return left >= 0
        }
    }

    mutating func finish(outbox: Outbox, audit: (AuditRecord.Target) -> AuditRecord) async throws -> LeadImport {
        guard mapping != nil else { throw Problem.unprocessable(kind: "import_empty", title: "The file is empty.") }
        try await flush()
        run.status = "completed"
        run.finishedAt = clock.now
        let finished = run
        let tenant = identity.tenant
        let event = try PendingEvent(
            CampaignsEvents.ImportFinished(
                importID: run.id, created: run.created, updated: run.updated, duplicates: run.duplicates, rejected: run.rejected),
            at: clock.now, tenant: tenant, workspace: run.workspace, actor: identity.actor,
            audit: audit(.init(type: "import", id: run.id.description, name: run.fileName)))
        try await database.transaction(as: tenant) { transaction in
            try await ImportStore.save(finished, of: tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        return finished
    }

    /// What was committed stays; the run says that it is not all.
    mutating func fail(_ error: any Error) async throws {
        guard mapping != nil else { return }
        run.status = "failed"
        run.failure = "the upload ended early or could not be stored; rows up to here are imported"
        run.finishedAt = clock.now
        let failed = run
        let tenant = identity.tenant
        try await database.transaction(as: tenant) { try await ImportStore.save(failed, of: tenant, in: $0) }
    }
}
