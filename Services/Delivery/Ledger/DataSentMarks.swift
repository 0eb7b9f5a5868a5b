import Contracts
import CoreMetrics
import Postgres

/// Commits, before the first byte of a mail's body, that it may now be on its way.
struct DataSentMarks: Sendable {
    private let group: GroupCommit<Delivery, Bool>
    private let metrics: DeliveryMetrics

    init(database: Database, metrics: DeliveryMetrics = DeliveryMetrics()) {
        self.metrics = metrics
        group = GroupCommit(limit: 200, gathering: .zero) { deliveries in
            let rows = try await database.query(
                """
                update sends s set state = 'data_sent', data_sent_at = now(), data_sent_by = d.hand, version = s.version + 1
                from unnest(\(deliveries.map(\.tenant)), \(deliveries.map(\.send)), \(deliveries.map(\.fence)), \(deliveries.map(\.hand)))
                    as d (tenant_id, id, fence, hand)
                where s.tenant_id = d.tenant_id and s.id = d.id and s.fence = d.fence and s.state = 'claimed'
                returning s.id
                """)
            let marked = Set(try rows.map { try $0.decode("id", as: SendID.self) })
            return deliveries.map { marked.contains($0.send) }
        }
    }

    /// False when the claim was lost meanwhile: then the body must not be sent.
    func mark(_ delivery: Delivery) async throws -> Bool {
        let isMarked = try await metrics.mark.measure { try await group.submit(delivery) }
        if !isMarked { metrics.leasesLost.increment() }
        return isMarked
    }
}

/// Thrown before a mail's body when its claim was lost.
struct ClaimLost: Error {}
