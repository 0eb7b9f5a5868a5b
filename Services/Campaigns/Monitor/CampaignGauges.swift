import Contracts
import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// How the scheduler keeps up: campaigns whose turn is late, batches on their way to Delivery, work of people that waits.
struct CampaignGauges: Sendable {
    static let descriptions: [MetricDescription] = [
        .gauge("campaigns_active", help: "Campaigns that are running."),
        .gauge(
            "campaigns_turn_late_seconds", help: "For how long the running campaign that has waited longest for its turn has; 0 when none is late."),
        .gauge("campaigns_hand_overs_open", help: "Batches on their way to Delivery."),
        .gauge("campaigns_hand_over_oldest_seconds", help: "Age of the oldest batch that is still on its way; 0 without one."),
    ]

    let database: Database
    let logger: Logger

    var background: [any Service] {
        [GaugeSampling("campaigns", every: .seconds(15), logger: logger) { try await sample() }]
    }

    func sample() async throws {
        let row = try await database.query(
            """
            select (select count(*) from campaigns where status = 'active')::float8 as active,
                coalesce((select extract(epoch from now() - next_at) from campaigns where status = 'active' and next_at <= now() and sweeping is null
                    and next_at > '-infinity' order by next_at limit 1), 0)::float8 as late,
                (select count(*) from hand_overs where state = 'open')::float8 as open,
                coalesce((select extract(epoch from now() - min(created_at)) from hand_overs where state = 'open'), 0)::float8 as oldest
            """)[0]
        set("campaigns_active", try row.decode("active"))
        set("campaigns_turn_late_seconds", try row.decode("late"))
        set("campaigns_hand_overs_open", try row.decode("open"))
        set("campaigns_hand_over_oldest_seconds", max(0, try row.decode("oldest", as: Double.self)))
    }

    private func set(_ name: String, _ value: Double) {
        Meter(label: name).set(value)
    }
}
