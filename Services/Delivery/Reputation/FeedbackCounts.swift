import Contracts
import Foundation
import Postgres
import Streams

/// Counts what comes back about mails, each kind once a mail, and lets complaints trip the breaker in the same transaction.
///
/// Whoever appends ``DeliveryEvents/FeedbackReceived`` calls this in that transaction, before it locks mailboxes. A bounce of a mail that the
/// server had refused at once is counted already and not again.
struct FeedbackCounts: Sendable {
    let holds: ComplaintHolds

    private static let kinds: Set<DeliveryEvents.FeedbackKind> = [.hardBounce, .softBounce, .complained, .unsubscribed, .replied]

    /// One thing about one mail, as whoever knows it by its identifier tells it: a click on a link to unsubscribe. False when it was known, or there
    /// is no such mail.
    @discardableResult
    func count(
        _ kind: DeliveryEvents.FeedbackKind, of send: SendID, _ tenant: TenantID, now: Date, in transaction: Transaction
    ) async throws -> Bool {
        let found = try await transaction.query("select send_key from sends where tenant_id = \(tenant) and id = \(send)")
        guard let key: String = try found.first?.decode("send_key") else { return false }
        let feedback = DeliveryEvents.Feedback(kind: kind, sendKey: key, campaign: nil, enrolment: nil, isMachine: false, at: now)
        return try await count([feedback], of: tenant, now: now, in: transaction) > 0
    }

    /// How many were new.
    @discardableResult
    func count(_ feedback: [DeliveryEvents.Feedback], of tenant: TenantID, now: Date, in transaction: Transaction) async throws -> Int {
        let told = feedback.filter { Self.kinds.contains($0.kind) }
        guard !told.isEmpty else { return 0 }
        let complained = told.contains { $0.kind == .complained }
        // One after the other: of two complaints at once neither would see the other, and the line would be crossed unseen.
        if complained {
            try await transaction.query("select pg_advisory_xact_lock(hashtextextended('complaints ' || \(tenant.description), 0))")
        }
        let fresh = try await transaction.query(
            """
            insert into send_feedback (tenant_id, send_id, kind, mailbox_id, day, at)
            select distinct on (s.id, f.kind) s.tenant_id, s.id, f.kind, s.mailbox_id, (\(now)::timestamptz at time zone 'UTC')::date, f.at
            from unnest(\(told.map(\.sendKey)), \(told.map(\.kind.rawValue)), \(told.map(\.at))) as f (send_key, kind, at)
            join sends s on s.tenant_id = \(tenant) and s.send_key = f.send_key
            where not (f.kind = 'hard_bounce' and s.state = 'refused')
            order by s.id, f.kind
            on conflict (tenant_id, send_id, kind) do nothing
            returning mailbox_id, kind
            """)
        guard !fresh.isEmpty else { return 0 }
        var counts: [Lane: ReputationCounts] = [:]
        var complainedOf: Set<UUID> = []
        for row in fresh {
            let mailbox: UUID = try row.decode("mailbox_id")
            let lane = Lane(tenant: tenant, id: mailbox)
            switch try row.decode("kind", as: String.self) {
            case "hard_bounce": counts[lane, default: ReputationCounts()].hardBounces += 1
            case "soft_bounce": counts[lane, default: ReputationCounts()].softBounces += 1
            case "complained":
                counts[lane, default: ReputationCounts()].complaints += 1
                complainedOf.insert(mailbox)
            case "unsubscribed": counts[lane, default: ReputationCounts()].unsubscribes += 1
            default: counts[lane, default: ReputationCounts()].replies += 1
            }
        }
        try await transaction.query(ReputationCounters.add(counts, now: now))
        if !complainedOf.isEmpty { try await holds.look(at: Array(complainedOf), of: tenant, now: now, in: transaction) }
        return fresh.count
    }
}
