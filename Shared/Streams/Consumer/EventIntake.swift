import Contracts
import Foundation
import Logging
import Postgres

/// Brings entries into the database: effects once, what cannot be taken into quarantine, the rest of a batch unharmed.
struct EventIntake: Sendable {
    let source: ServiceName
    let database: Database
    let logger: Logger
    let handle: EventConsumer.Handler
    private let metrics: IntakeMetrics

    init(source: ServiceName, database: Database, logger: Logger, handle: @escaping EventConsumer.Handler) {
        self.source = source
        self.database = database
        self.logger = logger
        self.handle = handle
        metrics = IntakeMetrics(source: source.rawValue)
    }

    /// Throws only what may go away by itself; then nothing of what is left was recorded.
    func take(_ entries: [IntakeEntry]) async throws {
        var events: [ReceivedEvent] = []
        for entry in entries {
            switch entry.content {
            case .event(let event): events.append(event)
            case .nothing: break
            case .malformed(let identifier, let type, let body, let reason):
                try await quarantine(identifier ?? UUID(), type: type, body: body, reason: reason)
            }
        }
        try await apply(events[...])
        guard let oldest = events.map(\.header.occurredAt).min() else { return }
        metrics.received(events.count, after: Date.now.timeIntervalSince(oldest))
    }

    private func apply(_ events: ArraySlice<ReceivedEvent>) async throws {
        guard !events.isEmpty else { return }
        do {
            try await database.transaction { transaction in
                let fresh = try await transaction.query(
                    """
                    insert into processed_events (event_id) select * from unnest(\(events.map(\.header.id)))
                    on conflict do nothing returning event_id
                    """)
                var new = Set(try fresh.map { try $0.decode("event_id", as: EventID.self) })
                // An event that stands twice in the batch is handed on once.
                let unseen = events.filter { new.remove($0.header.id) != nil }
                if !unseen.isEmpty { try await handle(unseen, transaction) }
            }
        } catch let error as PostgresError where error.isTransient || error.code == .cancelled {
            throw error
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            guard events.count > 1 else {
                let event = events[events.startIndex]
                try await quarantine(event.header.id.uuid, type: event.header.type, body: event.body, reason: "\(error)")
                return
            }
            let middle = events.startIndex + events.count / 2
            try await apply(events[..<middle])
            try await apply(events[middle...])
        }
    }

    private func quarantine(_ identifier: UUID, type: String, body: [UInt8], reason: String) async throws {
        logger.error("event put into quarantine", metadata: ["event": "\(identifier)", "type": "\(type)", "reason": "\(reason)"])
        metrics.quarantine()
        try await database.transaction { transaction in
            try await transaction.pipeline([
                """
                insert into quarantined_events (event_id, source, type, body, reason)
                values (\(identifier), \(source.rawValue), \(Self.storable(type, 200)), \(Data(body)), \(Self.storable(reason, 1_000)))
                on conflict do nothing
                """,
                "insert into processed_events (event_id) values (\(identifier)) on conflict do nothing",
            ])
        }
    }

    /// Postgres keeps no NUL in a text: what was put away because of one must not fail again for it.
    private static func storable(_ text: String, _ length: Int) -> String {
        String(String(text.unicodeScalars.filter { $0.value != 0 }).prefix(length))
    }

    /// Forgets ids of events heard more than two weeks ago: no outbox keeps a row as long.
    func prune() async throws {
        var deleted: Int
        repeat {
            deleted = try await database.query(
                """
                delete from processed_events where event_id in (
                    select event_id from processed_events where processed_at < now() - interval '14 days' order by processed_at limit 5000)
                """
            ).affected
        } while deleted == 5_000
    }
}
