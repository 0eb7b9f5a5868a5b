import Contracts
import Foundation
import Mail

/// The columns of a file of addresses, by the names in its first line or, without them, the address alone.
struct SuppressionColumns: Sendable, Equatable {
    var address = 0
    var reason: Int?
    var note: Int?
    var expiresAt: Int?
    /// Whether the first record names columns, and is none of the entries.
    var isNamed = false

    private static let addressNames: Set<String> = ["email", "e-mail", "email address", "email_address", "address", "mail", "domain", "recipient"]

    init(first: [String]) {
        let names = first.map { $0.trimmingCharacters(in: .whitespaces).lowercased() }
        guard let address = names.firstIndex(where: Self.addressNames.contains) else { return }
        isNamed = true
        self.address = address
        reason = names.firstIndex(of: "reason")
        note = names.firstIndex { $0 == "note" || $0 == "comment" }
        expiresAt = names.firstIndex { $0 == "expires_at" || $0 == "expires" }
    }
}

/// One record of a file as an entry, or why it is none.
enum SuppressionRow {
    /// A word that says what is wrong, and the column.
    struct Fault: Error, Equatable {
        let code: String
        let field: String
    }

    static let longestNote = 500

    static func entry(_ fields: [String], _ columns: SuppressionColumns, reason: SuppressionReason, now: Date) throws(Fault) -> SuppressionStore.Entry
    {
        func cell(_ column: Int?) -> String? {
            guard let column, fields.indices.contains(column) else { return nil }
            let text = fields[column].trimmingCharacters(in: .whitespacesAndNewlines)
            return text.isEmpty ? nil : text
        }
        guard let address = cell(columns.address) else { throw Fault(code: "address_missing", field: "address") }
        let subject: SuppressionSubject
        do throws(MailAddressError) {
            subject = try SuppressionSubject(address)
        } catch {
            throw Fault(code: "invalid_address", field: "address")
        }
        var entry = SuppressionStore.Entry(subject: subject.text, reason: reason)
        if let text = cell(columns.reason) {
            entry.reason = SuppressionReason(rawValue: text.lowercased())
            guard SuppressionReason.known.contains(entry.reason) else { throw Fault(code: "unknown_reason", field: "reason") }
        }
        if let note = cell(columns.note) {
            guard note.count <= longestNote, !note.contains("\0") else { throw Fault(code: "invalid_note", field: "note") }
            entry.note = note
        }
        if let text = cell(columns.expiresAt) {
            guard let date = date(text) else { throw Fault(code: "invalid_date", field: "expires_at") }
            guard date > now else { throw Fault(code: "already_ended", field: "expires_at") }
            entry.expiresAt = date
        }
        return entry
    }

    /// `2027-01-31`, which is its beginning in UTC, or an instant of RFC 3339.
    private static func date(_ text: String) -> Date? {
        WireJSON.parse(text) ?? WireJSON.parse("\(text)T00:00:00Z")
    }
}
