import Contracts
import Foundation
import HTTP

/// What people may write into a lead, each a problem that names the field when it does not fit.
enum LeadInput {
    private static let longestName = 1_000
    /// In bytes, whatever the characters are.
    static let longestValue = 4_000

    /// Without the spaces around it; nil when nothing is left.
    static func text(_ text: String?, field: String) throws(Problem) -> String? {
        guard let trimmed = text?.trimmingCharacters(in: .whitespacesAndNewlines), !trimmed.isEmpty else { return nil }
        guard trimmed.count <= longestName, trimmed.utf8.count <= longestValue else {
            throw Problem.invalid("\(field) takes at most \(longestName) characters.", field: field)
        }
        return trimmed
    }

    /// Each once, in the order given.
    static func tags(_ tags: [String]) throws(Problem) -> [String] {
        do throws(LeadTags.Fault) {
            return try LeadTags.normalized(tags)
        } catch {
            throw Problem.invalid(
                "tags takes at most \(LeadTags.most) of 1 to \(LeadTags.longest) characters, none of them a control character.", field: "tags")
        }
    }

    /// A name that the time zone database knows.
    static func timeZone(_ name: String?) throws(Problem) -> String? {
        guard let name, !name.isEmpty else { return nil }
        guard ZoneClock.isZone(name) else {
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
