import Contracts
import HTTPTypes
import Hummingbird
import NIOCore
import Postgres

/// A campaign's figures as a CSV file: one line a day, step and variant.
struct AnalyticsFile: Sendable {
    private static let batch = 500

    let campaign: CampaignID
    let tenant: TenantID
    let range: DayRange
    let database: Database

    /// Reads and sends some hundred lines at a time, however many there are.
    var response: Response {
        let body = ResponseBody { [self] writer in
            try await writer.write(ByteBuffer(string: Self.header))
            var last: StatRow?
            while true {
                let rows = try await AnalyticsStore.lines(
                    of: campaign, tenant: tenant, in: range, after: last, limit: Self.batch, in: database)
                if !rows.isEmpty { try await writer.write(ByteBuffer(string: rows.map(Self.line).joined())) }
                guard rows.count == Self.batch else { break }
                last = rows.last
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/csv; charset=utf-8", .cacheControl: "no-store",
                .contentDisposition: "attachment; filename=\"analytics-\(campaign).csv\"",
            ], body: body)
    }

    static var header: String {
        CSVWriter.record(["day", "step", "variant"] + MailFigures().cells.map(\.name)) + "\r\n"
    }

    static func line(_ row: StatRow) -> String {
        let place = [row.day ?? "", row.step.map(String.init) ?? "", CSVWriter.harmless(row.variant ?? "")]
        return CSVWriter.record(place + row.figures.cells.map { String($0.count) }) + "\r\n"
    }
}
