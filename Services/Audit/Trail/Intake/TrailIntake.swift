import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// The SQL that adds to the trail; all of it runs in one transaction, under the locks of the heads.
enum TrailIntake {
    /// Locks the companies' heads in the order of their ids, so that two who add to the same ones never wait for each other; with what was signed
    /// last, and how far the tiles go.
    static func lockHeads(of tenants: [TenantID], in transaction: Transaction) async throws -> [StoredHead] {
        let sorted = tenants.sorted { $0.description < $1.description }
        let answers = try await transaction.pipeline([
            "insert into trail_heads (tenant_id) select * from unnest(\(sorted)) on conflict do nothing",
            "select tenant_id, size, frontier from trail_heads where tenant_id = any(\(sorted)) order by tenant_id for update",
            """
            select n.tenant_id, c.size, c.root, c.note, c.at from unnest(\(sorted)) as n (tenant_id)
            cross join lateral (
                select size, root, note, at from trail_checkpoints where tenant_id = n.tenant_id order by size desc limit 1) c
            """,
            """
            select h.tenant_id, l.level, length(t.hashes) as bytes
            from trail_heads h cross join generate_series(0, \(Int32(StoredHead.levels - 1))) as l (level)
            join trail_tiles t on t.tenant_id = h.tenant_id and t.level = l.level and t.tile = h.size >> (8 * l.level + 8)
            where h.tenant_id = any(\(sorted))
            """,
        ])
        var heads: [TenantID: StoredHead] = [:]
        for row in answers[1] {
            let tenant: TenantID = try row.decode("tenant_id")
            heads[tenant] = StoredHead(tenant: tenant, size: try row.decode("size"), frontier: try row.decode("frontier"))
        }
        for row in answers[2] { heads[try row.decode("tenant_id", as: TenantID.self)]?.checkpoint = try TrailCheckpoint(row) }
        for row in answers[3] {
            let bytes: Int = try row.decode("bytes")
            heads[try row.decode("tenant_id", as: TenantID.self)]?.tileBytes[try row.decode("level", as: Int.self)] = bytes
        }
        return Array(heads.values)
    }

    /// Puts events whose tree is damaged away until somebody has mended it, and has them taken in again.
    static func park(
        _ events: [ReceivedEvent], from source: ServiceName, because damages: [TenantID: TreeDamage], in transaction: Transaction
    ) async throws {
        let reasons = events.map { event in "the tree is damaged: \(damages[event.header.tenant ?? Trail.platform]?.description ?? "")" }
        try await transaction.query(
            """
            insert into quarantined_events (event_id, source, type, body, reason)
            select n.id, \(source.rawValue), n.type, n.body, n.reason
            from unnest(\(events.map(\.header.id)), \(events.map(\.header.type)), \(events.map { Data($0.body) }), \(reasons))
                as n (id, type, body, reason)
            on conflict do nothing
            """)
    }

    /// Which of these stand in the trail already; to be asked under the locks.
    static func known(_ entries: [TrailEntry], in transaction: Transaction) async throws -> Set<EntryKey> {
        let rows = try await transaction.query(
            """
            select e.tenant_id, e.id from unnest(\(entries.map(\.tenant)), \(entries.map(\.id))) as n (tenant_id, id)
            join trail_events e on e.tenant_id = n.tenant_id and e.id = n.id
            """)
        return Set(try rows.map { EntryKey(tenant: try $0.decode("tenant_id"), id: try $0.decode("id")) })
    }

