import Contracts
import Foundation
import HTTP
import Postgres
import Primitives

/// Finds entries of one company's trail, as its people see it: under row-level security, and no older than its plan keeps.
struct TrailSearcher: Sendable {
    /// Up to so many entries that have the words are put in order; where there are more, a walk in order meets enough of them soon.
    private static let mostCandidates = 5_000

    /// Of the `_api` role.
    let database: Database
    let seal: CursorSeal
    let clock: WallClock

    /// The entries that fit, and where they stand.
    private struct Scope {
        let condition: SQL
        let source: SQL
    }

    // MARK: - Pages

    func page(of tenant: TenantID, _ search: TrailSearch, at position: String?, limit: Int) async throws -> TrailPage {
        let now = clock.now
        let cursor = try position.map { try seal.open($0, of: search, for: tenant) }
        var window = SearchRange(from: cursor?.from, to: cursor?.to)
        if cursor == nil { window = try search.window(now: now) }
        let span = window
        return try await inTime(as: tenant, at: now) { transaction, kept in
            let scope = try await scope(search, span, kept, tenant, in: transaction)
            let isBackward = cursor?.isBackward ?? false
            // Together: each question to the database is a round trip and two changes of thread.
            var questions = [Self.statement(scope, search.order, cursor, limit: limit + 1), TrailCheckpoint.question(of: tenant)]
            if cursor == nil { questions.append(Self.counting(scope)) }
            let answers = try await transaction.pipeline(questions)
            let found = try Self.found(answers[0])
            let events = try await Self.events(found.prefix(limit), of: tenant, search.order, isReversed: isBackward, in: transaction)
            let total = cursor == nil ? try TrailTotal(counted: answers[2][0].decode("n")) : cursor?.total
            return TrailPage(
                data: events,
                page: try links(events, hasMore: found.count > limit, search, cursor, span, total, tenant),
                total: total, window: span, checkpoint: try answers[1].first.map { try TrailCheckpoint($0) })
        }
    }

    /// `body` gets what the company is shown; that question goes out with what opens the transaction.
    private func inTime<Value: Sendable>(
        as tenant: TenantID, at now: Date, _ body: (Transaction, RetentionWindow) async throws -> Value
    ) async throws -> Value {
        try await database.inTime(as: tenant, asking: [RetentionWindow.question(of: tenant, at: now)]) { transaction, answers in
            try await body(transaction, try RetentionWindow(answers[0], at: now))
        }
    }

    /// An entry's place: with it only the partitions that hold it are looked into.
    private struct Found: Sendable {
        let id: EventID
        let kept: String
    }

    private static func found(_ rows: Rows) throws -> [Found] {
        try rows.map { Found(id: try $0.decode("id"), kept: try $0.decode("class")) }
    }

    /// The entries that were found, with their details; by the order of the search, or turned round.
    private static func events(
        _ found: ArraySlice<Found>, of tenant: TenantID, _ order: TrailSearch.Order, isReversed: Bool, in transaction: Transaction
    ) async throws -> [TrailEvent] {
        guard !found.isEmpty else { return [] }
        let ids = found.map(\.id)
        let classes = Array(Set(found.map(\.kept)))
        let rows = try await transaction.query(
            """
            select \(TrailStore.columns) from \(TrailStore.source) and d.id = any(\(ids)) and d.class = any(\(classes))
            where e.tenant_id = \(tenant) and e.id = any(\(ids)) and e.class = any(\(classes))
            """)
        var byID: [EventID: TrailEvent] = [:]
        for row in rows {
            let event = try TrailStore.event(row)
            byID[event.id] = event
        }
        let events = ids.compactMap { byID[$0] }
        return isReversed ? events.reversed() : events
    }

    /// The entries as a list that is leafed through by number, for the older form of the platform's view.
    func list(of tenant: TenantID, _ search: TrailSearch, offset: Int, limit: Int) async throws -> (events: [TrailEvent], total: TrailTotal) {
        let now = clock.now
        let window = try search.window(now: now)
        return try await inTime(as: tenant, at: now) { transaction, kept in
            let scope = try await scope(search, window, kept, tenant, in: transaction)
            let answers = try await transaction.pipeline([
                "select e.id, e.class from \(scope.source) where \(scope.condition) order by e.id desc limit \(limit) offset \(offset)",
                Self.counting(scope),
            ])
            let found = try Self.found(answers[0])
            let events = try await Self.events(found[...], of: tenant, .occurred, isReversed: false, in: transaction)
            return (events, TrailTotal(counted: try answers[1][0].decode("n")))
        }
    }

    /// The entry, or nil when there is none that is shown.
    func event(_ id: EventID, of tenant: TenantID) async throws -> TrailEvent? {
        let kept = try await RetentionWindow.read(of: tenant, at: clock.now, in: database)
        return try await database.query(
            as: tenant,
            """
            select \(TrailStore.columns) from \(TrailStore.source)
            where e.tenant_id = \(tenant) and e.id = \(id) and \(kept.condition)
            """
        ).first.map { try TrailStore.event($0) }
    }

