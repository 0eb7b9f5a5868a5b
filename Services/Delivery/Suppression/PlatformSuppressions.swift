import Contracts
import Foundation
import HTTP
import HTTPTypes
import Hummingbird
import Postgres
import Primitives
import Streams

/// Whom nobody writes to from here, kept by the operator's staff.
struct PlatformSuppressions: Sendable {
    struct View: Codable, Sendable {
        let id: SuppressionID
        let address: String
        let reason: SuppressionReason
        let note: String?
        let createdBy: String
        let createdAt: Date
        let expiresAt: Date?

        init(row: Row) throws {
            id = try row.decode("id")
            address = try row.decode("address")
            reason = try row.decode("reason")
            note = try row.decodeOptional("note")
            createdBy = try row.decode("created_by")
            createdAt = try row.decode("created_at")
            expiresAt = try row.decodeOptional("expires_at")
        }
    }

    private static let columns: SQL = "id, address, reason, note, created_by, created_at, expires_at"

    let database: Database
    let outbox: Outbox
    let clock: WallClock

    /// Newest first; with an address what would block it.
    func list(address: String?, before cursor: SuppressionID?, limit: Int) async throws -> [View] {
        let subjects = address.map { SuppressionSubject.blocking($0.lowercased()) }
        return try await database.query(
            """
            select \(Self.columns) from platform_suppressions
            where (\(cursor)::uuid is null or id < \(cursor)) and (\(subjects)::text[] is null or address = any(\(subjects)))
            order by id desc limit \(limit)
            """
        ).map(View.init)
    }

    /// Adds entries, or says anew why and until when; how many were not there.
    func add(_ entries: [SuppressionStore.Entry], by identity: Identity, audit: AuditRecord) async throws -> Int {
        let now = clock.now
        let unique = Dictionary(entries.map { ($0.subject, $0) }) { $1 }.values.sorted { $0.subject < $1.subject }
        let by = "\(identity.actor.kind):\(identity.actor.id)"
        let added = try await database.transaction { transaction in
            let rows = try await transaction.pipeline([
                SuppressionLock.exclusive,
                """
                insert into platform_suppressions as p (id, address, reason, note, created_by, created_at, expires_at)
                select n.id, n.address, n.reason, n.note, \(by)::text, \(now)::timestamptz, n.expires_at
                from unnest(\(unique.map { _ in UUID.v7(at: now) }), \(unique.map(\.subject)), \(unique.map(\.reason.rawValue)),
                            \(PostgresOptionals(unique.map(\.note))), \(PostgresOptionals(unique.map(\.expiresAt))))
                     as n (id, address, reason, note, expires_at)
                on conflict (address) do update set reason = excluded.reason, note = excluded.note, created_by = excluded.created_by,
                    expires_at = excluded.expires_at
                returning p.xmax::text = '0' as is_new
                """,
            ])[1]
            let added = try rows.count { try $0.decode("is_new") }
            try await note(audit, added: rows.count, lifted: 0, identity, at: now, in: transaction)
            return added
        }
        outbox.wake()
        return added
    }

    /// False when there is none.
    func lift(_ id: SuppressionID, by identity: Identity, audit: AuditRecord) async throws -> Bool {
        let now = clock.now
        let gone = try await database.transaction { transaction in
            guard try await transaction.query("delete from platform_suppressions where id = \(id)").affected > 0 else { return false }
            try await note(audit, added: 0, lifted: 1, identity, at: now, in: transaction)
            return true
        }
        outbox.wake()
        return gone
    }

    private func note(_ audit: AuditRecord, added: Int, lifted: Int, _ identity: Identity, at now: Date, in transaction: Transaction) async throws {
        let event = try PendingEvent(
            DeliveryEvents.SuppressionsChanged(added: added, lifted: lifted), at: now, tenant: nil, actor: identity.actor, audit: audit)
        try await outbox.append([event], in: transaction)
    }
}

/// The platform's list under the hands of its staff; companies have no way to it.
struct PlatformSuppressionRoutes {
    let list: PlatformSuppressions

    private struct AddRequest: Codable {
        let entries: [SuppressionRoutes.NewEntry]
    }

    private struct AddAnswer: Encodable {
        let added: Int
        let known: Int
    }

    func add(to router: Router<AppContext>) {
        let group = router.group("/api/v1/platform/system/suppressions")
        group.get { request, context in
            _ = try context.require(staff: .ops, .support)
            let page = try PageRequest(request)
            let address = request.uri.queryParameters["address"].map(String.init)
            guard address.map({ (3...320).contains($0.utf8.count) }) ?? true else {
                throw Problem.invalid("address must be a whole address, or a domain behind its @.", field: "address")
            }
            let found = try await list.list(address: address, before: try page.after(SuppressionID.self), limit: page.limit + 1)
            return try Response.json(Page(found, limit: page.limit) { $0.id })
        }
        group.post { request, context in
            let identity = try context.require(staff: .ops)
            let input = try await request.json(AddRequest.self, limit: 512 * 1024)
            guard (1...500).contains(input.entries.count) else { throw Problem.invalid("entries must have 1 to 500 entries.", field: "entries") }
            var entries: [SuppressionStore.Entry] = []
            for (index, entry) in input.entries.enumerated() {
                entries.append(try SuppressionRoutes.checked(entry, field: "entries[\(index)].", now: list.clock.now))
            }
            let record = context.audit(
                "platform_suppression.add", targets: [.init(type: "platform", id: "suppressions")], metadata: ["entries": String(entries.count)])
            let added = try await list.add(entries, by: identity, audit: record)
            return try Response.json(AddAnswer(added: added, known: Set(entries.map(\.subject)).count - added), status: added > 0 ? .created : .ok)
        }
        group.delete("{id}") { request, context in
            let identity = try context.require(staff: .ops)
            let id = try context.identifier("id", as: SuppressionID.self, called: "suppression")
            guard let reason = try await LiftReason.read(request) else { throw Problem.invalid("Say why.", field: "reason") }
            let record = context.audit(
                "platform_suppression.lift", targets: [.init(type: "suppression", id: id.description)], metadata: ["reason": reason])
            guard try await list.lift(id, by: identity, audit: record) else { throw Problem.notFound("suppression") }
            return Response.noContent
        }
    }
}
