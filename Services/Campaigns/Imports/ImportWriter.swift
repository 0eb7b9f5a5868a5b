import Contracts
import Foundation
import Postgres
import Primitives

/// Rows that go into the database together; no address stands twice.
struct ImportBatch: Sendable {
    static let rows = 5_000
    static let bytes = 8 << 20

    var rows: [LeadRow] = []
    var rejected: [RejectedRow] = []
    /// Rows whose address stood in the batch already; what they say is in its row.
    var repeated: Int64 = 0
    /// About how much memory it takes.
    var size = 0

    var isFull: Bool { rows.count + rejected.count + Int(repeated) >= Self.rows || size >= Self.bytes }
    var isEmpty: Bool { rows.isEmpty && rejected.isEmpty && repeated == 0 }
}

/// Writes batches: in one transaction the leads, what they are attached to, the snapshots to go back to, the counts and the rejected rows.
struct ImportWriter: Sendable {
    /// Why a run cannot go on.
    enum Stop: Error, Equatable {
        /// Cancelled, or taken for dead.
        case notRunning
        case listGone
    }

    let tenant: TenantID
    /// How many leads the plan allows; nil is any number.
    let limit: Int64?
    /// The workspaces whose leads the sender may know of; nil is all. Leads that are in none of them are left wholly alone.
    let visible: [WorkspaceID]?

    /// Rejected rows that are kept of one import; more are only counted.
    static let mostRejected = 100_000

    /// The run as it is after the batch; `suppressed` are those of its addresses that Delivery does not mail.
    func write(
        _ batch: ImportBatch, suppressed: Set<String>, of run: LeadImport, at instant: Date, in transaction: Transaction
    ) async throws -> LeadImport {
        // Locked first and in this order by whoever makes leads: two imports of the same addresses wait for each other instead of dying of it.
        let room = try await LeadCounter.room(under: limit, of: tenant, in: transaction)
        if let list = run.list { try await lock(list, in: transaction) }
        let (rows, left) = try await withinRoom(batch.rows, room, in: transaction)
        var created = 0
        var (listed, updated) = (0, 0)
        if !rows.isEmpty {
            let columns = ImportColumns(rows, suppressed: suppressed, tags: run.tags, at: instant)
            created = try await insert(columns, of: run, at: instant, in: transaction)
            listed = created
            if created < rows.count, run.onDuplicate != .createOnly {
                let touched = try await touch(columns, of: run, at: instant, in: transaction)
                listed += touched.listed
                updated = touched.updated
            }
        }
        var after = run
        let known = Int64(rows.count - created)
        after.rows += Int64(batch.rows.count + batch.rejected.count) + batch.repeated
        after.created += Int64(created)
        after.updated += Int64(updated)
        after.duplicates += known - Int64(updated) + batch.repeated
        after.count(batch.rejected)
        after.count(left)
        after.updatedAt = instant
        var statements = [ImportStore.save(after, of: tenant)]
        if created > 0 { statements.append(LeadCounter.add(Int64(created), of: tenant)) }
        if let list = run.list, listed > 0 {
            statements.append("update lists set leads = leads + \(listed) where tenant_id = \(tenant) and id = \(list)")
        }
        let rejected = Array((batch.rejected + left).prefix(max(0, Self.mostRejected - Int(run.rejected))))
        if !rejected.isEmpty { statements.append(insert(rejected, of: run.id)) }
        guard try await transaction.pipeline(statements)[0].affected == 1 else { throw Stop.notRunning }
        return after
    }

    private func lock(_ list: ListID, in transaction: Transaction) async throws {
        let found = try await transaction.query("select id from lists where tenant_id = \(tenant) and id = \(list) for update")
        if found.isEmpty { throw Stop.listGone }
    }

    /// The rows that the plan has room for, and the others; those of known addresses need none.
    private func withinRoom(_ rows: [LeadRow], _ room: Int64?, in transaction: Transaction) async throws -> ([LeadRow], [RejectedRow]) {
        guard let room, Int64(rows.count) > room else { return (rows, []) }
        let known = Set(
            try await transaction.query("select email from leads where tenant_id = \(tenant) and email = any(\(rows.map(\.email)))")
                .map { try $0.decode("email", as: String.self) })
        var accepted: [LeadRow] = []
        var left: [RejectedRow] = []
        var free = room
        for row in rows {
            if known.contains(row.email) {
                accepted.append(row)
            } else if free > 0 {
                free -= 1
                accepted.append(row)
            } else {
                left.append(RejectedRow(row.record, .init(reason: "lead_limit_reached", value: row.email)))
            }
        }
        return (accepted, left)
    }

