import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// An event that could not be taken in; its body is shown to nobody.
struct QuarantinedEvent: Encodable, Sendable {
    let id: EventID
    /// Nil for what belongs to no company, and where the body does not even say to which.
    let tenant: TenantID?
    let source: String
    let type: String
    var reason: String
    let bytes: Int
    let quarantinedAt: Date
}

/// What waits to be taken in once what kept it out is mended.
struct Quarantine: Sendable {
    /// Which ones are tried again; nil is any.
    struct Choice: Sendable {
        var source: ServiceName?
        var type: String?
        var tenant: TenantID?
        /// Only those behind this one, by id.
        var after: EventID?
        var limit: Int
    }

    struct Redriven: Encodable, Sendable, Equatable {
        var taken = 0
        var rejected = 0
        /// The last that was tried, when there may be more behind it.
        var next: EventID?
    }

    private enum Outcome: Sendable {
        case taken, gone
        case rejected(String)
    }

    /// That somebody had it taken in, for the platform's own trail.
    private struct Note {
        let record: AuditRecord
        let actor: EventActor
    }

    private static let notTaken = "the database does not take it"
    private static let columns: SQL = "event_id, tenant_id, source, type, reason, bytes, quarantined_at"

    /// Of the `_api` role.
    let api: Database
    /// Of the `_worker` role.
    let worker: Database
    let trail: Trail
    let acts: OwnActs

    // MARK: - Looking

    /// Of all companies and none, by id, the newest first.
    func list(before start: EventID?, limit: Int) async throws -> [QuarantinedEvent] {
        try await worker.query(
            """
            select \(Self.columns) from quarantined_events
            where \(start)::uuid is null or event_id < \(start) order by event_id desc limit \(limit)
            """
        ).map { try Self.event($0) }
    }

    /// A company's, and how many there are of it.
    func list(of tenant: TenantID, before start: EventID?, limit: Int) async throws -> (count: Int, events: [QuarantinedEvent]) {
        let answers = try await api.inTime(as: tenant) { transaction in
            try await transaction.pipeline([
                "select count(*) as n from quarantined_events where tenant_id = \(tenant)",
                """
                select \(Self.columns) from quarantined_events
                where tenant_id = \(tenant) and (\(start)::uuid is null or event_id < \(start)) order by event_id desc limit \(limit)
                """,
            ])
        }
        let events = try answers[1].map { row in
            var event = try Self.event(row)
            event.reason = Self.told(event.reason)
            return event
        }
        return (count: try answers[0][0].decode("n", as: Int.self), events: events)
    }

    /// What Postgres said is for the operator's people; a company is told what the trail's rules say.
    static func told(_ reason: String) -> String {
        reason.prefixMatch(of: #/[a-z_]+( \[[0-9A-Z]{5}\])?: /#) == nil ? reason : notTaken
    }

    private static func event(_ row: Row) throws(PostgresError) -> QuarantinedEvent {
        QuarantinedEvent(
            id: try row.decode("event_id"), tenant: try row.decodeOptional("tenant_id"), source: try row.decode("source"),
            type: try row.decode("type"), reason: try row.decode("reason"), bytes: try row.decode("bytes"),
            quarantinedAt: try row.decode("quarantined_at"))
    }

    // MARK: - Taking in

    /// Takes an event in after all. Problems `not_found`, and `still_rejected` with the reason; then it stays where it is.
    func redrive(_ id: EventID, by identity: Identity, audit: AuditRecord) async throws {
        switch try await take(id, noting: Note(record: audit, actor: identity.staffActor)) {
        case .taken: return
        case .gone: throw Problem.notFound("event in quarantine")
        case .rejected(let reason):
            throw Problem.unprocessable(kind: "still_rejected", title: "The event still cannot be taken in.", detail: reason)
        }
    }

    /// Tries many again, the oldest first, each by itself. That it was done is one entry, made before the first of them, so that
    /// it is there whatever becomes of the rest.
    func redrive(_ choice: Choice, by identity: Identity, audit: AuditRecord) async throws -> Redriven {
        let (source, type, tenant, after) = (choice.source?.rawValue, choice.type, choice.tenant, choice.after)
        let waiting = try await worker.query(
            """
            select event_id from quarantined_events
            where (\(source)::text is null or source = \(source)) and (\(type)::text is null or type = \(type))
              and (\(tenant)::uuid is null or tenant_id = \(tenant)) and (\(after)::uuid is null or event_id > \(after))
            order by event_id limit \(choice.limit)
            """
        ).map { try $0.decode("event_id", as: EventID.self) }
        var record = audit
        record.metadata["found"] = String(waiting.count)
        record.metadata["source"] = source
        record.metadata["type"] = type
        record.metadata["tenant"] = tenant?.description
        let note = record
        try await worker.transaction { transaction in
            try await acts.record(note, of: Trail.platform, by: identity.staffActor, in: transaction)
        }
        var redriven = Redriven()
        if waiting.count == choice.limit { redriven.next = waiting.last }
        for id in waiting {
            switch try await take(id, noting: nil) {
            case .taken: redriven.taken += 1
            case .rejected: redriven.rejected += 1
            case .gone: break
            }
        }
        return redriven
    }

    private func take(_ id: EventID, noting note: Note?) async throws -> Outcome {
        do {
            return try await worker.transaction { transaction -> Outcome in
                let rows = try await transaction.query("delete from quarantined_events where event_id = \(id) returning source, body")
                guard let row = rows.first else { return .gone }
                let event = try ReceivedEvent(body: [UInt8](try row.decode("body", as: Data.self)))
                guard event.header.audit != nil else { throw EventRejected("the event does not belong in the trail") }
                if note != nil {
                    // Both heads at once, since everybody locks them in the order of their ids: one after the other would wait for intake crosswise.
                    let heads = Set([Trail.platform, event.header.tenant ?? Trail.platform])
                    _ = try await TrailIntake.lockHeads(of: Array(heads), in: transaction)
                }
                try await trail.record([event], from: try row.decode("source", as: ServiceName.self), in: transaction)
                // Put away again, since the tree is damaged still: it stays as it was.
                let again = try await transaction.query("select reason from quarantined_events where event_id = \(id)").first
                if let again { throw EventRejected(try again.decode("reason")) }
                if let note { try await acts.record(note.record, of: Trail.platform, by: note.actor, in: transaction) }
                return .taken
            }
        } catch let error as EventRejected {
            return .rejected(error.reason)
        } catch let error as PostgresError where !error.isTransient && error.code != .cancelled {
            return .rejected(Self.notTaken)
        }
    }
}
