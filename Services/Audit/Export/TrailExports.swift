import Contracts
import Crypto
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Postgres
import Primitives

/// The trail as files: sent as they are asked for, or written in the background. Each is one entry of the trail itself, made when it begins.
struct TrailExports: Sendable {
    /// In one answer; more is for the background.
    static let mostStreamed = 10_000
    /// Entries read at once.
    static let slice = 500
    /// Of one company at once.
    static let mostOpen = 5
    /// Files of one company that wait to be fetched.
    static let mostReady = 20
    static let kept: TimeInterval = 7 * 86_400

    let api: Database
    let worker: Database
    let acts: OwnActs
    let signer: CheckpointSigner
    let clock: WallClock
    let wakeup: Wakeup
    /// Where people reach the service, without a slash at its end.
    let publicBaseURL: URL

    /// A way to a file that is good once.
    struct Link: Encodable {
        let url: String
        let expiresAt: Date
    }

    /// The entries that there are now. Problems `export_too_large` and `search_too_slow`.
    func stream(_ filter: TrailExportFilter, as format: TrailExportFormat, by identity: Identity, audit: AuditRecord) async throws -> Response {
        let export = TrailExportID(.v7(at: clock.now))
        let (selection, numbers) = try await select(filter, for: identity.tenant)
        let record = try Self.record(audit, export, format, filter, count: numbers.count)
        try await worker.transaction { try await acts.record(record, of: identity.tenant, by: identity.actor, in: $0) }
        let body = ResponseBody { writer in
            var hash = SHA256()
            var assembly = TrailExportAssembly(format)
            func send(_ text: String) async throws {
                hash.update(data: Data(text.utf8))
                try await writer.write(ByteBuffer(string: text))
            }
            try await send(format.head)
            for slice in Self.slices(numbers) {
                let (rows, tiles) = try await read(slice, of: selection, for: assembly)
                // Nothing that was counted goes away: an answer that breaks off is not taken for whole.
                guard rows.count == slice.count else { throw ExportError.partMissing }
                try await send(try await assembly.add(rows, tiles: tiles))
            }
            let (_, tiles) = try await read([], of: selection, for: assembly)
            try await send(try assembly.finish(through: selection.through, tiles: tiles))
            guard assembly.frontier.root == selection.tree.root else { throw ExportError.damagedTree }
            let manifest = ExportManifest(
                tenant: selection.tenant, export: export, format: format, filter: filter, count: Int64(numbers.count),
                firstSeq: numbers.first, lastSeq: numbers.last, through: selection.through, root: selection.tree.root,
                digest: Data(hash.finalize()), createdAt: selection.retention.now)
            let note = try signer.sign(try manifest.text)
            try await TrailExportStore.insertSent(manifest, note: note, by: Self.name(of: identity), at: clock.now, in: worker)
            if format == .ndjson { try await writer.write(ByteBuffer(string: try ExportManifest.line(note))) }
            try await writer.finish(nil)
        }
        var headers = Self.headers(of: format)
        headers[.auditExport] = export.description
        return Response(status: .ok, headers: headers, body: body)
    }

    /// Settles what a streamed file holds.
    private func select(_ filter: TrailExportFilter, for tenant: TenantID) async throws -> (TrailSelection, [Int64]) {
        let retention = try await RetentionWindow.read(of: tenant, at: clock.now, in: api)
        let (selection, numbers) = try await api.inTime(as: tenant) { transaction in
            let selection = TrailSelection(
                tenant: tenant, filter: filter, retention: retention, tree: try await .read(of: tenant, in: transaction))
            return (selection, try await selection.numbers(limit: Self.mostStreamed + 1, in: transaction))
        }
        guard numbers.count <= Self.mostStreamed else {
            throw Problem.unprocessable(
                kind: "export_too_large", title: "More than \(Self.mostStreamed) entries fit.",
                detail: "Have them written in the background with POST /api/v1/audit/exports, or narrow the filter.")
        }
        return (selection, numbers)
    }

    /// The entries of these numbers, and the tiles for what is left out before them; without numbers, behind the last one.
    private func read(_ numbers: [Int64], of selection: TrailSelection, for assembly: TrailExportAssembly) async throws -> ([Row], TileSet) {
        try await api.transaction(as: selection.tenant) { transaction in
            // A batch is little of a month: its details are looked up one by one, whatever Postgres thinks of the others.
            try await transaction.query("select set_config('enable_seqscan', 'off', true)")
            let rows = numbers.isEmpty ? [] : Array(try await transaction.query(selection.entries(numbers)))
            let nodes = assembly.needed(for: numbers, through: numbers.isEmpty ? selection.through : nil)
            return (rows, try await TileSet.read(nodes, of: selection.tenant, in: transaction))
        }
    }

