import Contracts
import Foundation
import TestSupport

@testable import Campaigns

/// A lead as the reference knows it, with all that segments can ask about.
struct SampleLead: Sendable {
    struct Send: Sendable {
        let campaign: UUID
        let opened: Bool
        let clicked: Bool
        let replied: Bool
        let bounced: Bool
    }

    let id: LeadID
    let email: String
    let firstName: String?
    let company: String?
    let timeZone: String?
    let status: String
    let tags: [String]
    let custom: [String: CustomValue]
    let createdAt: Date
    let importID: UUID?
    let lists: [UUID]
    let campaigns: [UUID]
    let sends: [Send]

    static let fields: [String: CustomFieldKind] = [
        "note": .text, "size": .number, "renewal": .date, "member": .boolean, "plan": .choice,
    ]

    enum Kind { case text, word, status, number, day, instant, flag, identifier, activity, tag }

    static let catalogue: [(field: String, kind: Kind)] = [
        ("email", .text), ("email_domain", .text), ("first_name", .text), ("company", .text), ("time_zone", .text), ("custom.note", .text),
        ("tag", .tag), ("status", .status), ("custom.plan", .word), ("custom.size", .number), ("custom.renewal", .day), ("created_at", .instant),
        ("custom.member", .flag), ("import", .identifier), ("campaign", .identifier), ("list", .identifier), ("opened", .activity),
        ("clicked", .activity), ("replied", .activity), ("bounced", .activity),
    ]

    static func comparisons(of kind: Kind) -> [SegmentFilter.Comparison] {
        switch kind {
        case .text, .tag: [.equals, .notEquals, .contains, .notContains, .startsWith, .isIn, .notIn, .isSet, .isNotSet]
        case .word: [.equals, .notEquals, .isIn, .notIn, .isSet, .isNotSet]
        case .status, .identifier: [.equals, .notEquals, .isIn, .notIn]
        case .number: [.equals, .notEquals, .greaterThan, .lessThan, .between, .isIn, .notIn, .isSet, .isNotSet]
        case .day: [.equals, .notEquals, .greaterThan, .lessThan, .before, .after, .between, .isIn, .notIn, .isSet, .isNotSet]
        case .instant: [.equals, .notEquals, .greaterThan, .lessThan, .before, .after, .between]
        case .flag: [.equals, .notEquals, .isSet, .isNotSet]
        case .activity: [.equals, .notEquals]
        }
    }

    static let now = Date(timeIntervalSince1970: 1_795_000_000)
    static let words = ["Ice", "ICE", "ice & co", "Snow", "É", "o'b", "100%", "a_b", "gold", "x.org"]
    static let plans = ["gold", "Silver", "none"]
    static let numbers: [Double] = [-2, 0, 0.1, 0.30000000000000004, 1, 42, 1e21]
    static let days = ["2025-12-31", "2026-01-01", "2026-11-18", "2027-02-28"]
    static let identifiers = (1...4).map { UUID(text: "01900000-0000-7000-8000-00000000000\($0)")! }

    static func make(_ number: Int, company: String?, using random: inout SeededRandom) -> SampleLead {
        func maybe<Value>(_ values: [Value], _ random: inout SeededRandom) -> Value? {
            Int.random(in: 0..<4, using: &random) == 0 ? nil : values.randomElement(using: &random)
        }
        var custom: [String: CustomValue] = [:]
        if let company { custom["note"] = .text(company) } else { custom["note"] = maybe(words, &random).map { .text($0) } }
        custom["size"] = maybe(numbers, &random).map { .number($0) }
        custom["renewal"] = maybe(days, &random).map { .text($0) }
        custom["member"] = maybe([true, false], &random).map { .boolean($0) }
        // What an import left before the field was made, or was of this kind.
        if Int.random(in: 0..<6, using: &random) == 0 { custom["size"] = .text("large") }
        if Int.random(in: 0..<6, using: &random) == 0 { custom["renewal"] = .text("soon") }
        if Int.random(in: 0..<6, using: &random) == 0 { custom["member"] = .text("true") }
        custom["plan"] = maybe(plans, &random).map { .text($0) }
        let campaigns = identifiers.filter { _ in Bool.random(using: &random) }
        let sends = campaigns.filter { _ in Bool.random(using: &random) }.map { campaign in
            Send(
                campaign: campaign, opened: Bool.random(using: &random), clicked: Bool.random(using: &random),
                replied: Int.random(in: 0..<4, using: &random) == 0, bounced: Int.random(in: 0..<4, using: &random) == 0)
        }
        let domain = ["x.org", "ice.com", "a_b.net"].randomElement(using: &random)!
        let names = (first: maybe(words + [""], &random), company: maybe(words + [""], &random))
        let timeZone = maybe(["Europe/Oslo", "UTC"], &random)
        let status = ["active", "active", "bounced", "unsubscribed"].randomElement(using: &random)!
        let tags = words.filter { _ in Int.random(in: 0..<5, using: &random) == 0 }
        let age = Double(Int.random(in: 0..<200, using: &random)) * 21_600
        let importID = maybe(identifiers, &random)
        let lists = identifiers.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
        return SampleLead(
            id: LeadID(UUID()), email: "lead\(number)@\(domain)", firstName: names.first, company: company ?? names.company, timeZone: timeZone,
            status: status, tags: company.map { [$0] } ?? tags, custom: custom, createdAt: now - age, importID: importID, lists: lists,
            campaigns: campaigns, sends: sends)
    }

