import Contracts
import Foundation

extension SegmentFilter {
    /// As it came, before anybody knows what it should be. Names of members stay as they are.
    typealias JSON = JSONValue
}

extension SegmentFilter: Codable {
    init(from decoder: any Decoder) throws {
        let json = try JSON(from: decoder)
        do throws(Invalid) {
            self = try SegmentFilter(json)
        } catch {
            throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath + [Place(error.path)], debugDescription: error.detail))
        }
    }

    func encode(to encoder: any Encoder) throws {
        try json.encode(to: encoder)
    }

    /// The place of a fault as the last step of a coding path.
    private struct Place: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(_ path: String) { stringValue = path }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { return nil }
    }
}

extension SegmentFilter {
    /// Reads the tree and holds its limits; whether fields, operators and values go together is the compiler's to say.
    init(_ json: JSON) throws(Invalid) {
        var conditions = 0
        self = try Self.node(json, at: [], conditions: &conditions, depth: 1)
    }

    var json: JSON {
        switch self {
        case .all(let nodes): .object(["all": .list(nodes.map(\.json))])
        case .any(let nodes): .object(["any": .list(nodes.map(\.json))])
        case .not(let node): .object(["not": node.json])
        case .condition(let condition): condition.json
        }
    }

    private static func node(_ json: JSON, at path: [String], conditions: inout Int, depth: Int) throws(Invalid) -> SegmentFilter {
        guard depth <= Limits.depth else {
            throw Invalid(path, "Nest at most \(Limits.depth) deep; make a segment of its own or flatten the groups.")
        }
        guard case .object(let members) = json else {
            throw Invalid(path, "Give an object: a group {\"all\": […]}, {\"any\": […]}, {\"not\": …}, or a condition with field and operator.")
        }
        guard members.count == 1, let member = members.first, ["all", "any", "not"].contains(member.key) else {
            conditions += 1
            guard conditions <= Limits.conditions else { throw Invalid(path, "Use at most \(Limits.conditions) conditions.") }
            return .condition(try Condition(members, at: path))
        }
        let inner = path + [member.key]
        guard member.key != "not" else { return .not(try node(member.value, at: inner, conditions: &conditions, depth: depth + 1)) }
        guard case .list(let list) = member.value, !list.isEmpty else {
            throw Invalid(inner, "Give a list of at least one condition or group.")
        }
        var nodes: [SegmentFilter] = []
        for (index, json) in list.enumerated() {
            nodes.append(try node(json, at: inner + ["\(index)"], conditions: &conditions, depth: depth + 1))
        }
        return member.key == "all" ? .all(nodes) : .any(nodes)
    }
}

extension SegmentFilter.Invalid {
    init(_ path: [String], _ detail: String) {
        self.init(path: path.joined(separator: "."), detail: detail)
    }
}

extension SegmentFilter.Condition {
    fileprivate typealias Invalid = SegmentFilter.Invalid

    fileprivate init(_ members: [String: SegmentFilter.JSON], at path: [String]) throws(SegmentFilter.Invalid) {
        for name in members.keys.sorted() where !["field", "operator", "value", "campaign"].contains(name) {
            let isGroup = ["all", "any", "not"].contains(name)
            throw Invalid(
                path + [String(name.prefix(64))],
                isGroup ? "A group stands alone in its object." : "A condition has field, operator, value and campaign only.")
        }
        guard case .text(let field)? = members["field"] else { throw Invalid(path + ["field"], "Name the field, for example \"company\".") }
        guard field.count <= 100 else { throw Invalid(path + ["field"], "There is no such field.") }
        guard case .text(let word)? = members["operator"], let comparison = SegmentFilter.Comparison(rawValue: word) else {
            let words = SegmentFilter.Comparison.allCases.map(\.rawValue).joined(separator: ", ")
            throw Invalid(path + ["operator"], "Use one of \(words).")
        }
        self.field = field
        self.comparison = comparison
        if let value = members["value"], value != .null {
            try Self.check(value, at: path + ["value"])
            self.value = value
        }
        if let json = members["campaign"], json != .null {
            guard case .text(let text) = json, let campaign = CampaignID(text) else { throw Invalid(path + ["campaign"], "Give a campaign's id.") }
            self.campaign = campaign
        }
    }

    fileprivate var json: SegmentFilter.JSON {
        var members: [String: SegmentFilter.JSON] = ["field": .text(field), "operator": .text(comparison.rawValue)]
        if let value { members["value"] = value }
        if let campaign { members["campaign"] = .text(campaign.description) }
        return .object(members)
    }

    private static func check(_ value: SegmentFilter.JSON, at path: [String]) throws(SegmentFilter.Invalid) {
        switch value {
        case .text(let text):
            guard text.unicodeScalars.count <= SegmentFilter.Limits.characters else {
                throw Invalid(path, "Use at most \(SegmentFilter.Limits.characters) characters.")
            }
            guard !text.utf8.contains(0) else { throw Invalid(path, "Leave out the character NUL; no lead holds it.") }
        case .list(let values):
            guard values.count <= SegmentFilter.Limits.values else {
                throw Invalid(path, "Use at most \(SegmentFilter.Limits.values) values; put more into a list and ask for that.")
            }
            for (index, element) in values.enumerated() {
                if case .list = element { throw Invalid(path + ["\(index)"], "Give a plain value.") }
                try check(element, at: path + ["\(index)"])
            }
        case .object(let members):
            guard members.keys.elementsEqual(["days_ago"]), case .number? = members["days_ago"] else {
                throw Invalid(path, "Give a value, a list of values, or {\"days_ago\": 30}.")
            }
        case .null, .boolean, .number: break
        }
    }
}
