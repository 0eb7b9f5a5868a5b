import Contracts
import Foundation
import Postgres

/// When mails that came back for now are as good as an address that takes none.
enum BounceEffects {
    /// How many in a row are as good as none that arrives.
    static let softLimit = 3

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
