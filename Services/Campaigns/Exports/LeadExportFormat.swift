import Contracts
import Foundation

/// How leads are written into a file.
enum LeadExportFormat: String, Codable, Sendable, CaseIterable {
    /// One table: the fields that every lead has, a column for each of the company's, and `custom` for what has no column.
    case csv
    /// One lead a line, as the API tells it.
    case ndjson

    var contentType: String {
        switch self {
        case .csv: "text/csv; charset=utf-8"
        case .ndjson: "application/x-ndjson"
        }
    }

    private static let columns = [
        "id", "email", "first_name", "last_name", "company", "time_zone", "tags", "status", "status_changed_at", "created_at",
    ]

    /// What stands before the first lead; `fields` are the keys of the company's own, in the order of their columns.
    func head(fields: [String]) -> String {
        switch self {
        case .csv: CSVWriter.record(Self.columns + fields + ["custom"]) + "\r\n"
        case .ndjson: ""
        }
    }

    /// One lead with its line end.
    func line(_ lead: Lead, fields: [String]) throws -> String {
        switch self {
        case .csv: CSVWriter.record(try Self.cells(lead, fields: fields)) + "\r\n"
        case .ndjson: String(decoding: try WireJSON.encoder().encode(lead), as: UTF8.self) + "\n"
        }
    }

    private static func cells(_ lead: Lead, fields: [String]) throws -> [String] {
        let words: [String?] = [lead.email, lead.firstName, lead.lastName, lead.company, lead.timeZone, lead.tags.joined(separator: ";")]
        var cells = [lead.id.description]
        cells += words.map { CSVWriter.harmless($0 ?? "") }
        cells += [lead.status.rawValue, lead.statusChangedAt.map(WireJSON.format) ?? "", WireJSON.format(lead.createdAt)]
        cells += fields.map { key in lead.custom[key].map(cell) ?? "" }
        let rest = lead.custom.filter { !fields.contains($0.key) }
        cells.append(rest.isEmpty ? "" : String(decoding: try WireJSON.encoder().encode(rest), as: UTF8.self))
        return cells
    }

    /// A number is ours and no formula, also below zero.
    private static func cell(_ value: CustomValue) -> String {
        switch value {
        case .text(let text): CSVWriter.harmless(text)
        case .number, .boolean: value.text
        }
    }
}
