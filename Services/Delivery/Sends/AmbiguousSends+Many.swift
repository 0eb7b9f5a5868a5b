import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Settling many mails of unknown fate at once.
extension AmbiguousSends {
    /// What one request has settled.
    struct Settled: Encodable, Sendable {
        let settled: Int
        /// Persons who were erased are not written to again; of these mails one says `sent` or `not_sent`.
        let skipped: Int
        /// Whether there are more; the same request again goes on.
        let more: Bool
    }

    /// Settled in one transaction.
    static let mostAtOnce = 500

    /// Settles those that fit, the oldest first; each is told to whom it concerns, the trail hears of all in one entry.
    ///
    /// Asked for again it takes those that are left: what is settled does not fit any more.
    func settle(
        _ filter: Filter, as settlement: Settlement, by identity: Identity, audit: @Sendable (_ metadata: [String: String]) -> AuditRecord
    ) async throws -> Settled {
        let now = clock.now
        let tenant = identity.tenant
        let isLiving: SQL = settlement == .resend ? "and not starts_with(recipient, \(ErasedRecipient.prefix))" : ""
        let result = try await worker.transaction { transaction -> Settled in
            let rows = try await transaction.query(
                """
                select id from sends where tenant_id = \(tenant) and state = 'ambiguous' \(filter.condition) \(isLiving)
                order by id limit \(Self.mostAtOnce + 1) for update
                """)
            let found = try rows.prefix(Self.mostAtOnce).map { try $0.decode("id", as: SendID.self) }
            var skipped = 0
            if settlement == .resend {
                skipped = try await transaction.query(
                    """
                    select count(*) as n from sends
                    where tenant_id = \(tenant) and state = 'ambiguous' \(filter.condition) and starts_with(recipient, \(ErasedRecipient.prefix))
                    """)[0].decode("n")
            }
            let done = Settled(settled: found.count, skipped: skipped, more: rows.count > found.count)
            guard !found.isEmpty else { return done }
            switch settlement {
            case .resend: try await planAgain(found.map { (tenant, $0) }, now: now, in: transaction)
            case .sent: try await close(found, of: tenant, as: .accepted, now: now, in: transaction)
            case .notSent: try await close(found, of: tenant, as: .refused, now: now, in: transaction)
            }
            let record = audit(["as": settlement.rawValue, "settled": String(found.count)])
            let told = try found.enumerated().map { number, send in
                try PendingEvent(
                    DeliveryEvents.SendSettled(send: send, settlement: settlement.rawValue), at: now, tenant: tenant, actor: identity.actor,
                    audit: number == 0 ? record : nil)
            }
            try await outbox.append(told, in: transaction)
            return done
        }
        if result.settled > 0 {
            outbox.wake()
            wakeup.signal()
        }
        return result
    }
}
