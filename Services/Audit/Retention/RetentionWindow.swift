import Contracts
import Foundation
import Postgres
import Primitives

/// What of its trail a company is shown: nothing older than its plan keeps, nor than its month was frozen to, but for what a legal hold keeps. A
/// lesser plan hides at once.
struct RetentionWindow: Sendable, Equatable {
    /// As the database keeps what a hold covered, after its release (`trail_is_held`).
    private static let grace: TimeInterval = 30 * 86_400
    /// More than may be active at once; one that was released lately is passed over first.
    private static let mostHolds = 200

    let plan: RetentionClass
    /// Shown is what was not too old then.
    let now: Date
    /// The spans that legal holds cover: shown whatever their age.
    var holds: [SearchRange] = []
    /// Under which the company has entries: the partitions of others need not be looked into. Nil: any.
    var classes: [String]?

    init(plan: RetentionClass, now: Date, holds: [SearchRange] = [], classes: [String]? = nil) {
        (self.plan, self.now, self.holds, self.classes) = (plan, now, holds, classes)
    }

    /// Nothing from before this is shown, but for what a hold covers.
    var visibleFrom: Date { plan.floor(at: now) }

    /// For `trail_events e`: what is shown.
    var condition: SQL {
        guard !holds.isEmpty else { return classes.map(kept) ?? kept }
        let shown: SQL = "((\(kept)) or \(SQL.joined(holds.map { Self.covered(by: $0) }, separator: " or ")))"
        return classes.map { "e.class = any(\($0)) and \(shown)" } ?? shown
    }

    /// No partition below is looked into.
    var lowest: UUID { holds.isEmpty ? .lowest(at: visibleFrom) : EventID.zero.uuid }

    /// Of classes that are known: a comparison for each age, most often a single one, since it is made for each of ten thousand entries that are
    /// counted.
    private func kept(_ classes: [String]) -> SQL {
        let floors = Dictionary(grouping: classes) { name in
            max(visibleFrom, (RetentionClass(rawValue: name) ?? .sevenYears).floor(at: now))
        }
        let parts = floors.sorted { $0.key < $1.key }.map { floor, classes -> SQL in
            "(e.class = any(\(classes)) and e.id >= \(UUID.lowest(at: floor)))"
        }
        return parts.count == 1 ? parts[0] : "(\(SQL.joined(parts, separator: " or ")))"
    }

    /// The first comparison leaves partitions out, the second knows what each month was frozen to.
    private var kept: SQL {
        func lowest(_ kept: RetentionClass) -> UUID { .lowest(at: kept.floor(at: now)) }
        return """
            e.id >= \(UUID.lowest(at: visibleFrom)) and e.id >= case e.class when 'd90' then \(lowest(.quarter))
            when 'y1' then \(lowest(.year)) else \(lowest(.sevenYears)) end
            """
    }

    private static func covered(by hold: SearchRange) -> SQL {
        switch (hold.from, hold.to) {
        case (let from?, let to?): "(e.id >= \(UUID.lowest(at: from)) and e.id < \(UUID.lowest(at: to)))"
        case (let from?, nil): "e.id >= \(UUID.lowest(at: from))"
        case (nil, let to?): "e.id < \(UUID.lowest(at: to))"
        case (nil, nil): "true"
        }
    }

    /// As a request of the company sees it.
    static func read(of tenant: TenantID, at now: Date, in database: Database) async throws -> RetentionWindow {
        try RetentionWindow(try await database.query(as: tenant, question(of: tenant, at: now)), at: now)
    }

    /// What ``init(_:at:)`` reads; asked in the company's name.
    static func question(of tenant: TenantID, at now: Date) -> SQL {
        """
        select p.class, p.classes, h.id is not null as is_hold, h.from_at, h.to_at
        from (
            select (select class from trail_plans where tenant_id = \(tenant)) as class,
                   array(select distinct class from trail_classes where tenant_id = \(tenant)) as classes) p
        left join (
            select id, from_at, to_at from trail_holds
            where tenant_id = \(tenant) and (released_at is null or released_at > \(now.addingTimeInterval(-grace)))
            order by released_at desc nulls first limit \(mostHolds)) h on true
        """
    }

    init(_ rows: Rows, at now: Date) throws {
        let plan = try rows.first?.decodeOptional("class", as: String.self).flatMap { RetentionClass(rawValue: $0) }
        let holds = try rows.filter { try $0.decode("is_hold", as: Bool.self) }.map { row in
            SearchRange(from: try row.decodeOptional("from_at"), to: try row.decodeOptional("to_at"))
        }
        let classes = try rows.first?.decode("classes", as: [String].self) ?? []
        self.init(plan: plan ?? RetentionPlans.unknown, now: now, holds: holds, classes: classes + ["hold"])
    }
}
