import Contracts
import HTTP
import HTTPTypes
import Hummingbird
import NIOCore

/// A company's list as a CSV file that an import reads again, sent some hundred rows at a time; people who were forgotten are in none.
struct SuppressionFile: Sendable {
    private static let batch = 1_000
    static let header = ["address", "reason", "scope", "workspace", "campaign", "source", "note", "created_at", "expires_at"]

    let list: TenantSuppressions
    let filter: SuppressionFilter
    let identity: Identity

    var response: Response {
        let body = ResponseBody { [self] writer in
            try await writer.write(ByteBuffer(string: SuppressionCSV.line(Self.header)))
            var last: SuppressionID?
            while true {
                let rows = try await list.list(filter, for: identity, before: last, limit: Self.batch)
                let lines = rows.compactMap(Self.line).joined()
                if !lines.isEmpty { try await writer.write(ByteBuffer(string: lines)) }
                guard rows.count == Self.batch, let end = rows.last else { break }
                last = end.id
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"suppressions.csv\"",
            ], body: body)
    }

    private static func line(_ view: SuppressionView) -> String? {
        view.address.map { address in
            SuppressionCSV.line([
                address, view.reason.rawValue, view.scope, view.workspace?.description ?? "", view.campaign?.description ?? "", view.source,
                view.note ?? "", WireJSON.format(view.createdAt), view.expiresAt.map(WireJSON.format) ?? "",
            ])
        }
    }
}
