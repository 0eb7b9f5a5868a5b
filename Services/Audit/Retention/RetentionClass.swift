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

    /// Entries from before this are not shown any more.
    func floor(at now: Date) -> Date {
        now.addingTimeInterval(-Double(days) * 86_400)
    }
}

/// Which plan keeps entries for how long, as configured: `starter=d90,professional=y1`.
struct RetentionPlans: Sendable, Equatable {
    /// For a plan that is not named here, and while nobody knows the plan.
    static let unknown = RetentionClass.year

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
