import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// An event that could not be taken in; its body is shown to nobody.
struct QuarantinedEvent: Encodable, Sendable {
    let id: UUID
    let source: String
    let type: String
    let reason: String
    let bytes: Int
    let quarantinedAt: Date
}

/// What waits to be taken in once what kept it out is mended.
struct Quarantine: Sendable {
    /// Of the `_worker` role.
    let database: Database
    let trail: Trail
    let acts: OwnActs

    /// By id, the newest first.
    func list(before start: UUID?, limit: Int) async throws -> [QuarantinedEvent] {
        try await database.query(
            """
            select event_id, source, type, reason, length(body) as bytes, quarantined_at from quarantined_events
            where \(start)::uuid is null or event_id < \(start) order by event_id desc limit \(limit)
            """
        ).map { row in
            QuarantinedEvent(
                id: try row.decode("event_id"), source: try row.decode("source"), type: try row.decode("type"), reason: try row.decode("reason"),
                bytes: try row.decode("bytes"), quarantinedAt: try row.decode("quarantined_at"))
        }
    }

    /// Takes an event in after all. Problems `not_found`, and `still_rejected` with the reason; then it stays where it is.
    func redrive(_ id: UUID, by identity: Identity, audit: AuditRecord) async throws {
        do {
            try await database.transaction { transaction in
                let rows = try await transaction.query("delete from quarantined_events where event_id = \(id) returning source, body")
                guard let row = rows.first else { throw Problem.notFound("event in quarantine") }
                let event = try ReceivedEvent(body: [UInt8](try row.decode("body", as: Data.self)))
                guard event.header.audit != nil else { throw EventRejected("the event does not belong in the trail") }
                try await trail.record([event], from: try row.decode("source", as: ServiceName.self), in: transaction)
                try await acts.record(audit, of: Trail.platform, by: identity.actor, in: transaction)
            }
        } catch let error as EventRejected {
            throw Self.stillRejected(error.reason)
        } catch let error as PostgresError where !error.isTransient && error.code != .cancelled {
            throw Self.stillRejected("the database does not take it")
        }
    }

    private static func stillRejected(_ reason: String) -> Problem {
        Problem.unprocessable(kind: "still_rejected", title: "The event still cannot be taken in.", detail: reason)
    }
}
