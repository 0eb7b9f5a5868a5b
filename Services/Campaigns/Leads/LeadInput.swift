import Contracts
import Foundation
import HTTP

/// What people may write into a lead, each a problem that names the field when it does not fit.
enum LeadInput {
    static let mostTags = 50
    private static let longestName = 1_000
    private static let longestTag = 64

    /// Without the spaces around it; nil when nothing is left.
    static func text(_ text: String?, field: String) throws(Problem) -> String? {
        guard let trimmed = text?.trimmingCharacters(in: .whitespacesAndNewlines), !trimmed.isEmpty else { return nil }
        guard trimmed.count <= longestName else { throw Problem.invalid("\(field) takes at most \(longestName) characters.", field: field) }
        return trimmed
    }

    /// Each once, in the order given.
    static func tags(_ tags: [String]) throws(Problem) -> [String] {
        var known: Set<String> = []
        var result: [String] = []
        for tag in tags {
            let trimmed = tag.trimmingCharacters(in: .whitespacesAndNewlines)
            guard (1...longestTag).contains(trimmed.count) else {
                throw Problem.invalid("A tag must have 1 to \(longestTag) characters.", field: "tags")
            }
            if known.insert(trimmed).inserted { result.append(trimmed) }
        }
        guard result.count <= mostTags else { throw Problem.invalid("A lead takes at most \(mostTags) tags.", field: "tags") }
        return result
    }

    /// A name that the time zone database knows.
    static func timeZone(_ name: String?) throws(Problem) -> String? {
        guard let name, !name.isEmpty else { return nil }
        guard name.utf8.count <= 64, TimeZone(identifier: name) != nil else {
            throw Problem.invalid("time_zone must be a name such as Europe/Oslo.", field: "time_zone")
        }
        return name
    }

    /// Problems `custom_field_unknown` and `custom_field_invalid`, with the field.
    static func check(_ value: CustomValue, of key: String, fields: [CustomField]) throws(Problem) {
        guard let field = fields.first(where: { $0.key == key }) else {
            throw Problem.unprocessable(
                kind: "custom_field_unknown", title: "There is no such field.", detail: "Make it first with POST /api/v1/leads/fields.",
                extensions: ["field": .text("custom.\(key.prefix(64))")])
        }
        guard case .refused(let reason) = field.accepts(value) else { return }
        throw Problem.unprocessable(
            kind: "custom_field_invalid", title: "The value does not fit its field.", detail: "custom.\(key) \(reason).",
            extensions: ["field": .text("custom.\(key)")])
    }

    static func check(_ values: [String: CustomValue], fields: [CustomField]) throws(Problem) {
        for key in values.keys.sorted() {
            if let value = values[key] { try check(value, of: key, fields: fields) }
        }
    }
}
