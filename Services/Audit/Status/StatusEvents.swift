import Contracts

/// What the staff did to the public status, for the trail; nobody else listens.
enum StatusEvents {
    struct IncidentChanged: Event {
        static let name = "audit.statusIncident.changed"
        var incident: IncidentID
        var state: String
    }

    struct MaintenanceChanged: Event {
        static let name = "audit.statusMaintenance.changed"
        var maintenance: MaintenanceID
    }
}
