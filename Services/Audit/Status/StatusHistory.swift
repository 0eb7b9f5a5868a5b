import Foundation

/// What is known besides the latest looks: read from the database, kept in memory while that is away.
struct StatusHistory: Sendable, Equatable {
    /// Of the last 90 days and all open ones, the newest first.
    var incidents: [Incident] = []
    /// What lasts or is to come, the next first.
    var maintenances: [Maintenance] = []
    /// Up to 90 days of each part, the oldest first.
    var days: [String: [UptimeDay]] = [:]
    /// Nil while nothing was ever read.
    var readAt: Date?

    /// What the probes saw, unless work was announced for now.
    func observed(_ status: ComponentStatus, of component: String, now: Date) -> ComponentStatus {
        let isMaintained = maintenances.contains { $0.isActive(at: now) && $0.components.contains(component) }
        return isMaintained ? .maintenance : status
    }

    /// What is shown: what was observed, or what the staff says in an open incident if that is worse.
    func shown(_ status: ComponentStatus, of component: String, now: Date) -> ComponentStatus {
        let seen = observed(status, of: component, now: now)
        guard seen != .maintenance else { return seen }
        let told = incidents.filter { $0.isOpen && !$0.automatic && $0.components.contains(component) }.map(\.impact.effect)
        return told.reduce(seen) { $1.isWorse(than: $0) ? $1 : $0 }
    }

    mutating func apply(_ change: IncidentChange) {
        switch change {
        case .opened(let incident):
            if !incidents.contains(where: { $0.id == incident.id }) { incidents.insert(incident, at: 0) }
        case .resolved(let id, let update):
            guard let index = incidents.firstIndex(where: { $0.id == id && $0.isOpen && $0.automatic }) else { return }
            incidents[index].state = .resolved
            incidents[index].resolvedAt = update.at
            incidents[index].updatedAt = update.at
            incidents[index].updates.insert(update, at: 0)
        }
    }
}

/// Everything that an answer shows, of one instant: no answer contradicts itself.
struct StatusSnapshot: Sendable {
    let components: [StatusBoard.Component]
    let history: StatusHistory
    let at: Date

    var overall: ComponentStatus { StatusRoutes.overall(components) }

    var openIncidents: [Incident] { history.incidents.filter(\.isOpen) }

    /// Open, or begun or ended in the last seven days.
    var recentIncidents: [Incident] {
        let cut = at.addingTimeInterval(-7 * 86_400)
        return history.incidents.filter { $0.isOpen || $0.startedAt >= cut || $0.updatedAt >= cut }
    }

    /// What lasts or is to come.
    var maintenances: [Maintenance] { history.maintenances.filter { at < $0.end } }
}