    private static func statement(_ scope: Scope, _ order: TrailSearch.Order, _ cursor: TrailCursor?, limit: Int) -> SQL {
        let isBackward = cursor?.isBackward ?? false
        var conditions = [scope.condition]
        let sorting: SQL
        switch order {
        case .occurred:
            if let id = cursor?.id { conditions.append(isBackward ? "e.id > \(id)" : "e.id < \(id)") }
            sorting = isBackward ? "e.id" : "e.id desc"
        case .seq:
            if let seq = cursor?.seq { conditions.append(isBackward ? "e.seq < \(seq)" : "e.seq > \(seq)") }
            sorting = isBackward ? "e.seq desc" : "e.seq"
        }
        return """
            select e.id, e.class from \(scope.source) where \(SQL.joined(conditions, separator: " and "))
            order by \(sorting) limit \(limit)
            """
    }

    /// `hasMore` says whether entries follow in the direction that was read.
    private func links(
        _ events: [TrailEvent], hasMore: Bool, _ search: TrailSearch, _ cursor: TrailCursor?, _ window: SearchRange, _ total: TrailTotal?,
        _ tenant: TenantID
    ) throws -> TrailPage.Links {
        let isBackward = cursor?.isBackward ?? false
        func position(_ event: TrailEvent?, isBackward: Bool) throws -> String? {
            guard let event else { return nil }
            let isBySeq = search.order == .seq
            return try seal.seal(
                TrailCursor(
                    id: isBySeq ? nil : event.id, seq: isBySeq ? event.seq : nil, isBackward: isBackward, from: window.from, to: window.to,
                    total: total), of: search, for: tenant)
        }
        let hasLater = isBackward || hasMore
        var next = hasLater ? try position(events.last, isBackward: false) : nil
        if search.order == .seq {
            // Whoever reads everything once comes back here for what is new, also after an empty page.
            let start = TrailCursor(seq: cursor?.seq ?? 0, from: window.from, to: window.to, total: total)
            next = try position(events.last, isBackward: false) ?? seal.seal(start, of: search, for: tenant)
        }
        let hasEarlier = cursor != nil && (!isBackward || hasMore)
        return TrailPage.Links(
            next: next, prev: hasEarlier ? try position(events.first, isBackward: true) : nil, hasMore: hasLater, order: search.order)
    }

    // MARK: - Counting

    /// Up to one more than is told.
    private static func counting(_ scope: Scope) -> SQL {
        "select count(*) as n from (select 1 from \(scope.source) where \(scope.condition) limit \(TrailTotal.cap + 1)) as found"
    }

    /// How often each value stands in the newest ten thousand entries that fit, and how many of them are of each day in UTC.
    func facets(of tenant: TenantID, _ search: TrailSearch) async throws -> TrailFacets {
        let now = clock.now
        let window = try search.window(now: now)
        let rows = try await inTime(as: tenant, at: now) { transaction, kept in
            let scope = try await scope(search, window, kept, tenant, in: transaction)
            return try await transaction.query(
                """
                with found as materialized (
                    select e.action, e.outcome, e.actor_kind, e.actor_id, e.source, e.occurred_at from \(scope.source) where \(scope.condition)
                    order by e.id desc limit \(TrailTotal.cap + 1)),
                counted as (
                    select 'action' as field, action as value, count(*) as n from found group by action
                    union all select 'outcome', outcome, count(*) from found group by outcome
                    union all select 'actor.type', actor_kind, count(*) from found group by actor_kind
                    union all select 'actor', actor_id, count(*) from found group by actor_id
                    union all select 'source', source, count(*) from found group by source
                    union all select 'day', to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD') as day, count(*) from found group by day),
                ranked as (select field, value, n, row_number() over (partition by field order by n desc, value) as place from counted)
                select field, value, n from ranked where place <= case field when 'day' then 400 else 20 end order by field, place
                """)
        }
        return try TrailFacets(rows)
    }

    // MARK: - What fits

    private func scope(
        _ search: TrailSearch, _ window: SearchRange, _ kept: RetentionWindow, _ tenant: TenantID, in transaction: Transaction
    ) async throws -> Scope {
        var conditions: [SQL] = ["e.tenant_id = \(tenant)", kept.condition]
        if let from = window.from { conditions.append("e.id >= \(UUID.lowest(at: from))") }
        if let to = window.to { conditions.append("e.id < \(UUID.lowest(at: to))") }
        conditions += search.terms.map { SearchCompiler.condition($0, tenant: tenant) }
        if let ids = try await candidates(search, window, kept, in: transaction) { conditions.append("e.id = any(\(ids))") }
        return Scope(
            condition: SQL.joined(conditions, separator: " and "),
            source: SearchCompiler.needsDetails(search.terms) ? TrailStore.source : "trail_events e")
    }

    /// All that the index of words and metadata finds; nil when it was not asked, or finds too much to be of use.
    private func candidates(
        _ search: TrailSearch, _ window: SearchRange, _ kept: RetentionWindow, in transaction: Transaction
    ) async throws -> [EventID]? {
        let driver = SearchCompiler.driver(of: search.terms)
        guard !driver.isEmpty else { return nil }
        let classes = kept.classes ?? RetentionClass.allCases.map(\.rawValue) + ["hold"]
        let lowest = window.from.map { UUID.lowest(at: $0) } ?? kept.lowest
        let rows = try await transaction.query(
            """
            select id from find_trail_events(
                \(driver.words), \(driver.prefixes), \(driver.entries), \(Self.mostCandidates + 1), \(classes), \(lowest)) as found (id)
            """)
        return rows.count > Self.mostCandidates ? nil : try rows.map { try $0.decode("id", as: EventID.self) }
    }
}