    /// New leads with all that belongs to them; how many. They need no snapshot: `import_id` says where they came from.
    private func insert(_ columns: ImportColumns, of run: LeadImport, at instant: Date, in transaction: Transaction) async throws -> Int {
        let listed: SQL =
            if let list = run.list {
                """
                , listed as (
                    insert into list_members (tenant_id, list_id, lead_id, added_at) select \(tenant), \(list), id, \(instant) from fresh)
                """
            } else { "" }
        return try await transaction.query(
            """
            with fresh as (
                insert into leads (tenant_id, id, email, first_name, last_name, company, time_zone, tags, custom, status, status_changed_at,
                    import_id, created_at, updated_at)
                select \(tenant), n.new_id, n.email, n.new_first_name, n.new_last_name, n.new_company, n.new_time_zone, \(columns.rowTags),
                    n.new_custom,
                    case when n.is_suppressed then 'suppressed' else 'active' end, case when n.is_suppressed then \(instant)::timestamptz end,
                    \(run.id)::uuid, \(instant)::timestamptz, \(instant)::timestamptz
                from \(columns.table) on conflict (tenant_id, email) do nothing returning id),
            placed as (
                insert into lead_workspaces (tenant_id, workspace_id, lead_id) select \(tenant), \(run.workspace), id from fresh)
            \(listed)
            select count(*) as created from fresh
            """)[0].decode("created")
    }

    /// Leads that were there: attached to workspace, list and tags, updated where asked for and where a value differs; how many came into the
    /// list, and how many from before the import were updated for the first time. Who they were before goes into `import_changes`, which is also
    /// their history of it: no activity is written beside. Status and opt-outs are not touched.
    private func touch(
        _ columns: ImportColumns, of run: LeadImport, at instant: Date, in transaction: Transaction
    ) async throws -> (listed: Int, updated: Int) {
        let isUpdate = run.onDuplicate == .update
        let values: SQL =
            isUpdate
            ? """
            first_name = coalesce(k.new_first_name, l.first_name), last_name = coalesce(k.new_last_name, l.last_name),
            company = coalesce(k.new_company, l.company), time_zone = coalesce(k.new_time_zone, l.time_zone), custom = k.next_custom,
            """ : ""
        let differs: SQL =
            isUpdate
            ? """
            or row(l.first_name, l.last_name, l.company, l.time_zone, l.custom) is distinct from row(coalesce(k.new_first_name, l.first_name),
                coalesce(k.new_last_name, l.last_name), coalesce(k.new_company, l.company), coalesce(k.new_time_zone, l.time_zone),
                k.next_custom)
            """ : ""
        let nextCustom: SQL =
            isUpdate
            ? "case when pg_column_size(l.custom || n.new_custom) > \(LeadRow.longestCustom) then l.custom else l.custom || n.new_custom end"
            : "l.custom"
        let isVisible: SQL =
            if let visible {
                """
                and exists (
                    select from lead_workspaces v where v.tenant_id = \(tenant) and v.lead_id = l.id and v.workspace_id = any(\(visible)))
                """
            } else { "" }
        let listed: SQL =
            if let list = run.list {
                """
                insert into list_members (tenant_id, list_id, lead_id, added_at)
                select \(tenant), \(list), id, \(instant) from known on conflict do nothing returning lead_id
                """
            } else { "select id as lead_id from known where false" }
        let row = try await transaction.query(
            """
            with known as materialized (
                select l.id, l.revision, l.first_name, l.last_name, l.company, l.time_zone, l.custom, l.tags,
                    -- The revision that the lead has if nobody but this import has changed it since the import came to it.
                    coalesce(p.after_revision, case when l.import_id = \(run.id) then 1 else l.revision end) as expected_revision,
                    -- Whether an earlier row of the import made it, or has updated it.
                    (l.import_id = \(run.id)) is true or (p.kind = 'updated') is true as is_counted,
                    n.new_first_name, n.new_last_name, n.new_company, n.new_time_zone, \(nextCustom) as next_custom,
                    -- As many of the new tags as the lead takes.
                    (l.tags || array(select t from unnest(\(columns.rowTags)) t where t <> all(l.tags)))
                        [1:greatest(\(LeadTags.most), cardinality(l.tags))] as next_tags
                from \(columns.table) join leads l on l.tenant_id = \(tenant) and l.email = n.email
                left join import_changes p on p.tenant_id = \(tenant) and p.import_id = \(run.id) and p.lead_id = l.id
                where l.id <> n.new_id \(isVisible) order by l.id for update of l),
            placed as (
                insert into lead_workspaces (tenant_id, workspace_id, lead_id)
                select \(tenant), \(run.workspace), id from known on conflict do nothing returning lead_id),
            listed as (\(listed)),
            changed as (
                update leads l set \(values)
                    tags = k.next_tags, revision = l.revision + 1, updated_at = \(instant)
                from known k where l.tenant_id = \(tenant) and l.id = k.id and (l.tags <> k.next_tags \(differs))
                returning l.id, l.revision),
            noted as (
                insert into import_changes as i (tenant_id, import_id, lead_id, kind, before, after_revision, has_added_workspace, has_added_list,
                    added_tags)
                select \(tenant), \(run.id), k.id, case when \(isUpdate) and c.id is not null then 'updated' else 'attached' end,
                    case when \(isUpdate) and c.id is not null then jsonb_build_object('first_name', k.first_name, 'last_name', k.last_name,
                        'company', k.company, 'time_zone', k.time_zone, 'custom', k.custom) end,
                    case when k.revision = k.expected_revision then coalesce(c.revision, k.revision) else k.expected_revision end,
                    w.lead_id is not null, m.lead_id is not null, k.next_tags[cardinality(k.tags) + 1:]
                from known k left join changed c on c.id = k.id left join placed w on w.lead_id = k.id left join listed m on m.lead_id = k.id
                where c.id is not null or w.lead_id is not null or m.lead_id is not null
                on conflict (tenant_id, import_id, lead_id) do update set
                    kind = case when 'updated' in (i.kind, excluded.kind) then 'updated' else 'attached' end,
                    before = coalesce(i.before, excluded.before), after_revision = excluded.after_revision,
                    has_added_workspace = i.has_added_workspace or excluded.has_added_workspace,
                    has_added_list = i.has_added_list or excluded.has_added_list, added_tags = i.added_tags || excluded.added_tags)
            select (select count(*) from listed) as listed,
                (select count(*) from changed c join known k on k.id = c.id where \(isUpdate) and not k.is_counted) as updated
            """)[0]
        return (listed: try row.decode("listed"), updated: try row.decode("updated"))
    }

