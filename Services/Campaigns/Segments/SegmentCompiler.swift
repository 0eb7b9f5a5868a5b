import Contracts
import Foundation
import Postgres

/// Turns a filter into one condition of a query over leads as `l`; every value of the filter travels as a parameter.
///
/// What denies (not_equals, not_contains, not_in, is_not_set, and `not` around anything) holds for leads without the value.
struct SegmentCompiler: Sendable {
    typealias Invalid = SegmentFilter.Invalid

    /// The company's own fields by their keys.
    let fields: [String: CustomFieldKind]
    /// Whose campaigns, lists and imports may be asked about; those of others hold for nobody.
    let workspace: WorkspaceID
    /// What `days_ago` counts from.
    let now: Date

    /// True for the leads that are meant, false or NULL for the others: it belongs into a WHERE.
    func condition(_ filter: SegmentFilter) throws(Invalid) -> SQL {
        try node(filter, at: [], isDenied: false)
    }

    /// Denial is carried down to the conditions, the only place where NULL has to be thought of: `not all` is `any not`.
    private func node(_ filter: SegmentFilter, at path: [String], isDenied: Bool) throws(Invalid) -> SQL {
        switch filter {
        case .not(let inner): return try node(inner, at: path + ["not"], isDenied: !isDenied)
        case .all(let nodes): return try group(nodes, at: path + ["all"], isDenied: isDenied, separator: isDenied ? " or " : " and ")
        case .any(let nodes): return try group(nodes, at: path + ["any"], isDenied: isDenied, separator: isDenied ? " and " : " or ")
        case .condition(let condition): return try leaf(condition, at: path, isDenied: isDenied)
        }
    }

    private func group(_ nodes: [SegmentFilter], at path: [String], isDenied: Bool, separator: StaticString) throws(Invalid) -> SQL {
        var parts: [SQL] = []
        for (index, filter) in nodes.enumerated() { parts.append(try node(filter, at: path + ["\(index)"], isDenied: isDenied)) }
        return "(\(SQL.joined(parts, separator: separator)))"
    }

    private func leaf(_ condition: SegmentFilter.Condition, at path: [String], isDenied: Bool) throws(Invalid) -> SQL {
        guard let field = SegmentField(named: condition.field, custom: fields) else {
            throw Invalid(
                path + ["field"],
                "There is no such field; use \(SegmentField.names.joined(separator: ", ")), or custom. and the key of one of your own fields.")
        }
        let known = field.comparisons
        guard known.contains(condition.comparison) else {
            throw Invalid(path + ["operator"], "This field takes \(known.map(\.rawValue).joined(separator: ", ")).")
        }
        if condition.campaign != nil {
            guard case .activity = field.kind else {
                throw Invalid(path + ["campaign"], "Leave it out: only opened, clicked, replied and bounced take a campaign.")
            }
        }
        let (comparison, denies) = condition.comparison.affirmative
        guard comparison != .isSet || condition.value == nil else {
            throw Invalid(path + ["value"], "Leave it out: \(condition.comparison.rawValue) takes no value.")
        }
        let operand = SegmentOperand(json: condition.value, path: path + ["value"], now: now)
        let holds = try predicate(field, comparison, operand, campaign: condition.campaign)
        if denies == isDenied { return "(\(holds))" }
        // A plain NOT lets the server join against rows that are not there instead of asking for each lead.
        return field.isAlwaysKnown ? "(not (\(holds)))" : "((\(holds)) is not true)"
    }

    /// True where the comparison holds, false or NULL where it does not or there is no value.
    private func predicate(
        _ field: SegmentField, _ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand, campaign: CampaignID?
    ) throws(Invalid) -> SQL {
        switch field.kind {
        case .text, .word: return try text(field.value, comparison, operand)
        case .number: return try number(field.value, comparison, operand)
        case .day: return try day(field.value, comparison, operand)
        case .instant: return try instant(field.value, comparison, operand)
        case .tag: return try tag(comparison, operand)
        case .campaign: return try enrolled(comparison, operand)
        case .status:
            let statuses = try operand.statuses(comparison)
            return "\(field.value) = any(\(statuses))"
        case .boolean:
            if comparison == .isSet { return "\(field.value) is not null" }
            let flag = try operand.flag()
            return "\(field.value) = to_jsonb(\(flag))"
        case .importRun:
            let isOurs: SQL = """
                exists (select from imports i where i.tenant_id = l.tenant_id and i.id = l.import_id and i.workspace_id = \(workspace))
                """
            if comparison == .isSet { return isOurs }
            let imports = try operand.identifiers(comparison)
            return "\(field.value) = any(\(imports)) and \(isOurs)"
        case .list:
            let lists = try operand.identifiers(comparison)
            return """
                exists (
                    select from list_members m join lists k on k.tenant_id = m.tenant_id and k.id = m.list_id
                    where m.tenant_id = l.tenant_id and m.lead_id = l.id and m.list_id = any(\(lists)) and k.workspace_id = \(workspace))
                """
        case .activity(let activity):
            let happened = try operand.flag()
            return self.activity(activity, in: campaign, happened: happened)
        }
    }

