import Contracts
import Foundation
import HTTP
import Hummingbird
import NIOCore
import Postgres
import Primitives
import Streams

/// Puts a file of addresses on a company's list as it comes, some hundred at a time; the same file again changes nothing.
struct SuppressionImport: Sendable {
    static let largest = 64 * 1_024 * 1_024
    private static let batch = 500
    private static let mostFaults = 1_000

    struct Fault: Encodable, Sendable, Equatable {
        let line: Int
        let code: String
        var field: String?
    }

    struct Result: Encodable, Sendable {
        var rows = 0
        /// New on the list, or saying more now.
        var added = 0
        var known = 0
        var rejected = 0
        /// Of the first thousand that were rejected.
        var errors: [Fault] = []
        /// Where reading ended, when the file was larger than is taken: what came before is on the list.
        var isCutShort = false
    }

    let list: TenantSuppressions

    /// Every batch is a transaction of its own: what was taken in before a line breaks stays, and the next try finds it there.
    func run(
        _ body: RequestBody, _ scope: SuppressionStore.Scope, reason: SuppressionReason, by identity: Identity, audit: (Result) -> AuditRecord
    ) async throws -> Result {
        var result = Result()
        var csv = SuppressionCSV()
        var columns: SuppressionColumns?
        var waiting: [SuppressionStore.Entry] = []
        var size = 0
        do {
            for try await buffer in body {
                size += buffer.readableBytes
                guard size <= Self.largest else {
                    result.isCutShort = true
                    break
                }
                csv.read(buffer.readableBytesView)
                try await enter(csv.take(), &columns, &waiting, &result, scope, reason, identity)
            }
            if !result.isCutShort { csv.finish() }
            try await enter(csv.take(), &columns, &waiting, &result, scope, reason, identity)
            try await flush(&waiting, &result, scope, identity)
        } catch {
            // The trail knows of what was taken in, also when the rest never came.
            if result.added > 0 { try? await note(result, scope, identity, audit(result)) }
            throw error
        }
        if result.added > 0 { try await note(result, scope, identity, audit(result)) }
        return result
    }

    private func enter(
        _ records: [SuppressionCSV.Record], _ columns: inout SuppressionColumns?, _ waiting: inout [SuppressionStore.Entry], _ result: inout Result,
        _ scope: SuppressionStore.Scope, _ reason: SuppressionReason, _ identity: Identity
    ) async throws {
        for record in records {
            switch record {
            case .tooLong(let line): reject(Fault(line: line, code: "record_too_long"), &result)
            case .unreadable(let line): reject(Fault(line: line, code: "not_utf8"), &result)
            case .fields(let fields, let line):
                if columns == nil {
                    let found = SuppressionColumns(first: fields)
                    columns = found
                    if found.isNamed { continue }
                }
                guard fields.contains(where: { !$0.allSatisfy(\.isWhitespace) }), let columns else { continue }
                do throws(SuppressionRow.Fault) {
                    waiting.append(try SuppressionRow.entry(fields, columns, reason: reason, now: list.clock.now))
                    result.rows += 1
                } catch {
                    reject(Fault(line: line, code: error.code, field: error.field), &result)
                }
                if waiting.count == Self.batch { try await flush(&waiting, &result, scope, identity) }
            }
        }
    }

    private func reject(_ fault: Fault, _ result: inout Result) {
        result.rows += 1
        result.rejected += 1
        if result.errors.count < Self.mostFaults { result.errors.append(fault) }
    }

    private func flush(
        _ waiting: inout [SuppressionStore.Entry], _ result: inout Result, _ scope: SuppressionStore.Scope, _ identity: Identity
    ) async throws {
        guard !waiting.isEmpty else { return }
        let entries = waiting
        waiting = []
        let now = list.clock.now
        let added = try await list.api.transaction(as: identity.tenant) { transaction in
            try await list.suppressions.enter(
                entries, scope, TenantSuppressions.origin("import", identity), of: identity.tenant, now: now, in: transaction
            ).count
        }
        list.outbox.wake()
        result.added += added
        result.known += entries.count - added
    }

    private func note(_ result: Result, _ scope: SuppressionStore.Scope, _ identity: Identity, _ audit: AuditRecord) async throws {
        let now = list.clock.now
        try await list.api.transaction(as: identity.tenant) { transaction in
            try await list.note(audit, added: result.added, lifted: 0, scope.workspace, identity, at: now, in: transaction)
        }
        list.outbox.wake()
    }
}