    private func insert(_ rejected: [RejectedRow], of run: ImportID) -> SQL {
        """
        insert into import_errors (tenant_id, import_id, line, reason, field, value, raw)
        select \(tenant), \(run), * from unnest(\(rejected.map(\.error.line)), \(rejected.map(\.error.reason)),
            \(PostgresOptionals(rejected.map(\.error.field))), \(PostgresOptionals(rejected.map(\.error.value))), \(rejected.map(\.raw)))
        on conflict do nothing
        """
    }
}

/// The rows as columns: arrays, each one parameter.
private struct ImportColumns {
    /// `n`, with an identifier for each row in case its lead is new.
    let table: SQL
    /// The tags of a row of `n`: its own with those of the whole import, or the latter.
    let rowTags: SQL

    init(_ rows: [LeadRow], suppressed: Set<String>, tags: [String], at instant: Date) {
        // A row's tags travel as one text, since an array of arrays would have to be a rectangle; no tag holds a control character.
        let own: [String?] = rows.map { row in row.tags.isEmpty ? nil : LeadTags.union(tags, row.tags).joined(separator: "\u{1F}") }
        table = """
            unnest(\(rows.map { _ in UUID.v7(at: instant) }), \(rows.map(\.email)), \(PostgresOptionals(rows.map(\.firstName))),
                \(PostgresOptionals(rows.map(\.lastName))), \(PostgresOptionals(rows.map(\.company))), \(PostgresOptionals(rows.map(\.timeZone))),
                \(rows.map { PostgresJSON(text: $0.custom) }), \(PostgresOptionals(own)), \(rows.map { suppressed.contains($0.email) }))
                as n (new_id, email, new_first_name, new_last_name, new_company, new_time_zone, new_custom, own_tags, is_suppressed)
            """
        rowTags = "coalesce(string_to_array(n.own_tags, chr(31)), \(tags)::text[])"
    }
}