    /// Problem `too_many_exports`.
    func begin(_ filter: TrailExportFilter, as format: TrailExportFormat, by identity: Identity, audit: AuditRecord) async throws -> TrailExport {
        let tenant = identity.tenant
        let now = clock.now
        let retention = try await RetentionWindow.read(of: tenant, at: now, in: api)
        let export = try await worker.transaction { transaction -> TrailExport in
            try await TrailExportStore.lockAll(of: tenant, in: transaction)
            guard try await TrailExportStore.countOpen(of: tenant, in: transaction) < Self.mostOpen else {
                throw Problem.unprocessable(
                    kind: "too_many_exports", title: "\(Self.mostOpen) exports are being written.", detail: "Wait for one, or cancel it.")
            }
            guard try await TrailExportStore.countReady(of: tenant, in: transaction) < Self.mostReady else {
                throw Problem.unprocessable(
                    kind: "too_many_exports", title: "\(Self.mostReady) files wait to be fetched.", detail: "Delete one that nobody needs.")
            }
            let tree = try await TrailSelection.Tree.read(of: tenant, in: transaction)
            let export = TrailExport(
                id: TrailExportID(.v7(at: now)), format: format, filter: filter, status: .queued, progress: .init(done: 0, of: tree.size),
                rows: 0, bytes: 0, parts: 0, failure: nil, createdBy: Self.name(of: identity), createdAt: now, finishedAt: nil,
                expiresAt: now.addingTimeInterval(Self.kept))
            try await TrailExportStore.insert(export, kept: retention, tree: tree, of: tenant, in: transaction)
            let record = try Self.record(audit, export.id, format, filter, count: nil)
            try await acts.record(record, of: tenant, by: identity.actor, in: transaction)
            return export
        }
        wakeup.signal()
        return export
    }

    func cancel(_ export: TrailExport, of tenant: TenantID) async throws {
        let now = clock.now
        try await api.transaction(as: tenant) { try await TrailExportStore.cancel(export.id, of: tenant, at: now, in: $0) }
    }

    /// Problem `export_not_ready` until there is a file.
    func link(to export: TrailExport, of tenant: TenantID) async throws -> Link {
        guard export.status == .ready else {
            throw Problem.conflict(kind: "export_not_ready", title: "There is no file: the export is \(export.status.rawValue).")
        }
        let link = ExportLink(to: tenant)
        let end = clock.now.addingTimeInterval(ExportLink.lifetime)
        try await link.keep(for: export.id, until: end, in: api)
        return Link(url: "\(publicBaseURL.absoluteString)/api/v1/audit/downloads/\(link.token)", expiresAt: end)
    }

    /// What was written, part by part, for whoever has a link; a 404 for one that was used or is over.
    func file(_ token: String) async throws -> Response {
        guard let link = ExportLink(token: token), let id = try await link.take(at: clock.now, in: api),
            let export = try await TrailExportStore.find(id, of: link.tenant, in: api), export.status == .ready
        else { throw Problem.notFound("file") }
        let api = api
        let tenant = link.tenant
        let body = ResponseBody(contentLength: Int(export.bytes)) { writer in
            for number in 0..<export.parts {
                // Removed while it was sent: the answer ends short of its length, so that nobody takes it for whole.
                guard let part = try await TrailExportStore.part(number, of: id, tenant: tenant, in: api) else { throw Problem.notFound("file") }
                try await writer.write(ByteBuffer(bytes: part))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: Self.headers(of: export.format), body: body)
    }

    /// `user:<id>` or `api_key:<id>`.
    private static func name(of identity: Identity) -> String { "\(identity.actor.kind.rawValue):\(identity.actor.id)" }

    static func slices(_ numbers: [Int64]) -> [[Int64]] {
        stride(from: 0, to: numbers.count, by: slice).map { Array(numbers[$0..<min($0 + slice, numbers.count)]) }
    }

    private static func headers(of format: TrailExportFormat) -> HTTPFields {
        [
            .contentType: format.contentType, .cacheControl: "no-store", .contentDisposition: "attachment; filename=\"audit.\(format.rawValue)\"",
        ]
    }

    /// What was taken. Words and targets that were searched for are left out: they may name a person who is to be forgotten later.
    private static func record(
        _ audit: AuditRecord, _ export: TrailExportID, _ format: TrailExportFormat, _ filter: TrailExportFilter, count: Int?
    ) throws -> AuditRecord {
        var record = audit
        record.targets = [.init(type: "audit_export", id: export.description)]
        record.metadata["format"] = format.rawValue
        var plain = filter
        plain.q = filter.q == nil ? nil : "…"
        plain.target = filter.target == nil ? nil : "…"
        record.metadata["filter"] = String(decoding: try WireJSON.encoder().encode(plain), as: UTF8.self)
        if let count { record.metadata["count"] = String(count) }
        return record
    }
}

extension HTTPField.Name {
    /// The export that an answer is, for its manifest.
    static let auditExport = Self("Audit-Export")!
}
