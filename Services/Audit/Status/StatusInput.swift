import Contracts
import Foundation
import HTTP

/// What the staff sends to open an incident.
struct IncidentInput: Codable, Sendable {
    var title: String
    var impact: Incident.Impact
    var components: [String]
    var message: String
    var state: Incident.State?

    func checked() throws(Problem) -> IncidentInput {
        var input = self
        input.title = try PublicText.checked(title, "title", maximum: 200)
        input.message = try PublicText.checked(message, "message", maximum: 4_000)
        try PublicText.check(components)
        guard state != .resolved else { throw Problem.invalid("An incident cannot begin as resolved.", field: "state") }
        return input
    }
}

/// What the staff says next of an incident; what is left out stays.
struct IncidentUpdateInput: Codable, Sendable {
    var state: Incident.State
    var message: String
    var title: String?
    var impact: Incident.Impact?
    var components: [String]?

    func checked() throws(Problem) -> IncidentUpdateInput {
        var input = self
        input.message = try PublicText.checked(message, "message", maximum: 4_000)
        if let title { input.title = try PublicText.checked(title, "title", maximum: 200) }
        if let components { try PublicText.check(components) }
        return input
    }
}

/// Work that is announced.
struct MaintenanceInput: Codable, Sendable {
    var title: String
    var message: String
    var components: [String]
    var startsAt: Date
    var endsAt: Date

    func checked(now: Date) throws(Problem) -> MaintenanceInput {
        var input = self
        input.title = try PublicText.checked(title, "title", maximum: 200)
        input.message = try PublicText.checked(message, "message", maximum: 4_000)
        try PublicText.check(components)
        guard !components.isEmpty else { throw Problem.invalid("Name at least one component.", field: "components") }
        guard endsAt > startsAt, endsAt > now, endsAt.timeIntervalSince(startsAt) <= 14 * 86_400 else {
            throw Problem.invalid("ends_at must be in the future, after starts_at, and at most 14 days later.", field: "ends_at")
        }
        guard startsAt <= now.addingTimeInterval(366 * 86_400) else {
            throw Problem.invalid("starts_at must be within a year.", field: "starts_at")
        }
        return input
    }
}

/// Text that everybody reads: on a page, in JSON and in a feed.
enum PublicText {
    /// Trimmed; a 400 problem when it is empty, too long, or has what no feed or page may show.
    static func checked(_ text: String, _ field: String, maximum: Int) throws(Problem) -> String {
        let plain = text.replacingOccurrences(of: "\r\n", with: "\n").trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...maximum).contains(plain.unicodeScalars.count) else {
            throw Problem.invalid("\(field) must have 1 to \(maximum) characters.", field: field)
        }
        guard plain.unicodeScalars.allSatisfy(isShown) else {
            throw Problem.invalid("\(field) has control characters; plain text and line breaks are taken.", field: field)
        }
        return plain
    }

    static func check(_ components: [String]) throws(Problem) {
        guard components.count <= Probe.names.count, Set(components).count == components.count,
            components.allSatisfy({ Probe.names.contains($0) })
        else {
            throw Problem.invalid("components takes each of \(Probe.names.joined(separator: ", ")) at most once.", field: "components")
        }
    }

    /// No control characters, none that turn the reading direction, none that XML cannot hold.
    private static func isShown(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case 0..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069, 0xFFFE, 0xFFFF: false
        default: true
        }
    }
}
