import Contracts
import Foundation
import ServiceRuntime

/// How long entries are kept. The class of a company's month is frozen at the month's first entry, so that an entry that comes again lands where
/// it is.
enum RetentionClass: String, Codable, Sendable, CaseIterable {
    case quarter = "d90"
    case year = "y1"
    case sevenYears = "y7"

    /// As in the table `trail_retention`, which the functions that drop partitions ask.
    var days: Int {
        switch self {
        case .quarter: 90
        case .year: 366
        case .sevenYears: 2_557
        }
    }

    /// Whether a month, by its first day `2026-11-01`, may go: by the program's own clock and table, so that whoever changes the database's makes it
    /// sign for nothing. A month counts as the shortest there is: when exactly it ends, the database says.
    func isOver(month: String, at now: Date) -> Bool {
        guard let first = WireJSON.parse("\(month)T00:00:00Z") else { return false }
        return first.addingTimeInterval(Double(28 + days + Self.grace) * 86_400) <= now
    }

    /// Days that a month waits, once its time is over.
    static let grace = 30

    /// Entries from before this are not shown any more.
    func floor(at now: Date) -> Date {
        now.addingTimeInterval(-Double(days) * 86_400)
    }
}

/// Which plan keeps entries for how long, as configured: `starter=d90,professional=y1`.
struct RetentionPlans: Sendable, Equatable {
    /// For a plan that is not named here; what is shown while nobody knows the plan.
    static let unknown = RetentionClass.year
    /// What is written while nobody knows the plan is kept under this.
    static let undecided = RetentionClass.sevenYears

    private let classes: [String: RetentionClass]

    init(_ text: String) throws(SettingsError) {
        var classes: [String: RetentionClass] = [:]
        for pair in text.split(separator: ",") {
            let parts = pair.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 2, !parts[0].isEmpty, let kept = RetentionClass(rawValue: parts[1]) else {
                throw SettingsError(problems: ["audit.retention.plans must be pairs such as starter=d90, with d90, y1 or y7, separated by commas"])
            }
            classes[parts[0]] = kept
        }
        self.classes = classes
    }

    func retention(of plan: String?) -> RetentionClass {
        plan.flatMap { classes[$0] } ?? Self.unknown
    }
}
