import Foundation
import Mail

/// A row of a file as a lead, or why it is none.
struct LeadRow: Sendable {
    struct Rejection: Error, Sendable, Equatable {
        let reason: String
        var field: String?
        var value: String?
    }

    static let maximumTags = 50
    static let longestTag = 64

    /// As it stood in the file.
    let record: CSVRecord
    let email: String
    private(set) var firstName: String?
    private(set) var lastName: String?
    private(set) var company: String?
    private(set) var timeZone: String?
    private(set) var tags: [String] = []
    /// The custom fields, as a JSON object.
    let custom: String
    /// About how much memory the row takes.
    let size: Int

    /// Takes values without the blanks around them, empty ones and columns that a short row has not as missing, and cuts none: a value over 1,000
    /// characters is a reason to reject.
    init(_ record: CSVRecord, mapping: ColumnMapping) throws(Rejection) {
        if let problem = record.problem { throw Rejection(reason: problem.rawValue) }
        guard record.count <= mapping.columns.count else {
            throw Rejection(reason: "too_many_columns", value: "\(record.count) instead of \(mapping.columns.count)")
        }
        self.record = record
        var address: String?
        var custom = FieldsJSON()
        var size = 0
        for index in 0..<record.count {
            let column = mapping.columns[index]
            guard column.target != .skip else { continue }
            let value = Self.trimmed(record[index])
            guard !value.isEmpty else { continue }
            size += value.count
            guard value.count <= 1_000 || Self.text(value).count <= 1_000 else {
                throw Rejection(reason: "value_too_long", field: column.target.fieldName, value: String(Self.text(value).prefix(50)))
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
        self.custom = custom.object
        self.size = size + 128
        guard let written = address else { throw Rejection(reason: "email_missing", field: "email") }
        do throws(MailAddressError) {
            email = try MailAddress(written).normalized
        } catch {
            throw Rejection(reason: "email_invalid", field: "email", value: String(written.prefix(200)))
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func timeZone(_ text: String) throws(Rejection) -> String {
        guard ZoneNames.contains(text) else { throw Rejection(reason: "time_zone_invalid", field: "time_zone", value: String(text.prefix(200))) }
        return text
    }

    /// Divided by commas, semicolons or bars.
    private static func tags(_ text: String) throws(Rejection) -> [String] {
        do throws(TagFault) {
            return try normalizedTags(text)
        } catch {
            throw Rejection(reason: "tags_invalid", field: "tags", value: String(text.prefix(200)))
        }
    }

    private static func typed(_ text: String, _ rule: FieldRule) throws(Rejection) -> CustomValue {
        guard let value = CustomValue(parsing: text, as: rule.kind, choices: rule.choices) else {
            throw Rejection(reason: "custom_value_invalid", field: rule.key, value: String(text.prefix(200)))
        }
        return value
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

extension LeadRow {
    /// Why tags are none.
    struct TagFault: Error {}

    /// Tags without blanks around them, each once; at most 50 of 64 characters without control characters.
    static func normalizedTags(_ text: String) throws(TagFault) -> [String] {
        var tags: [String] = []
        for part in text.split(whereSeparator: { $0 == "," || $0 == ";" || $0 == "|" }) {
            let tag = part.trimmingCharacters(in: .whitespacesAndNewlines)
            guard !tag.isEmpty, !tags.contains(tag) else { continue }
            guard tag.count <= longestTag, tags.count < maximumTags, !tag.utf8.contains(where: { $0 < 0x20 }) else { throw TagFault() }
            tags.append(tag)
        }
        return tags
    }
}

extension ColumnMapping.Target {
    /// What a person calls it in an error: a custom field by its key.
    fileprivate var fieldName: String {
        if case .custom(let key) = self { key } else { name }
    }
}

/// The time zones that there are.
enum ZoneNames {
    private static let known = Set(TimeZone.knownTimeZoneIdentifiers).union(["UTC"])

    /// Whether it is an IANA name such as `Europe/Oslo`; old names that the system still knows count too, offsets such as `GMT+2` do not.
    static func contains(_ name: String) -> Bool {
        if known.contains(name) { return true }
        return name.utf8.count <= 64 && name.contains("/") && !name.contains("..") && TimeZone(identifier: name)?.identifier == name
    }
}
