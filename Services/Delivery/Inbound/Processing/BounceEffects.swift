import Contracts
import Foundation
import Postgres

/// Puts people on the list of those who must not be written to, for what their server or they themselves said of a mail; in the caller's transaction.
struct BounceEffects: Sendable {
    enum Reason: String, Sendable {
        case hardBounce = "hard_bounce"
        /// Three mails in a row came back for reasons that might have passed.
        case softBounces = "soft_bounces"
        case complaint
        case unsubscribed
    }

    /// How many in a row are as good as none that arrives.
    static let softLimit = 3

    /// The recipient in the form of the ledger: of somebody who was forgotten the digest is put there. False when they were there already.
    static func suppress(_ recipient: String, of tenant: TenantID, because reason: Reason, at now: Date, in transaction: Transaction) async throws
        -> Bool
    {
        let digest = ErasedRecipient.digest(of: recipient)
        let address: String? = digest == nil ? recipient : nil
        return try await transaction.query(
            """
            insert into suppressions (tenant_id, address, address_digest, workspace_id, reason, source, created_at)
            values (\(tenant), \(address), \(digest), null, \(reason), 'inbound', \(now)) on conflict do nothing
            """
        ).affected > 0
    }

    /// Whether the last mails to the recipient that went out have all come back for now, this one included.
    static func isSoftLimitReached(_ recipient: String, of tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            select count(*) = \(softLimit) and coalesce(bool_and(m.has_bounced), false) as reached from (
                select exists (
                    select from inbound_facts f where f.tenant_id = s.tenant_id and f.send_id = s.id
                      and f.kind = \(InboundVerdict.Kind.softBounce)) as has_bounced
                from sends s where s.tenant_id = \(tenant) and s.recipient = \(recipient) and s.state = 'accepted'
                order by s.created_at desc, s.id desc limit \(softLimit)) m
            """)[0].decode("reached")
    }
}
