import Contracts
import Foundation
import Postgres
import Primitives

/// What inbound mail and servers' replies say about addresses.
extension Suppressions {
    /// A mail that came back.
    struct Bounce: Sendable {
        let tenant: TenantID
        let send: SendID
        let isHard: Bool
        /// Who noticed, such as `dsn` or `smtp`; at most 128 bytes.
        let source: String
    }

    /// Notes that a mail came back and suppresses its recipient, for the whole company, where the rules say so; in the caller's transaction. Noting
    /// the same mail again changes nothing. Nil when there is no such mail.
    ///
    /// How many soft bounces came in a row is read out of the ledger at this moment: a mail that went out since the last one and did not come back
    /// has ended the row, and mail that arrives costs no write.
    @discardableResult
    func noteBounce(_ bounce: Bounce, in transaction: Transaction) async throws -> SuppressionRules.Verdict? {
        let now = clock.now
        guard let mail = try await mail(bounce.send, of: bounce.tenant, in: transaction) else { return nil }
        var inARow = 0
        if !bounce.isHard {
            let answers = try await transaction.pipeline([
                """
                insert into soft_bounces (tenant_id, recipient, send_id, at) values (\(bounce.tenant), \(mail.recipient), \(bounce.send), \(now))
                on conflict do nothing
                """,
                """
                select b.send_id is not null as came_back from sends s
                left join soft_bounces b on b.tenant_id = s.tenant_id and b.recipient = s.recipient and b.send_id = s.id
                where s.tenant_id = \(bounce.tenant) and s.recipient = \(mail.recipient)
                  and (s.id = \(bounce.send) or s.state in ('accepted', 'refused') and s.resolved_at <= \(mail.endedAt))
                order by s.resolved_at desc nulls first, s.id desc limit \(SuppressionRules.softBounces)
                """,
            ])
            inARow = SuppressionRules.inARow(try answers[1].map { try $0.decode("came_back") })
        }
        let verdict = SuppressionRules.verdict(isHard: bounce.isHard, softInARow: inARow)
        if case .suppress(let reason) = verdict {
            try await suppress(
                mail.recipient, of: bounce.tenant, because: reason, .tenant,
                .init(source: bounce.source, createdBy: "send:\(bounce.send)"), now: now, in: transaction)
        }
        return verdict
    }

    /// Suppresses the recipient of a mail that was reported as unwanted, for the whole company; false when there is no such mail.
    @discardableResult
    func noteComplaint(tenant: TenantID, send: SendID, source: String, in transaction: Transaction) async throws -> Bool {
        guard let mail = try await mail(send, of: tenant, in: transaction) else { return false }
        try await suppress(
            mail.recipient, of: tenant, because: .complaint, .tenant, .init(source: source, createdBy: "send:\(send)"), now: clock.now,
            in: transaction)
        return true
    }

    /// One recipient in the ledger's form, known or forgotten; whether that is new.
    @discardableResult
    func suppress(
        _ recipient: String, of tenant: TenantID, because reason: SuppressionReason, _ scope: SuppressionStore.Scope,
        _ origin: SuppressionStore.Origin, expiresAt: Date? = nil, except told: EnrolmentID? = nil,
        by optOut: DeliveryEvents.OptOut? = nil, now: Date, in transaction: Transaction
    ) async throws -> Bool {
        let entry = SuppressionStore.Entry(subject: recipient, reason: reason, expiresAt: expiresAt)
        guard let digest = ErasedRecipient.digest(of: recipient) else {
            return try await !enter([entry], scope, origin, of: tenant, except: told, by: optOut, now: now, in: transaction).isEmpty
        }
        let store = SuppressionStore(tenant: tenant)
        guard try await store.add(digest: digest, entry, scope, origin, now: now, in: transaction) else { return false }
        let enrolments = try await store.enrolments(of: [recipient], scope, in: transaction).filter { $0 != told }
        try await tell(enrolments, because: reason, by: optOut, tenant: tenant, workspace: scope.workspace, at: now, in: transaction)
        return true
    }

    private struct Mail {
        let recipient: String
        let endedAt: Date
    }

    /// Whoever forgets the person at this moment waits: what is written about the address must not be left behind.
    private func mail(_ send: SendID, of tenant: TenantID, in transaction: Transaction) async throws -> Mail? {
        try await transaction.query(
            """
            select recipient, coalesce(resolved_at, data_sent_at, created_at) as ended_at from sends
            where tenant_id = \(tenant) and id = \(send) for share
            """
        ).first.map { Mail(recipient: try $0.decode("recipient"), endedAt: try $0.decode("ended_at")) }
    }
}
