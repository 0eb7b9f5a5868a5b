import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle

/// Deletes what has run out, in small batches; every replica does it now and then, and none needs to know of the others.
struct Retention: Service {
    let database: Database
    let clock: WallClock
    let logger: Logger

    /// Proofs and challenges count for limits by the hour; a day later nobody asks for them.
    private static let proofs: TimeInterval = 86_400
    /// Devices and mails stay for a look back.
    private static let records: TimeInterval = 30 * 86_400
    private static let batch = 1_000

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await sweep()
                } catch {
                    logger.warning("retention interrupted", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: .seconds(Int64.random(in: 3_000...4_200)))
            }
        }
    }

    /// One round; how many rows went.
    @discardableResult
    func sweep() async throws -> Int {
        var gone = 0
        for statement in Self.statements(now: clock.now) {
            while !Task.isCancelled {
                let deleted = try await database.query(statement).affected
                gone += deleted
                if deleted < Self.batch { break }
            }
        }
        if gone > 0 { logger.info("deleted what has run out", metadata: ["rows": "\(gone)"]) }
        return gone
    }

    private static func statements(now: Date) -> [SQL] {
        let (proofs, records) = (now.addingTimeInterval(-proofs), now.addingTimeInterval(-records))
        return [
            "delete from email_verifications where id in (select id from email_verifications where expires_at < \(proofs) limit \(batch))",
            "delete from password_resets where id in (select id from password_resets where expires_at < \(proofs) limit \(batch))",
            "delete from email_changes where id in (select id from email_changes where expires_at < \(proofs) limit \(batch))",
            "delete from openid_flows where id in (select id from openid_flows where expires_at < \(proofs) limit \(batch))",
            "delete from factor_challenges where id in (select id from factor_challenges where expires_at < \(proofs) limit \(batch))",
            """
            delete from throttles where key in (
                select key from throttles where window_ends_at < \(now) and (blocked_until is null or blocked_until < \(now)) limit \(batch))
            """,
            "delete from sessions where id in (select id from sessions where expires_at < \(records) limit \(batch))",
            "delete from sessions where id in (select id from sessions where revoked_at < \(records) limit \(batch))",
            """
            delete from mails where id in (
                select id from mails where created_at < \(records) and (sent_at is not null or failed_at is not null) limit \(batch))
            """,
            """
            delete from invitations where (tenant_id, id) in (select tenant_id, id from invitations where expires_at < \(records) limit \(batch))
            """,
        ]
    }
}
