import Contracts
import HTTPTypes
import Hummingbird
import NIOCore
import Postgres

/// The rows that an import left out as a CSV file, with the reason before each: to correct and import again.
struct RejectedFile: Sendable {
    private static let batch = 500
    /// The names of what stands before the record; an import of the file leaves these columns out.
    static let notes = ["line", "reason", "field"]

    let run: LeadImport
    let tenant: TenantID
    let database: Database

    /// Reads and sends some hundred rows at a time, however many there are.
    var response: Response {
        let body = ResponseBody { [self] writer in
            try await writer.write(ByteBuffer(string: Self.line(Self.notes + (run.header ?? []))))
            var last: Int64 = 0
            while true {
                let rows = try await ImportStore.rejected(of: run.id, tenant: tenant, after: last, limit: Self.batch, in: database)
                if !rows.isEmpty { try await writer.write(ByteBuffer(string: rows.map(Self.line).joined())) }
                guard rows.count == Self.batch, let end = rows.last else { break }
                last = end.error.line
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"rejected-\(run.id).csv\"",
            ], body: body)
    }

    static func line(_ row: RejectedRow) -> String {
        line([String(row.error.line), row.error.reason, row.error.field ?? ""] + fields(of: row.raw))
    }

    private static func line(_ cells: [String]) -> String {
        CSVWriter.record(cells.map(CSVWriter.harmless)) + "\r\n"
    }

    /// The record's own fields; of one that was cut, as far as it goes.
    private static func fields(of raw: String) -> [String] {
        var parser = CSVParser()
        var text = raw
        text.withUTF8 { parser.read($0) }
        parser.finish()
        return parser.take().first?.strings ?? []
    }
}
