import Contracts
import Foundation
import Postgres
import Primitives

/// Looks at every entry before it is signed away: whoever has the database in hand could else give an entry another month, and have this service
/// sign that it lapsed.
struct PruningCheck: Sendable {
    private static let batch = 2_000

    /// Why an entry must stay.
    struct Refusal: Error, CustomStringConvertible {
        let tenant: TenantID
        let seq: Int64
        let reason: String

        var description: String { "entry \(seq) of \(tenant) \(reason)" }
    }

    let now: Date

    /// All entries of a class and month; in the transaction that drops them, under its locks. Throws ``Refusal``.
    func check(_ kept: RetentionClass, month: String, in transaction: Transaction) async throws {
        var last = Place(tenant: .zero, id: .zero)
        while true {
            let rows = try await transaction.query(
                """
                select \(TrailStore.columns) from \(TrailStore.source)
                where e.class = \(kept.rawValue) and e.id >= trail_month_start(\(month)::date)
                  and e.id < trail_month_start((\(month)::date + interval '1 month')::date)
                  and (e.tenant_id, e.id) > (\(last.tenant), \(last.id))
                order by e.tenant_id, e.id limit \(Self.batch)
                """)
            for row in rows { try check(row, kept) }
            try await checkTiles(rows, in: transaction)
            guard rows.count == Self.batch, let end = rows.last else { return }
            last = Place(tenant: try end.decode("tenant_id"), id: try end.decode("id"))
        }
    }

    /// The entries that `trail_held_lapsed` names. Throws ``Refusal``.
    func checkHeld(atMost limit: Int32, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select \(TrailStore.columns), c.class as frozen from trail_held_lapsed(\(limit)) l
            join trail_events e on e.tenant_id = l.tenant_id and e.id = l.id and e.class = 'hold'
            join trail_classes c on c.tenant_id = l.tenant_id and c.month = date_trunc('month', e.occurred_at at time zone 'UTC')::date
            left join trail_details d on d.tenant_id = e.tenant_id and d.id = e.id and d.class = e.class
            """)
        for row in rows { try check(row, try row.decode("frozen")) }
        try await checkTiles(rows, in: transaction)
    }

    private struct Place {
        let tenant: TenantID
        let id: EventID
    }

    /// Its content is what was hashed, and by what was hashed its time is over.
    private func check(_ row: Row, _ kept: RetentionClass) throws {
        let entry = try TrailStore.entry(row)
        let seq: Int64 = try row.decode("seq")
        guard try TrailStore.leafHash(row) == row.decode("leaf", as: Data.self) else {
            throw Refusal(tenant: entry.tenant, seq: seq, reason: "is not what was written")
        }
        guard entry.id.uuid.v7Instant == entry.occurredAt, kept.isOver(month: TrailTime(entry.occurredAt).month, at: now) else {
            throw Refusal(tenant: entry.tenant, seq: seq, reason: "is not old enough")
        }
    }

    /// Each stands in its company's tree, at its number.
    private func checkTiles(_ rows: Rows, in transaction: Transaction) async throws {
        var leaves: [TenantID: [(seq: Int64, leaf: Data)]] = [:]
        for row in rows { leaves[try row.decode("tenant_id"), default: []].append((try row.decode("seq"), try row.decode("leaf"))) }
        for (tenant, entries) in leaves {
            let nodes = entries.map { MerkleProof.Position(height: 0, index: $0.seq - 1) }
            let tiles = try await TileSet.read(nodes, of: tenant, in: transaction)
            for (entry, node) in zip(entries, nodes) where tiles.hash(of: node) != entry.leaf {
                throw Refusal(tenant: tenant, seq: entry.seq, reason: "is not what the tree has there")
            }
        }
    }
}
