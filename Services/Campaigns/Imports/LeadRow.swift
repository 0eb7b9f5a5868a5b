import Contracts
import Foundation
import Mail

/// A row of a file as a lead, or why it is none.
struct LeadRow: Sendable {
    struct Rejection: Error, Sendable, Equatable {
        let reason: String
        var field: String?
        var value: String?
    }

    private static let longestText = 1_000
    /// The custom fields of a lead, as JSON in bytes.
    static let longestCustom = 64 << 10

    /// As it stood in the file.
    let record: CSVRecord
    let email: String
    private(set) var firstName: String?
    private(set) var lastName: String?
    private(set) var company: String?
    private(set) var timeZone: String?
    private(set) var tags: [String] = []
    /// The custom fields, as a JSON object.
    private(set) var custom: String
    /// About how much memory the row takes.
    let size: Int

    /// Takes values without the blanks around them, empty ones and columns that a short row has not as missing, and cuts none: a value over 1,000
    /// characters is a reason to reject.
    init(_ record: CSVRecord, mapping: ColumnMapping) throws(Rejection) {
        if let problem = record.problem { throw Rejection(reason: problem.rawValue) }
        guard record.count <= mapping.columns.count else {
            throw Rejection(reason: "too_many_columns", value: "\(record.count) instead of \(mapping.columns.count)")
        }
        var address: String?
        var custom = FieldsJSON()
        var size = 0
        for index in 0..<record.count {
            let column = mapping.columns[index]
            guard column.target != .skip else { continue }
            let value = Self.plain(record[index])
            guard !value.isEmpty else { continue }
            size += value.count
            guard value.count <= Self.longestText || value.count <= LeadInput.longestValue && Self.text(value).count <= Self.longestText else {
                throw Rejection(reason: "value_too_long", field: column.target.fieldName, value: Self.shown(Self.text(value), 50))
            }
            switch column.target {
            case .email: address = Self.text(value)
            case .firstName: firstName = Self.text(value)
            case .lastName: lastName = Self.text(value)
            case .company: company = Self.text(value)
            case .timeZone: timeZone = try Self.timeZone(Self.text(value))
            case .tags: tags = try Self.tags(Self.text(value))
            case .custom(let key):
                if let rule = column.rule {
                    custom.add(key, try Self.typed(Self.text(value), rule))
                } else {
                    custom.add(key, text: value)
                }
            case .skip: break
            }
        }
        guard custom.size <= Self.longestCustom else { throw Rejection(reason: "row_too_large") }
        self.custom = custom.object
        guard let written = address else { throw Rejection(reason: "email_missing", field: "email") }
        do throws(MailAddressError) {
            email = try MailAddress(written).normalized
        } catch {
            throw Rejection(reason: "email_invalid", field: "email", value: Self.shown(written, 200))
        }
        self.record = record.detached
        self.size = size + custom.size + record.size + 512
    }

    /// Takes over what a later row of the file has for the same address, as if it came in a later batch: tags, and values where they replace what
    /// is there.
    mutating func merge(_ later: LeadRow, withValues: Bool) {
        tags = LeadTags.union(tags, later.tags)
        guard withValues else { return }
        firstName = later.firstName ?? firstName
        lastName = later.lastName ?? lastName
        company = later.company ?? company
        timeZone = later.timeZone ?? timeZone
        custom = FieldsJSON.merged(custom, later.custom, atMost: Self.longestCustom)
    }

    /// As much of a text as an error shows; a character may be of any length.
    private static func shown(_ text: String, _ characters: Int) -> String {
        String(decoding: text.prefix(characters).utf8.prefix(4 * characters), as: UTF8.self)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func timeZone(_ text: String) throws(Rejection) -> String {
        guard ZoneClock.isZone(text) else { throw Rejection(reason: "time_zone_invalid", field: "time_zone", value: shown(text, 200)) }
        return text
    }

    private static func tags(_ text: String) throws(Rejection) -> [String] {
        do throws(LeadTags.Fault) {
            return try LeadTags.normalized(text)
        } catch {
            throw Rejection(reason: "tags_invalid", field: "tags", value: shown(text, 200))
        }
    }

    private static func typed(_ text: String, _ rule: FieldRule) throws(Rejection) -> CustomValue {
        guard let value = CustomValue(parsing: text, as: rule.kind, choices: rule.choices) else {
            throw Rejection(reason: "custom_value_invalid", field: rule.key, value: shown(text, 200))
        }
        return value
    }

    /// Without the blanks around it, and without the apostrophe that our own files put before what would begin a formula.
    private static func plain(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let value = trimmed(bytes)
        guard value.count > 1, value.first == UInt8(ascii: "'"), CSVWriter.beginsFormula(value[value.startIndex + 1]) else { return value }
        return trimmed(value.dropFirst())
    }

    /// ASCII blanks are looked for by hand; the rest of Unicode's only where the edge is not ASCII.
    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        guard let first = bytes.firstIndex(where: { !isBlank($0) }), let last = bytes.lastIndex(where: { !isBlank($0) }) else { return [] }
        let value = bytes[first...last]
        guard bytes[first] >= 0x80 || bytes[last] >= 0x80 else { return value }
        return Array(text(value).trimmingCharacters(in: .whitespacesAndNewlines).utf8)[...]
    }
}

extension ColumnMapping.Target {
    /// What a person calls it in an error: a custom field by its key.
    fileprivate var fieldName: String {
        if case .custom(let key) = self { key } else { name }
    }
}
