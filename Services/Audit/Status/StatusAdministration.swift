import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// What the staff does to the public status; each act is in the platform's trail, in the same transaction.
struct StatusAdministration: Sendable {
    /// Puts an event into the trail.
    typealias Record = @Sendable (PendingEvent, Transaction) async throws -> Void

    /// Who acts, and the entry for the trail.
    struct Act {
        let actor: EventActor
        let trace: String?
        let audit: (_ action: String, _ target: AuditRecord.Target, _ metadata: [String: String]) -> AuditRecord
    }

    /// Enough for the longest incident; every one is on a public page.
    static let maximumUpdates = 100

    let api: Database
    let worker: Database
    let clock: WallClock
    let record: Record

    func open(_ input: IncidentInput, as act: Act) async throws -> Incident {
        let now = clock.now
        let state = input.state ?? .investigating
        let incident = Incident(
            id: IncidentID(.v7(at: now)), title: input.title, impact: input.impact, state: state, components: input.components,
            automatic: false, startedAt: now, updatedAt: now, resolvedAt: nil,
            updates: [Incident.Update(id: .init(.v7(at: now)), state: state, message: input.message, at: now)])
        let event = try Self.event(of: incident.id, state, "status_incident.open", at: now, act)
        try await worker.transaction { transaction in
            try await IncidentStore.insert(incident, in: transaction)
            try await record(event, transaction)
        }
        return incident
    }

    /// Nil when there is no such incident.
    func update(_ id: IncidentID, _ input: IncidentUpdateInput, as act: Act) async throws -> Incident? {
        let now = clock.now
        let action = input.state == .resolved ? "status_incident.resolve" : "status_incident.update"
        let event = try Self.event(of: id, input.state, action, at: now, act)
        let update = Incident.Update(id: .init(.v7(at: now)), state: input.state, message: input.message, at: now)
        let isThere = try await worker.transaction { transaction -> Bool in
            guard let said = try await IncidentStore.lock(id, in: transaction) else { return false }
            guard said < Self.maximumUpdates else {
                throw Problem.unprocessable(
                    kind: "too_many_updates", title: "An incident takes \(Self.maximumUpdates) updates.", detail: "Open another one.")
            }
            try await IncidentStore.update(id, input, at: now, in: transaction)
            try await IncidentStore.append(update, to: id, in: transaction)
            try await record(event, transaction)
            return true
        }
        guard isThere else { return nil }
        return try await IncidentStore.incident(id, in: api)
    }

    func announce(_ input: MaintenanceInput, as act: Act) async throws -> Maintenance {
        let now = clock.now
        let maintenance = Maintenance(
            id: MaintenanceID(.v7(at: now)), title: input.title, message: input.message, components: input.components,
            startsAt: input.startsAt, endsAt: input.endsAt, cancelledAt: nil, updatedAt: now)
        let event = try Self.event(of: maintenance.id, "status_maintenance.announce", at: now, act)
        try await worker.transaction { transaction in
            try await IncidentStore.insert(maintenance, in: transaction)
            try await record(event, transaction)
        }
        return maintenance
    }

    /// Nil when there is none that could still end.
    func cancel(_ id: MaintenanceID, as act: Act) async throws -> Maintenance? {
        let now = clock.now
        let event = try Self.event(of: id, "status_maintenance.cancel", at: now, act)
        return try await worker.transaction { transaction -> Maintenance? in
            guard let maintenance = try await IncidentStore.cancel(id, at: now, in: transaction) else { return nil }
            try await record(event, transaction)
            return maintenance
        }
    }

    private static func event(
        of incident: IncidentID, _ state: Incident.State, _ action: String, at now: Date, _ act: Act
    ) throws -> PendingEvent {
        try PendingEvent(
            StatusEvents.IncidentChanged(incident: incident, state: state.rawValue), at: now, tenant: nil, actor: act.actor, trace: act.trace,
            audit: act.audit(action, .init(type: "status_incident", id: incident.description), ["state": state.rawValue]))
    }

    private static func event(of maintenance: MaintenanceID, _ action: String, at now: Date, _ act: Act) throws -> PendingEvent {
        try PendingEvent(
            StatusEvents.MaintenanceChanged(maintenance: maintenance), at: now, tenant: nil, actor: act.actor, trace: act.trace,
            audit: act.audit(action, .init(type: "status_maintenance", id: maintenance.description), [:]))
    }
}
