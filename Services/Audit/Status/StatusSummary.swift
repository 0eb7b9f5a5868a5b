import Contracts
import Foundation

/// The status in the shape of Statuspage's `summary.json`, for tools that read that of everybody.
struct StatusSummary: Encodable {
    private static let pageID = "penguinmails"

    struct Page: Encodable {
        let id: String
        let name: String
        let url: String
        let timeZone: String
        let updatedAt: Date
    }

    struct Indicator: Encodable {
        let indicator: String
        let description: String
    }

    struct ListedComponent: Encodable {
        let id: String
        let name: String
        let status: String
        let position: Int
        let updatedAt: Date
        let description: Nullable<String>
        let groupId: Nullable<String>
        let group: Bool
        let showcase: Bool
        let onlyShowIfDegraded: Bool
        let pageId: String
    }

    struct ListedUpdate: Encodable {
        let id: String
        let status: String
        let body: String
        let incidentId: String
        let createdAt: Date
        let updatedAt: Date
        let displayAt: Date
    }

    struct ListedIncident: Encodable {
        let id: String
        let name: String
        let status: String
        let impact: String
        let shortlink: String
        let createdAt: Date
        let startedAt: Date
        let updatedAt: Date
        let resolvedAt: Nullable<Date>
        let pageId: String
        let incidentUpdates: [ListedUpdate]
        let components: [ListedComponent]
    }

    struct ListedMaintenance: Encodable {
        let id: String
        let name: String
        let status: String
        let impact: String
        let shortlink: String
        let createdAt: Date
        let updatedAt: Date
        let scheduledFor: Date
        let scheduledUntil: Date
        let pageId: String
        let incidentUpdates: [ListedUpdate]
        let components: [ListedComponent]
    }

    let page: Page
    let status: Indicator
    let components: [ListedComponent]
    let incidents: [ListedIncident]
    let scheduledMaintenances: [ListedMaintenance]

    init(_ snapshot: StatusSnapshot, address: String) {
        let url = "\(address)/status"
        // A part that was never looked at has no word in this format: it is left out rather than called well.
        let shown = snapshot.components.enumerated().filter { $0.element.checkedAt != nil || $0.element.status != .unknown }
        let all = shown.map { ListedComponent($0.element, position: $0.offset + 1, pageID: Self.pageID) }
        func listed(_ names: [String]) -> [ListedComponent] { all.filter { names.contains($0.id) } }

        let times = snapshot.components.compactMap(\.checkedAt) + snapshot.history.incidents.map(\.updatedAt)
        page = Page(
            id: Self.pageID, name: "PenguinMails", url: url, timeZone: "Etc/UTC", updatedAt: times.max() ?? Date(timeIntervalSince1970: 0))
        status = Self.indicator(snapshot)
        components = all
        incidents = snapshot.openIncidents.map { incident in
            ListedIncident(
                id: "\(incident.id)", name: incident.title, status: incident.state.rawValue, impact: incident.impact.rawValue,
                shortlink: "\(url)#\(incident.id)", createdAt: incident.startedAt, startedAt: incident.startedAt,
                updatedAt: incident.updatedAt, resolvedAt: Nullable(incident.resolvedAt), pageId: Self.pageID,
                incidentUpdates: incident.updates.map { ListedUpdate($0, of: incident.id) }, components: listed(incident.components))
        }
        scheduledMaintenances = snapshot.maintenances.map { maintenance in
            let isActive = maintenance.isActive(at: snapshot.at)
            let update = ListedUpdate(
                id: "\(maintenance.id)", status: isActive ? "in_progress" : "scheduled", body: maintenance.message,
                incidentId: "\(maintenance.id)", createdAt: maintenance.updatedAt, updatedAt: maintenance.updatedAt,
                displayAt: maintenance.updatedAt)
            return ListedMaintenance(
                id: "\(maintenance.id)", name: maintenance.title, status: update.status, impact: "maintenance", shortlink: url,
                createdAt: maintenance.updatedAt, updatedAt: maintenance.updatedAt, scheduledFor: maintenance.startsAt,
                scheduledUntil: maintenance.endsAt, pageId: Self.pageID, incidentUpdates: [update],
                components: listed(maintenance.components))
        }
    }

    /// The worse of what the parts and what the open incidents say.
    private static func indicator(_ snapshot: StatusSnapshot) -> Indicator {
        let open = snapshot.openIncidents.map(\.impact)
        if snapshot.overall == .down || open.contains(.critical) { return Indicator(indicator: "critical", description: "Major System Outage") }
        if snapshot.components.contains(where: { $0.status == .down }) || open.contains(.major) {
            return Indicator(indicator: "major", description: "Partial System Outage")
        }
        switch snapshot.overall {
        case .unknown: return Indicator(indicator: "minor", description: "Status Unknown")
        case .degraded, .down: return Indicator(indicator: "minor", description: "Minor Service Outage")
        case .maintenance: return Indicator(indicator: "maintenance", description: "Service Under Maintenance")
        case .operational:
            return open.isEmpty
                ? Indicator(indicator: "none", description: "All Systems Operational")
                : Indicator(indicator: "minor", description: "Minor Service Outage")
        }
    }
}

extension StatusSummary.ListedComponent {
    fileprivate init(_ component: StatusBoard.Component, position: Int, pageID: String) {
        self.init(
            id: component.name, name: StatusPart.title(of: component.name), status: Self.word(component.status), position: position,
            updatedAt: component.checkedAt ?? Date(timeIntervalSince1970: 0), description: Nullable(nil), groupId: Nullable(nil), group: false,
            showcase: true, onlyShowIfDegraded: false, pageId: pageID)
    }

    /// What was looked at once and is not any more is not called well.
    private static func word(_ status: ComponentStatus) -> String {
        switch status {
        case .operational: "operational"
        case .degraded, .unknown: "degraded_performance"
        case .down: "major_outage"
        case .maintenance: "under_maintenance"
        }
    }
}

extension StatusSummary.ListedUpdate {
    fileprivate init(_ update: Incident.Update, of incident: IncidentID) {
        self.init(
            id: "\(update.id)", status: update.state.rawValue, body: update.message, incidentId: "\(incident)", createdAt: update.at,
            updatedAt: update.at, displayAt: update.at)
    }
}

/// Says null where the format has a member without a value.
struct Nullable<Value: Encodable>: Encodable {
    let value: Value?

    init(_ value: Value?) {
        self.value = value
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let value { try container.encode(value) } else { try container.encodeNil() }
    }
}