    // MARK: - By kind

    /// `value` is in lower case already.
    private func text(_ value: SQL, _ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        switch comparison {
        case .isSet: return "\(value) is not null"
        case .contains:
            // Not LIKE: what stands in the value is text, never a pattern.
            let part = try operand.text()
            return "strpos(\(value), lower(\(part))) > 0"
        case .startsWith:
            let part = try operand.text()
            return "starts_with(\(value), lower(\(part)))"
        default:
            let words: [SQL] = try operand.texts(comparison).map { "lower(\($0))" }
            return "\(value) = any(array[\(SQL.joined(words, separator: ", "))])"
        }
    }

    private func tag(_ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        if comparison == .isSet { return "cardinality(l.tags) > 0" }
        let isMeant = try text("lower(t.tag)", comparison, operand)
        return "exists (select from unnest(l.tags) as t (tag) where \(isMeant))"
    }

    private func number(_ value: SQL, _ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        switch comparison {
        case .isSet: return "\(value) is not null"
        case .greaterThan:
            let number = Self.numeric(try operand.number())
            return "\(value) > \(number)"
        case .lessThan:
            let number = Self.numeric(try operand.number())
            return "\(value) < \(number)"
        case .between:
            let bounds = try operand.numberBounds()
            return "\(value) between \(Self.numeric(bounds.lower)) and \(Self.numeric(bounds.upper))"
        default:
            let numbers: [SQL] = try operand.numbers(comparison).map { Self.numeric($0) }
            return "\(value) = any(array[\(SQL.joined(numbers, separator: ", "))])"
        }
    }

    private func day(_ value: SQL, _ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        switch comparison {
        case .isSet: return "\(value) is not null"
        case .greaterThan, .after:
            let day = try operand.day()
            return "\(value) > \(day)"
        case .lessThan, .before:
            let day = try operand.day()
            return "\(value) < \(day)"
        case .between:
            let bounds = try operand.dayBounds()
            return "\(value) between \(bounds.lower) and \(bounds.upper)"
        default:
            let days = try operand.days(comparison)
            return "\(value) = any(\(days))"
        }
    }

    private func instant(_ value: SQL, _ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        switch comparison {
        case .greaterThan, .after:
            let span = try operand.span()
            return "\(value) >= \(span.end)"
        case .lessThan, .before:
            let span = try operand.span()
            return "\(value) < \(span.start)"
        case .between:
            let span = try operand.spanBounds()
            return "\(value) >= \(span.start) and \(value) < \(span.end)"
        default:
            let span = try operand.wholeDay()
            return "\(value) >= \(span.start) and \(value) < \(span.end)"
        }
    }

    private func enrolled(_ comparison: SegmentFilter.Comparison, _ operand: SegmentOperand) throws(Invalid) -> SQL {
        let enrolment: SQL = """
            select from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
            where e.tenant_id = l.tenant_id and e.lead_id = l.id and c.workspace_id = \(workspace)
            """
        if comparison == .isSet { return "exists (\(enrolment))" }
        let campaigns = try operand.identifiers(comparison)
        return "exists (\(enrolment) and e.campaign_id = any(\(campaigns)))"
    }

    private func activity(_ activity: SegmentField.Activity, in campaign: CampaignID?, happened: Bool) -> SQL {
        let instant: SQL =
            switch activity {
            case .opened: "s.opened_at"
            case .clicked: "s.clicked_at"
            case .replied: "s.replied_at"
            case .bounced: "s.bounced_at"
            }
        var which: SQL = "true"
        if let campaign { which = "s.campaign_id = \(campaign)" }
        let exists: SQL = happened ? "exists" : "not exists"
        return """
            \(exists) (
                select from enrolment_sends s join campaigns c on c.tenant_id = s.tenant_id and c.id = s.campaign_id
                where s.tenant_id = l.tenant_id and s.lead_id = l.id and \(instant) is not null and \(which) and c.workspace_id = \(workspace))
            """
    }

    /// As text, digit for digit: a float8 would lose some on its way to numeric.
    private static func numeric(_ number: Double) -> SQL {
        "\(number.description)::numeric"
    }
}

extension SegmentFilter.Comparison {
    /// The comparison without its `not`, and whether it had one.
    fileprivate var affirmative: (comparison: Self, denies: Bool) {
        switch self {
        case .notEquals: (.equals, true)
        case .notContains: (.contains, true)
        case .notIn: (.isIn, true)
        case .isNotSet: (.isSet, true)
        default: (self, false)
        }
    }
}

extension SegmentCompiler {
    /// To check a filter only: the condition asks about the campaigns, lists and imports of no workspace.
    init(fields: [String: CustomFieldKind], now: Date) {
        self.init(fields: fields, workspace: .zero, now: now)
    }
}