    /// How long each company's month is kept: settled here if it is the month's first entry, by what the plan says now. While nobody knows the plan
    /// it is the longest: what was kept too long can be hidden, what is gone cannot be brought back.
    static func classes(of entries: [TrailEntry], in transaction: Transaction) async throws -> [MonthKey: String] {
        let months = Array(Set(entries.map { MonthKey($0) }))
        let tenants = months.map(\.tenant)
        let days = months.map(\.month)
        let answers = try await transaction.pipeline([
            """
            insert into trail_classes (tenant_id, month, class)
            select n.tenant_id, n.month::date, coalesce(p.class, \(RetentionPlans.undecided.rawValue))
            from unnest(\(tenants), \(days)) as n (tenant_id, month) left join trail_plans p on p.tenant_id = n.tenant_id
            on conflict do nothing
            """,
            """
            select c.tenant_id, to_char(c.month, 'YYYY-MM-DD') as month, c.class
            from unnest(\(tenants), \(days)) as n (tenant_id, month)
            join trail_classes c on c.tenant_id = n.tenant_id and c.month = n.month::date
            """,
        ])
        var classes: [MonthKey: String] = [:]
        for row in answers[1] {
            classes[MonthKey(tenant: try row.decode("tenant_id"), month: try row.decode("month"))] = try row.decode("class", as: String.self)
        }
        return classes
    }

    /// Statements that write the entries.
    static func rows(of entries: [NumberedEntry]) -> [SQL] {
        [events(entries), details(entries), targets(entries)]
    }

    /// What entries added to the trees, and the signed state of each tree.
    static func grow(_ growths: [TreeGrowth], at instant: Date, in transaction: Transaction) async throws {
        let begun = PlacedTile.of(growths) { $0.start == 0 }
        let grown = PlacedTile.of(growths) { $0.start > 0 }
        let answers = try await transaction.pipeline([heads(growths), checkpoints(growths, at: instant), begin(begun), grow(grown)])
        guard answers[0].affected == growths.count, answers[2].affected == begun.count, answers[3].affected == grown.count else {
            throw damaged("the stored tiles are not those of the head")
        }
    }

    private static func heads(_ growths: [TreeGrowth]) -> SQL {
        let tenants = growths.map(\.tenant)
        let sizes = growths.map(\.head.size)
        let frontiers = growths.map(\.head.bytes)
        return """
            update trail_heads h set size = n.size, frontier = n.frontier
            from unnest(\(tenants), \(sizes), \(frontiers)) as n (tenant_id, size, frontier)
            where h.tenant_id = n.tenant_id
            """
    }

    private static func checkpoints(_ growths: [TreeGrowth], at instant: Date) -> SQL {
        let tenants = growths.map(\.tenant)
        let sizes = growths.map(\.head.size)
        let roots = growths.map(\.root)
        let notes = growths.map(\.note)
        return """
            insert into trail_checkpoints (tenant_id, size, root, note, at)
            select n.tenant_id, n.size, n.root, n.note, \(instant)
            from unnest(\(tenants), \(sizes), \(roots), \(notes)) as n (tenant_id, size, root, note)
            """
    }

    private static func begin(_ tiles: [PlacedTile]) -> SQL {
        let tenants = tiles.map(\.tenant)
        let levels = tiles.map { Int32($0.tile.level) }
        let numbers = tiles.map(\.tile.tile)
        let hashes = tiles.map(\.tile.hashes)
        return """
            insert into trail_tiles (tenant_id, level, tile, hashes)
            select * from unnest(\(tenants), \(levels), \(numbers), \(hashes)) on conflict do nothing
            """
    }

    private static func grow(_ tiles: [PlacedTile]) -> SQL {
        let tenants = tiles.map(\.tenant)
        let levels = tiles.map { Int32($0.tile.level) }
        let numbers = tiles.map(\.tile.tile)
        let starts = tiles.map { Int32(32 * $0.tile.start) }
        let hashes = tiles.map(\.tile.hashes)
        return """
            update trail_tiles t set hashes = t.hashes || n.hashes
            from unnest(\(tenants), \(levels), \(numbers), \(starts), \(hashes)) as n (tenant_id, level, tile, start, hashes)
            where t.tenant_id = n.tenant_id and t.level = n.level and t.tile = n.tile and length(t.hashes) = n.start
            """
    }

