import Contracts
import Foundation
import Postgres

/// A field that conditions may name: what it is compared as, and where the lead's value stands in a query over leads as `l`.
struct SegmentField: Sendable {
    enum Kind: Sendable, Equatable {
        case text
        case word
        case status
        case number
        /// A day without an hour.
        case day
        case instant
        case boolean
        case tag
        case list
        case importRun
        case campaign
        case activity(Activity)
    }

    /// What people, or their servers, did with mails that were sent to them.
    enum Activity: String, Sendable, CaseIterable {
        case opened
        case clicked
        case replied
        case bounced
    }

    let kind: Kind
    /// NULL where the lead has none, lower case where it is text; empty for what stands in rows of its own.
    let value: SQL

    private init(_ kind: Kind, _ value: SQL = "") {
        self.kind = kind
        self.value = value
    }

    static let names =
        [
            "email", "email_domain", "first_name", "last_name", "company", "time_zone", "status", "tag", "list", "created_at", "updated_at", "import",
            "campaign",
        ] + Activity.allCases.map(\.rawValue)

    /// Nil when there is no such field; `custom` holds the company's own by their keys.
    init?(named name: String, custom: [String: CustomFieldKind]) {
        switch name {
        case "email": self.init(.text, "l.email")
        case "email_domain": self.init(.text, "split_part(l.email, '@', 2)")
        case "first_name": self.init(.text, "lower(nullif(l.first_name, ''))")
        case "last_name": self.init(.text, "lower(nullif(l.last_name, ''))")
        case "company": self.init(.text, "lower(nullif(l.company, ''))")
        case "time_zone": self.init(.text, "lower(nullif(l.time_zone, ''))")
        case "status": self.init(.status, "l.status")
        case "tag": self.init(.tag)
        case "list": self.init(.list)
        case "created_at": self.init(.instant, "l.created_at")
        case "updated_at": self.init(.instant, "l.updated_at")
        case "import": self.init(.importRun, "l.import_id")
        case "campaign": self.init(.campaign)
        default:
            if let activity = Activity(rawValue: name) {
                self.init(.activity(activity))
            } else if name.hasPrefix("custom."), let kind = custom[String(name.dropFirst("custom.".count))] {
                self.init(kind, key: String(name.dropFirst("custom.".count)))
            } else {
                return nil
            }
        }
    }

    /// A value of another form than the field's kind, as an import before the field was made may have left it, is none: no cast can fail.
    private init(_ kind: CustomFieldKind, key: String) {
        switch kind {
        case .text: self.init(.text, "lower(nullif(l.custom->>\(key), ''))")
        case .choice: self.init(.word, "lower(nullif(l.custom->>\(key), ''))")
        case .number:
            self.init(.number, "(case when jsonb_typeof(l.custom->\(key)) = 'number' then (l.custom->>\(key))::numeric end)")
        case .boolean: self.init(.boolean, "(case when jsonb_typeof(l.custom->\(key)) = 'boolean' then l.custom->\(key) end)")
        case .date:
            // As text: days in this form sort as the calendar does, whatever stands there.
            self.init(
                .day,
                """
                (case when (l.custom->>\(key)) similar to '[0-9]{4}-[0-9]{2}-[0-9]{2}' then l.custom->>\(key) end) collate "C"
                """)
        }
    }

    /// Whether every question about it has an answer, so that NULL never comes in.
    var isAlwaysKnown: Bool {
        switch kind {
        case .status, .instant, .tag, .list, .campaign, .activity: true
        case .text, .word, .number, .day, .boolean, .importRun: false
        }
    }

    /// What may be asked of it.
    var comparisons: [SegmentFilter.Comparison] {
        let presence: [SegmentFilter.Comparison] = [.isSet, .isNotSet]
        let equality: [SegmentFilter.Comparison] = [.equals, .notEquals, .isIn, .notIn]
        let order: [SegmentFilter.Comparison] = [.greaterThan, .lessThan, .between]
        return switch kind {
        case .text, .tag: equality + [.contains, .notContains, .startsWith] + presence
        case .word, .importRun, .campaign: equality + presence
        case .status, .list: equality
        case .number: equality + order + presence
        case .day: equality + order + [.before, .after] + presence
        case .instant: [.equals, .notEquals] + order + [.before, .after]
        case .boolean: [.equals, .notEquals] + presence
        case .activity: [.equals, .notEquals]
        }
    }
}
