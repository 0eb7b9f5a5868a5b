import Contracts
import Foundation
import Primitives

enum IncidentKind {}
enum MaintenanceKind {}
typealias IncidentID = EntityID<IncidentKind>
typealias MaintenanceID = EntityID<MaintenanceKind>

/// Something that went wrong, as the public is told.
struct Incident: Encodable, Sendable, Equatable {
    enum Impact: String, Codable, Sendable, CaseIterable {
        case minor, major, critical

        /// How bad a part looks at least while an incident of the staff is open on it.
        var effect: ComponentStatus { self == .critical ? .down : .degraded }
    }

    enum State: String, Codable, Sendable, CaseIterable {
        case investigating, identified, monitoring, resolved
    }

    struct Update: Encodable, Sendable, Equatable {
        let id: UpdateID
        let state: State
        let message: String
        let at: Date
    }

    enum UpdateKind {}
    typealias UpdateID = EntityID<UpdateKind>

    let id: IncidentID
    var title: String
    var impact: Impact
    var state: State
    var components: [String]
    /// Opened by the probes; they also resolve it, unless the staff took it over by writing to it.
    var automatic: Bool
    let startedAt: Date
    var updatedAt: Date
    var resolvedAt: Date?
    /// The newest first.
    var updates: [Update]

    var isOpen: Bool { resolvedAt == nil }
}

/// What the probes say about an incident: kept in memory until the database took it.
enum IncidentChange: Sendable, Equatable {
    case opened(Incident)
    case resolved(IncidentID, Incident.Update)
}

extension Incident {
    /// The incident that the probes open on a part.
    static func automatic(_ id: IncidentID, on part: String, _ status: ComponentStatus, since start: Date, now: Date) -> Incident {
        let title = StatusPart.title(of: part)
        let message =
            status == .down
            ? "\(title) does not work at the moment. We were alerted and are looking into it."
            : "\(title) works with disturbances. We were alerted and are looking into it."
        return Incident(
            id: id, title: status == .down ? "\(title): outage" : "\(title): disturbance", impact: status == .down ? .major : .minor,
            state: .investigating, components: [part], automatic: true, startedAt: start, updatedAt: now, resolvedAt: nil,
            updates: [Update(id: UpdateID(.v7(at: now)), state: .investigating, message: message, at: now)])
    }
}

/// Work that was announced: while it lasts its parts are in maintenance, whatever the probes see.
struct Maintenance: Encodable, Sendable, Equatable {
    let id: MaintenanceID
    let title: String
    let message: String
    let components: [String]
    let startsAt: Date
    let endsAt: Date
    let cancelledAt: Date?
    let updatedAt: Date

    /// When it ends, or ended by being called off.
    var end: Date { cancelledAt.map { min($0, endsAt) } ?? endsAt }

    func isActive(at instant: Date) -> Bool { startsAt <= instant && instant < end }
}
