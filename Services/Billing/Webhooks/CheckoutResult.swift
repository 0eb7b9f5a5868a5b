import Contracts
import Postgres

/// What became of a visit to pay.
enum CheckoutResult {
    struct Known: Sendable {
        let tenant: TenantID
        let pack: String?
    }

    /// The visit that we opened; nil for one of which we know only what Stripe says.
    static func find(_ session: String, in database: Database) async throws -> Known? {
        try await database.query("select tenant_id, pack from checkouts where stripe_session = \(session)").first.map {
            Known(tenant: try $0.decode("tenant_id"), pack: try $0.decodeOptional("pack"))
        }
    }

    /// `completed`, `expired` or `failed`; nil while it may still become any of these. Complete is not paid: some payments take days.
    static func of(_ session: StripeCheckoutSession, event: String) -> String? {
        switch session.status {
        case "expired": "expired"
        case "complete" where session.paymentStatus != "unpaid": "completed"
        case "complete" where event == "checkout.session.async_payment_failed": "failed"
        default: nil
        }
    }

    /// What has ended stays as it ended; only a payment that came after all makes it complete.
    static func close(_ session: String, as result: String, of tenant: TenantID, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update checkouts set status = \(result) where tenant_id = \(tenant) and stripe_session = \(session)
              and (status in ('opening', 'open') or \(result) = 'completed' and status <> 'completed')
            """)
    }
}
