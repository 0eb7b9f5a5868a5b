import Contracts
import Foundation

enum CustomFieldSubject {}
typealias CustomFieldID = EntityID<CustomFieldSubject>

/// Something that a company wants to know of its leads besides name and address.
struct CustomField: Codable, Sendable, Equatable {
    /// Whether a value fits, and if not, what does.
    enum Verdict: Sendable, Equatable {
        case accepted
        /// Follows the field's name in a sentence.
        case refused(String)
    }

    /// Of text, in characters.
    static let longestText = 1_000

    let id: CustomFieldID
    /// What templates, files and filters call it; never changes.
    let key: String
    var name: String
    /// Never changes: the values that are there were written for it.
    let kind: CustomFieldKind
    /// The words of a choice; empty for other kinds.
    var choices: [String]
    /// Raised with each change.
    var revision: Int64 = 1
    let createdAt: Date

    /// Text, dates (`2026-12-31`) and choices are JSON strings, numbers and booleans are themselves.
    func accepts(_ value: CustomValue) -> Verdict {
        switch (kind, value) {
        case (.text, .text(let text)):
            text.count <= Self.longestText && text.utf8.count <= LeadInput.longestValue
                ? .accepted : .refused("takes at most \(Self.longestText) characters")
        case (.number, .number(let number)): number.isFinite ? .accepted : .refused("takes a number")
        case (.boolean, .boolean): .accepted
        case (.date, .text(let text)): CustomValue.isDay(text) ? .accepted : .refused("takes a day of the calendar as YYYY-MM-DD")
        case (.choice, .text(let text)): choices.contains(text) ? .accepted : .refused("takes one of its choices")
        case (.text, _), (.choice, _): .refused("takes a text")
        case (.number, _): .refused("takes a number")
        case (.boolean, _): .refused("takes true or false")
        case (.date, _): .refused("takes a day as YYYY-MM-DD")
        }
    }

    /// Whether a company may call a field so: a letter, then letters, digits and underscores, none of the names that leads have anyway.
    static func isKey(_ text: String) -> Bool {
        guard (1...64).contains(text.utf8.count), let first = text.utf8.first, isLetter(first), !builtIn.contains(text) else { return false }
        return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    private static let builtIn: Set = [
        "id", "email", "first_name", "last_name", "company", "custom", "time_zone", "tags", "status", "status_changed_at", "revision", "created_at",
        "updated_at", "workspace", "workspaces", "list", "lists", "unsubscribe_url", "postal_address",
    ]

    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