    private static func events(_ entries: [NumberedEntry]) -> SQL {
        let plain = entries.map(\.entry)
        let workspaces = PostgresOptionals(plain.map(\.workspace))
        let targets = plain.map { PostgresJSON(text: TrailLeaf.targets(of: $0).text) }
        let requests = PostgresOptionals(plain.map(\.request))
        let traces = PostgresOptionals(plain.map(\.trace))
        let sessions = PostgresOptionals(plain.map(\.supportSession))
        let digests = entries.map { PostgresJSON(text: CanonicalJSON($0.digests).text) }
        return """
            insert into trail_events (tenant_id, id, seq, class, occurred_at, recorded_at, workspace_id, type, source, action, outcome, actor_kind,
                                      actor_id, targets, request, trace, support_session, sd, leaf)
            select * from unnest(
                \(plain.map(\.tenant)), \(plain.map(\.id)), \(entries.map(\.seq)), \(entries.map(\.retention)), \(plain.map(\.occurredAt)),
                \(plain.map(\.recordedAt)), \(workspaces), \(plain.map(\.type)), \(plain.map(\.source)), \(plain.map(\.action)),
                \(plain.map(\.outcome)), \(plain.map(\.actorKind)), \(plain.map(\.actorID)), \(targets), \(requests), \(traces), \(sessions),
                \(digests), \(entries.map(\.leaf)))
            """
    }

    private static func details(_ entries: [NumberedEntry]) -> SQL {
        let plain = entries.map(\.entry)
        let details = plain.map(\.details)
        let names = details.map { PostgresJSON(text: $0.canonicalNames.text) }
        let changes = PostgresOptionals(details.map { detail in detail.canonicalChanges.map { PostgresJSON(text: $0.text) } })
        let metadata = PostgresOptionals(details.map { detail in detail.canonicalMetadata.map { PostgresJSON(text: $0.text) } })
        let actors = PostgresOptionals(details.map(\.actorName))
        let addresses = PostgresOptionals(details.map(\.address))
        let agents = PostgresOptionals(details.map(\.userAgent))
        let salts = entries.map { PostgresJSON(text: CanonicalJSON($0.salts).text) }
        return """
            insert into trail_details (tenant_id, id, class, actor_name, target_names, address, user_agent, changes, metadata, salts, words)
            select * from unnest(
                \(plain.map(\.tenant)), \(plain.map(\.id)), \(entries.map(\.retention)), \(actors), \(names), \(addresses), \(agents),
                \(changes), \(metadata), \(salts), \(plain.map(\.words)))
            """
    }

    private static func targets(_ entries: [NumberedEntry]) -> SQL {
        var tenants: [TenantID] = []
        var targets: [String] = []
        var ids: [EventID] = []
        var classes: [String] = []
        for numbered in entries {
            for target in numbered.entry.targetKeys.sorted() {
                tenants.append(numbered.entry.tenant)
                targets.append(target)
                ids.append(numbered.entry.id)
                classes.append(numbered.retention)
            }
        }
        return """
            insert into trail_targets (tenant_id, target, id, class)
            select * from unnest(\(tenants), \(targets), \(ids), \(classes))
            """
    }

    /// Something that no entry can be blamed for: the batch is tried again, and the log says why, until somebody has looked.
    private static func damaged(_ what: String) -> PostgresError {
        PostgresError(.conflict, message: "the trail's tree is damaged: \(what)")
    }
}

/// A tile's growth in the tree that it belongs to.
private struct PlacedTile {
    let tenant: TenantID
    let tile: TileGrowth

    static func of(_ growths: [TreeGrowth], where isMeant: (TileGrowth) -> Bool) -> [PlacedTile] {
        growths.flatMap { growth in growth.tiles.filter(isMeant).map { PlacedTile(tenant: growth.tenant, tile: $0) } }
    }
}

/// An entry's key.
struct EntryKey: Sendable, Hashable {
    let tenant: TenantID
    let id: EventID
}

/// A company's month, by its first day.
struct MonthKey: Sendable, Hashable {
    let tenant: TenantID
    let month: String

    init(tenant: TenantID, month: String) {
        self.tenant = tenant
        self.month = month
    }

    /// The month that the entry's id carries.
    init(_ entry: TrailEntry) {
        self.init(tenant: entry.tenant, month: TrailTime(entry.id.uuid.v7Instant ?? entry.occurredAt).month)
    }
}

/// What a batch adds to one company's tree.
struct TreeGrowth: Sendable {
    let tenant: TenantID
    let head: MerkleFrontier
    let tiles: [TileGrowth]
    let root: Data
    let note: String
}
