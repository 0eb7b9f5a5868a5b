import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore
import Postgres
import Primitives
import Streams

/// Leads as files: sent as they are asked for, or written in the background.
struct LeadExports: Sendable {
    /// In one answer; more is for the background.
    static let mostStreamed = 50_000
    static let batch = 1_000
    /// Leads read at once: each may have 64 KiB of custom fields.
    static let slice = 100
    /// Of one company at once.
    static let mostOpen = 10
    static let kept: TimeInterval = 7 * 86_400

    let database: Database
    let outbox: Outbox
    let clock: WallClock
    let wakeup: Wakeup

    /// The leads as they are read, a hundred at a time; a lead that comes or goes meanwhile may be in it or not. Problem `export_too_large`.
    func stream(_ filter: LeadFilter, of workspace: WorkspaceID, as format: LeadExportFormat, by actor: LeadActor) async throws -> Response {
        let tenant = actor.identity.tenant
        let count = try await LeadStore.count(filter, of: tenant, workspace: workspace, upTo: Self.mostStreamed + 1, in: database)
        guard count <= Self.mostStreamed else {
            throw Problem.unprocessable(
                kind: "export_too_large", title: "More than \(Self.mostStreamed) leads fit.",
                detail: "Have them written in the background with POST /api/v1/leads/exports, or narrow the filter.")
        }
        let fields = try await CustomFieldStore.list(of: tenant, in: database).map(\.key)
        try await note(nil, "streamed", rows: Int64(count), of: workspace, by: actor, audit: "lead.export", metadata: ["format": format.rawValue])
        let database = database
        let body = ResponseBody { writer in
            try await writer.write(ByteBuffer(string: format.head(fields: fields)))
            var last: LeadPosition?
            while true {
                let found = try await database.query(as: tenant, filter.identifiers(in: workspace, after: last, limit: Self.batch))
                    .map { try $0.decode("id", as: LeadID.self) }
                for slice in Self.slices(found) {
                    let leads = try await database.query(as: tenant, LeadStore.read(slice, of: tenant)).map(Lead.init(row:))
                    let text = try leads.map { try format.line($0, fields: fields) }.joined()
                    try await writer.write(ByteBuffer(string: text))
                }
                guard found.count == Self.batch, let end = found.last else { break }
                last = LeadPosition(id: end)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: Self.headers(of: format), body: body)
    }

    /// Problem `too_many_exports`.
    func begin(_ filter: LeadFilter, of workspace: WorkspaceID, as format: LeadExportFormat, by actor: LeadActor) async throws -> LeadExport {
        let tenant = actor.identity.tenant
        let now = clock.now
        let export = LeadExport(
            id: LeadExportID(.v7(at: now)), workspace: workspace, format: format, filter: filter, status: .queued, rows: 0, bytes: 0, parts: 0,
            failure: nil, createdBy: actor.name, createdAt: now, finishedAt: nil, expiresAt: now.addingTimeInterval(Self.kept))
        let event = try pending(export.id, "begun", rows: 0, of: workspace, by: actor, audit: "lead_export.create", metadata: [:])
        try await database.transaction(as: tenant) { transaction in
            let fields = try await CustomFieldStore.list(of: tenant, in: transaction).map(\.key)
            try await LeadExportStore.lockAll(of: tenant, in: transaction)
            guard try await LeadExportStore.countOpen(of: tenant, in: transaction) < Self.mostOpen else {
                throw Problem.unprocessable(
                    kind: "too_many_exports", title: "\(Self.mostOpen) exports are being written.", detail: "Wait for one, or cancel it.")
            }
            try await LeadExportStore.insert(export, fields: fields, of: tenant, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
        return export
    }

    func cancel(_ export: LeadExport, by actor: LeadActor) async throws {
        let event = try pending(
            export.id, "cancelled", rows: export.rows, of: export.workspace, by: actor, audit: "lead_export.cancel", metadata: [:])
        let now = clock.now
        try await database.transaction(as: actor.identity.tenant) { transaction in
            try await LeadExportStore.cancel(export.id, of: actor.identity.tenant, at: now, in: transaction)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    /// What was written, part by part; problem `export_not_ready` until it is all there.
    func file(of export: LeadExport, by actor: LeadActor) async throws -> Response {
        guard export.status == .completed else {
            throw Problem.conflict(kind: "export_not_ready", title: "There is no file: the export is \(export.status.rawValue).")
        }
        let tenant = actor.identity.tenant
        try await note(export.id, "downloaded", rows: export.rows, of: export.workspace, by: actor, audit: "lead_export.download", metadata: [:])
        let database = database
        let body = ResponseBody(contentLength: Int(export.bytes)) { writer in
            for number in 0..<export.parts {
                // Removed while it was sent: the answer ends short of its length, so that nobody takes it for whole.
                guard let part = try await LeadExportStore.part(number, of: export.id, tenant: tenant, in: database) else {
                    throw Problem.notFound("file")
                }
                try await writer.write(ByteBuffer(bytes: part))
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: Self.headers(of: export.format), body: body)
    }

    static func slices(_ leads: [LeadID]) -> [[LeadID]] {
        stride(from: 0, to: leads.count, by: slice).map { Array(leads[$0..<min($0 + slice, leads.count)]) }
    }

    private static func headers(of format: LeadExportFormat) -> HTTPFields {
        [
            .contentType: format.contentType, .cacheControl: "no-store", .contentDisposition: "attachment; filename=\"leads.\(format.rawValue)\"",
        ]
    }

    private func note(
        _ export: LeadExportID?, _ act: String, rows: Int64, of workspace: WorkspaceID, by actor: LeadActor, audit action: String,
        metadata: [String: String]
    ) async throws {
        let event = try pending(export, act, rows: rows, of: workspace, by: actor, audit: action, metadata: metadata)
        try await database.transaction(as: actor.identity.tenant) { try await outbox.append([event], in: $0) }
        outbox.wake()
    }

    private func pending(
        _ export: LeadExportID?, _ act: String, rows: Int64, of workspace: WorkspaceID, by actor: LeadActor, audit action: String,
        metadata: [String: String]
    ) throws -> PendingEvent {
        var targets = [AuditRecord.Target(type: "workspace", id: workspace.description)]
        if let export { targets.append(.init(type: "lead_export", id: export.description)) }
        var facts = metadata
        facts["count"] = "\(rows)"
        return try PendingEvent(
            CampaignsEvents.LeadsExported(leadExport: export?.uuid, act: act, rows: rows), at: clock.now, tenant: actor.identity.tenant,
            workspace: workspace, actor: actor.identity.actor, audit: actor.audit(action, targets: targets, metadata: facts))
    }
}