    // MARK: - Random questions

    static func tree(depth: Int, using random: inout SeededRandom) -> SegmentFilter {
        let choice = depth <= 1 ? 0 : Int.random(in: 0..<6, using: &random)
        guard choice > 1 else {
            let (field, kind) = catalogue.randomElement(using: &random)!
            return .condition(condition(field, kind, comparisons(of: kind).randomElement(using: &random)!, using: &random))
        }
        if choice == 2 { return .not(tree(depth: depth - 1, using: &random)) }
        var nodes: [SegmentFilter] = []
        for _ in 0..<Int.random(in: 1...3, using: &random) { nodes.append(tree(depth: depth - 1, using: &random)) }
        return choice == 3 ? .all(nodes) : .any(nodes)
    }

    static func condition(
        _ field: String, _ kind: Kind, _ comparison: SegmentFilter.Comparison, using random: inout SeededRandom
    ) -> SegmentFilter.Condition {
        var condition = SegmentFilter.Condition(field: field, comparison: comparison)
        switch comparison {
        case .isSet, .isNotSet: break
        case .isIn, .notIn: condition.value = .list((0..<Int.random(in: 1...3, using: &random)).map { _ in value(kind, comparison, using: &random) })
        case .between:
            let pair = [value(kind, comparison, using: &random), value(kind, comparison, using: &random)]
            condition.value = .list(pair.sorted { Reference.order($0) < Reference.order($1) })
        default: condition.value = value(kind, comparison, using: &random)
        }
        if kind == .activity, Bool.random(using: &random) { condition.campaign = CampaignID(identifiers.randomElement(using: &random)!) }
        return condition
    }

    private static func value(_ kind: Kind, _ comparison: SegmentFilter.Comparison, using random: inout SeededRandom) -> SegmentFilter.JSON {
        switch kind {
        case .text, .tag: return .text((words + ["lead1", "europe/oslo", "c", "%", "X.ORG"]).randomElement(using: &random)!)
        case .word: return .text((plans + ["GOLD"]).randomElement(using: &random)!)
        case .status: return .text(["active", "bounced", "complained"].randomElement(using: &random)!)
        case .number: return .number(numbers.randomElement(using: &random)!)
        case .flag, .activity: return .boolean(Bool.random(using: &random))
        case .identifier: return .text(identifiers.randomElement(using: &random)!.text)
        case .day:
            if Bool.random(using: &random) { return .text(days.randomElement(using: &random)!) }
            return .object(["days_ago": .number(Double(Int.random(in: -10...10, using: &random)))])
        case .instant:
            let instant = now - Double(Int.random(in: 0..<50, using: &random)) * 86_400
            switch comparison {
            case .equals, .notEquals: return .text(String(WireJSON.format(instant).prefix(10)))
            // Days and instants do not mix here: between takes them in one order, and this picks them at random.
            case .between: return .text(WireJSON.format(instant))
            default:
                switch Int.random(in: 0..<3, using: &random) {
                case 0: return .text(String(WireJSON.format(instant).prefix(10)))
                case 1: return .text(WireJSON.format(instant))
                default: return .object(["days_ago": .number(Double(Int.random(in: 0..<50, using: &random)))])
                }
            }
        }
    }
}

/// Says in plain Swift which leads a filter means, with nothing shared with the compiler but the tree.
enum Reference {
    static func holds(_ filter: SegmentFilter, _ lead: SampleLead) -> Bool {
        switch filter {
        case .all(let nodes): nodes.allSatisfy { holds($0, lead) }
        case .any(let nodes): nodes.contains { holds($0, lead) }
        case .not(let node): !holds(node, lead)
        case .condition(let condition): holds(condition, lead)
        }
    }

