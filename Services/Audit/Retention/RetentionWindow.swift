import Contracts
import Foundation
import Postgres
import Primitives

/// What of its trail a company is shown: nothing older than its plan keeps, nor than its month was frozen to. A lesser plan hides at once.
struct RetentionWindow: Sendable, Equatable {
    let plan: RetentionClass
    /// Shown is what was not too old then.
    let now: Date

    /// Nothing from before this is shown.
    var visibleFrom: Date { plan.floor(at: now) }

    /// For `trail_events e`: what is shown. The first comparison leaves partitions out, the second knows what each month was frozen to.
    var condition: SQL {
        func lowest(_ kept: RetentionClass) -> UUID { .lowest(at: kept.floor(at: now)) }
        return """
            e.id >= \(UUID.lowest(at: visibleFrom)) and e.id >= case e.class when 'd90' then \(lowest(.quarter))
            when 'y1' then \(lowest(.year)) else \(lowest(.sevenYears)) end
            """
    }

    /// As a request of the company sees it.
    static func read(of tenant: TenantID, at now: Date, in database: Database) async throws -> RetentionWindow {
        let known = try await database.query(as: tenant, "select class from trail_plans where tenant_id = \(tenant)").first
        return RetentionWindow(plan: try known?.decode("class", as: RetentionClass.self) ?? RetentionPlans.unknown, now: now)
    }
}
