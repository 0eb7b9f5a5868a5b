import Contracts
import Foundation
import HTTP

/// A member of a JSON object in a PATCH: missing keeps what is there, null clears it.
enum FieldChange<Value: Decodable & Sendable>: Decodable, Sendable {
    case keep
    case clear
    case set(Value)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        self = container.decodeNil() ? .clear : .set(try container.decode(Value.self))
    }
}

/// What is to be different about one lead.
struct LeadPatch: Decodable, Sendable {
    let firstName: FieldChange<String>
    let lastName: FieldChange<String>
    let company: FieldChange<String>
    let timeZone: FieldChange<String>
    /// By key; keys that are not named stay.
    let custom: [String: FieldChange<CustomValue>]
    let tags: [String]?
    let status: String?
    /// Each once, as below.
    let addWorkspaces: [WorkspaceID]
    let removeWorkspaces: [WorkspaceID]

    private enum CodingKeys: String, CodingKey {
        case firstName, lastName, company, timeZone, custom, tags, status, addWorkspaces, removeWorkspaces
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func change(_ key: CodingKeys) throws -> FieldChange<String> {
            guard container.contains(key) else { return .keep }
            return try container.decodeNil(forKey: key) ? .clear : .set(try container.decode(String.self, forKey: key))
        }
        firstName = try change(.firstName)
        lastName = try change(.lastName)
        company = try change(.company)
        timeZone = try change(.timeZone)
        custom = try container.decodeIfPresent([String: FieldChange<CustomValue>].self, forKey: .custom) ?? [:]
        tags = try container.decodeIfPresent([String].self, forKey: .tags)
        status = try container.decodeIfPresent(String.self, forKey: .status)
        addWorkspaces = Self.once(try container.decodeIfPresent([WorkspaceID].self, forKey: .addWorkspaces) ?? [])
        removeWorkspaces = Self.once(try container.decodeIfPresent([WorkspaceID].self, forKey: .removeWorkspaces) ?? [])
    }

    private static func once(_ workspaces: [WorkspaceID]) -> [WorkspaceID] {
        var seen: Set<WorkspaceID> = []
        return workspaces.filter { seen.insert($0).inserted }
    }

    /// So few that each can be asked for.
    func checkWorkspaces() throws(Problem) {
        guard addWorkspaces.count + removeWorkspaces.count <= 50 else {
            throw Problem.invalid("At most 50 workspaces at once.", field: "add_workspaces")
        }
    }

    /// Everything that can be said without the lead; 400 and 422 problems with the field.
    func check(fields: [CustomField]) throws(Problem) {
        for key in custom.keys.sorted() {
            if case .set(let value) = custom[key] { try LeadInput.check(value, of: key, fields: fields) }
        }
        guard status.map({ LeadStatus(rawValue: $0) != nil }) ?? true else {
            throw Problem.invalid("status can only be set to unsubscribed.", field: "status")
        }
    }

    /// The lead as it is to be; problem `opt_out_is_final` when it asks for more than people may give.
    func applied(to lead: Lead, at now: Date) throws(Problem) -> Lead {
        var values = lead.custom
        for (key, change) in custom {
            switch change {
            case .keep: break
            case .clear: values[key] = nil
            case .set(let value): values[key] = value
            }
        }
        let status = try nextStatus(of: lead)
        let zone = Self.value(timeZone, lead.timeZone)
        var nextTags = lead.tags
        if let tags { nextTags = try LeadInput.tags(tags) }
        return Lead(
            id: lead.id, email: lead.email, firstName: try LeadInput.text(Self.value(firstName, lead.firstName), field: "first_name"),
            lastName: try LeadInput.text(Self.value(lastName, lead.lastName), field: "last_name"),
            company: try LeadInput.text(Self.value(company, lead.company), field: "company"), custom: values,
            // One that is there stays, whatever this machine's database of zones knows.
            timeZone: zone == lead.timeZone ? zone : try LeadInput.timeZone(zone), tags: nextTags, status: status,
            statusChangedAt: status == lead.status ? lead.statusChangedAt : now, revision: lead.revision, createdAt: lead.createdAt)
    }

    private func nextStatus(of lead: Lead) throws(Problem) -> LeadStatus {
        guard let wanted = status.flatMap({ LeadStatus(rawValue: $0) }), wanted != lead.status else { return lead.status }
        if wanted == .unsubscribed { return .unsubscribed }
        guard lead.status == .active else {
            throw Problem.unprocessable(
                kind: "opt_out_is_final", title: "The lead must not be written to.",
                detail: """
                    It is \(lead.status.rawValue), and nobody can set that back here: Delivery decides who may be written to, and its \
                    suppression of the address stands.
                    """)
        }
        throw Problem.invalid("status can only be set to unsubscribed.", field: "status")
    }

    private static func value(_ change: FieldChange<String>, _ old: String?) -> String? {
        switch change {
        case .keep: old
        case .clear: nil
        case .set(let text): text
        }
    }
}

extension Lead {
    /// The names of what is different from `old`, as the trail and the timeline call them.
    func changedFields(from old: Lead) -> [String] {
        var names: [String] = []
        if firstName != old.firstName { names.append("first_name") }
        if lastName != old.lastName { names.append("last_name") }
        if company != old.company { names.append("company") }
        if timeZone != old.timeZone { names.append("time_zone") }
        for key in Set(custom.keys).union(old.custom.keys).sorted() where custom[key] != old.custom[key] { names.append("custom.\(key)") }
        if tags != old.tags { names.append("tags") }
        if status != old.status { names.append("status") }
        return names
    }
}