    private static func holds(_ condition: SegmentFilter.Condition, _ lead: SampleLead) -> Bool {
        func with(_ comparison: SegmentFilter.Comparison) -> Bool {
            holds(.init(field: condition.field, comparison: comparison, value: condition.value, campaign: condition.campaign), lead)
        }
        switch condition.comparison {
        case .notEquals: return !with(.equals)
        case .notContains: return !with(.contains)
        case .notIn: return !with(.isIn)
        case .isNotSet: return !with(.isSet)
        case .before: return with(.lessThan)
        case .after: return with(.greaterThan)
        default: break
        }
        let values: [SegmentFilter.JSON] =
            if case .list(let list)? = condition.value { list } else { condition.value.map { [$0] } ?? [] }
        let comparison = condition.comparison
        switch condition.field {
        case "email": return text(lead.email, comparison, values)
        case "email_domain": return text(lead.email.components(separatedBy: "@").last, comparison, values)
        case "first_name": return text(lead.firstName, comparison, values)
        case "company": return text(lead.company, comparison, values)
        case "time_zone": return text(lead.timeZone, comparison, values)
        case "status": return text(lead.status, comparison, values)
        case "tag": return lead.tags.contains { text($0, comparison, values) }
        case "list": return lead.lists.contains { values.contains(.text($0.text)) }
        case "campaign": return lead.campaigns.contains { values.contains(.text($0.text)) }
        case "import": return lead.importID.map { values.contains(.text($0.text)) } ?? false
        case "created_at": return instant(lead.createdAt, comparison, values)
        case "opened", "clicked", "replied", "bounced":
            let happened = lead.sends.contains { send in
                guard condition.campaign == nil || condition.campaign?.uuid == send.campaign else { return false }
                return switch condition.field {
                case "opened": send.opened
                case "clicked": send.clicked
                case "replied": send.replied
                default: send.bounced
                }
            }
            return values == [.boolean(happened)]
        default: return custom(lead, String(condition.field.dropFirst(7)), comparison, values)
        }
    }

    private static func text(_ value: String?, _ comparison: SegmentFilter.Comparison, _ values: [SegmentFilter.JSON]) -> Bool {
        guard let value = value?.lowercased(), !value.isEmpty else { return false }
        let words = values.compactMap { json -> String? in
            guard case .text(let text) = json else { return nil }
            return text.lowercased()
        }
        return switch comparison {
        case .isSet: true
        case .contains: Array(value.utf8).firstRange(of: Array(words[0].utf8)) != nil
        case .startsWith: value.utf8.starts(with: words[0].utf8)
        default: words.contains { Array($0.utf8) == Array(value.utf8) }
        }
    }

    private static func custom(
        _ lead: SampleLead, _ key: String, _ comparison: SegmentFilter.Comparison, _ values: [SegmentFilter.JSON]
    ) -> Bool {
        let value = lead.custom[key]
        switch SampleLead.fields[key]! {
        case .text, .choice: return text(value?.text, comparison, values)
        case .number:
            guard case .number(let number)? = value else { return false }
            let numbers = values.compactMap { json -> Double? in
                guard case .number(let number) = json else { return nil }
                return number
            }
            return ordered(number, comparison, numbers)
        case .boolean:
            guard case .boolean(let flag)? = value else { return false }
            return comparison == .isSet || values == [.boolean(flag)]
        case .date:
            guard case .text(let day)? = value, day.count == 10 else { return false }
            return ordered(day, comparison, values.map(dayText))
        }
    }

    private static func ordered<Value: Comparable>(_ value: Value, _ comparison: SegmentFilter.Comparison, _ values: [Value]) -> Bool {
        switch comparison {
        case .isSet: true
        case .greaterThan: value > values[0]
        case .lessThan: value < values[0]
        case .between: value >= values[0] && value <= values[1]
        default: values.contains(value)
        }
    }

    /// A day in the question is compared with the day of the value, an instant with the value itself.
    private static func instant(_ value: Date, _ comparison: SegmentFilter.Comparison, _ values: [SegmentFilter.JSON]) -> Bool {
        let day = String(WireJSON.format(value).prefix(10))
        if case .text(let text) = values[0], text.count == 10 { return ordered(day, comparison, values.map(dayText)) }
        return ordered(value, comparison, values.map(moment))
    }

    private static func moment(_ json: SegmentFilter.JSON) -> Date {
        if case .text(let text) = json { return WireJSON.parse(text.count == 10 ? "\(text)T00:00:00Z" : text)! }
        guard case .object(let members) = json, case .number(let days)? = members["days_ago"] else { return .distantPast }
        return SampleLead.now - days * 86_400
    }

    private static func dayText(_ json: SegmentFilter.JSON) -> String {
        if case .text(let text) = json { return text }
        return String(WireJSON.format(moment(json)).prefix(10))
    }

    /// Puts the two ends of a span into their order.
    static func order(_ json: SegmentFilter.JSON) -> Double {
        if case .number(let number) = json { return number }
        return moment(json).timeIntervalSince1970
    }
}
