import Contracts
import Foundation
import Postgres

/// Takes mail out of the ledger to people who must not be written to: asked when mail is taken in, and again in the transaction that claims it.
struct SuppressionFence: Sendable {
    let erased: ErasedOptOuts

    /// Marks those of the picked mails that nobody has begun as suppressed, for good; their identifying columns and new versions.
    func takeOut(_ picked: [(TenantID, UUID)], now: Date, in transaction: Transaction) async throws -> [Row] {
        let named = try await transaction.query(
            """
            update sends s set state = 'suppressed', version = s.version + 1, resolved_at = \(now)
            from unnest(\(picked.map(\.0)), \(picked.map(\.1))) as p (tenant_id, id)
            where s.tenant_id = p.tenant_id and s.id = p.id and s.state in ('planned', 'deferred')
              and not s.passes_suppression and \(SuppressionConditions.blocksMail(at: now))
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id, s.reservation_id
            """)
        // In this order: an address that becomes a digest between the two statements is found by the second.
        return Array(named) + (try await erased.suppress(picked, now: now, in: transaction))
    }

    /// What has to be written about mails that were taken out: their reservations get them back.
    static func release(_ rows: [Row]) throws -> SQL? {
        let reserved = try rows.compactMap { row in
            try row.decodeOptional("reservation_id", as: ReservationID.self).map { (try row.decode("tenant_id", as: TenantID.self), $0) }
        }
        return reserved.isEmpty ? nil : SettlementStore.release(reserved)
    }
}
