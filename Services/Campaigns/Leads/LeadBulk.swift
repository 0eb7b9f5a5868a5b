import Contracts
import Foundation
import HTTP

/// One change to many leads of a workspace, checked.
enum LeadBulk: Sendable, Equatable {
    enum Action: String, Codable, Sendable, CaseIterable {
        case addTags = "add_tags"
        case removeTags = "remove_tags"
        case addToList = "add_to_list"
        case removeFromList = "remove_from_list"
        case setField = "set_field"
        case unsubscribe
        case removeFromWorkspace = "remove_from_workspace"
    }

    /// What an action takes: a list, tags, or a field with its value.
    enum Value: Codable, Sendable, Equatable {
        case text(String)
        case texts([String])
        case field(name: String, value: CustomValue?)

        private enum CodingKeys: String, CodingKey {
            case field, value
        }

        init(from decoder: any Decoder) throws {
            if let container = try? decoder.container(keyedBy: CodingKeys.self) {
                self = .field(
                    name: try container.decode(String.self, forKey: .field), value: try container.decodeIfPresent(CustomValue.self, forKey: .value))
            } else if let texts = try? decoder.singleValueContainer().decode([String].self) {
                self = .texts(texts)
            } else {
                self = .text(try decoder.singleValueContainer().decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .text(let text):
                var container = encoder.singleValueContainer()
                try container.encode(text)
            case .texts(let texts):
                var container = encoder.singleValueContainer()
                try container.encode(texts)
            case .field(let name, let value):
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(name, forKey: .field)
                try container.encode(value, forKey: .value)
            }
        }
    }

    /// Fields that every lead has and that can be set for many at once.
    enum Column: String, Sendable, CaseIterable {
        case firstName = "first_name"
        case lastName = "last_name"
        case company
        case timeZone = "time_zone"
    }

    case addTags([String])
    case removeTags([String])
    case addToList(ListID)
    case removeFromList(ListID)
    /// Nil clears it, here and below.
    case setColumn(Column, String?)
    case setCustom(String, CustomValue?)
    case unsubscribe
    case removeFromWorkspace

    /// Problems that name `value`, or the field.
    init(_ action: Action, _ value: Value?, fields: [CustomField]) throws(Problem) {
        switch (action, value) {
        case (.addTags, .texts(let tags)) where !tags.isEmpty: self = .addTags(try LeadInput.tags(tags))
        case (.removeTags, .texts(let tags)) where !tags.isEmpty: self = .removeTags(try LeadInput.tags(tags))
        case (.addTags, _), (.removeTags, _): throw Problem.invalid("value must be a list of tags.", field: "value")
        case (.addToList, .text(let text)): self = .addToList(try Self.list(text))
        case (.removeFromList, .text(let text)): self = .removeFromList(try Self.list(text))
        case (.addToList, _), (.removeFromList, _): throw Problem.invalid("value must be the id of a list.", field: "value")
        case (.setField, .field(let name, let value)): self = try Self.field(name, value, fields: fields)
        case (.setField, _): throw Problem.invalid("value must be an object with field and value.", field: "value")
        case (.unsubscribe, _): self = .unsubscribe
        case (.removeFromWorkspace, _): self = .removeFromWorkspace
        }
    }

    private static func list(_ text: String) throws(Problem) -> ListID {
        guard let list = ListID(text) else { throw Problem.invalid("value must be the id of a list.", field: "value") }
        return list
    }

    private static func field(_ name: String, _ value: CustomValue?, fields: [CustomField]) throws(Problem) -> LeadBulk {
        if let column = Column(rawValue: name) {
            guard let value else { return .setColumn(column, nil) }
            guard case .text(let text) = value else { throw Problem.invalid("\(name) takes a text.", field: name) }
            return .setColumn(column, column == .timeZone ? try LeadInput.timeZone(text) : try LeadInput.text(text, field: name))
        }
        let key = name.hasPrefix("custom.") ? String(name.dropFirst(7)) : name
        if let value { try LeadInput.check(value, of: key, fields: fields) }
        return .setCustom(key, value)
    }

    /// What the timeline of each lead that is changed says.
    func activity(in workspace: WorkspaceID) -> LeadActivity {
        switch self {
        case .addTags(let tags): LeadActivity(kind: "tagged", detail: ["added": .texts(tags), "removed": .list([])])
        case .removeTags(let tags): LeadActivity(kind: "tagged", detail: ["added": .list([]), "removed": .texts(tags)])
        case .addToList(let list): LeadActivity(kind: "added_to_list", detail: ["list": .text(list.description)])
        case .removeFromList(let list): LeadActivity(kind: "removed_from_list", detail: ["list": .text(list.description)])
        case .setColumn(let column, _): LeadActivity(kind: "updated", detail: ["fields": .texts([column.rawValue])])
        case .setCustom(let key, _): LeadActivity(kind: "updated", detail: ["fields": .texts(["custom.\(key)"])])
        case .unsubscribe: LeadActivity(kind: "unsubscribed")
        case .removeFromWorkspace: LeadActivity(kind: "removed_from_workspace", detail: ["workspace": .text(workspace.description)])
        }
    }
}
