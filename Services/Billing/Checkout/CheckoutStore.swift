import Contracts
import Foundation
import Postgres

/// The SQL of sessions in which something can be paid; requests may only read them.
enum CheckoutStore {
    private static let columns: SQL = """
        c.id, c.stripe_session, c.purpose, c.plan, c.interval, c.currency, c.pack, c.ui, c.status, c.url, c.created_at, c.expires_at
        """

    /// The one that can still be paid, if any.
    static func open(_ purpose: String, of tenant: TenantID, in database: Database) async throws -> Checkout? {
        try await database.query(
            """
            select \(columns) from checkouts c
            where c.tenant_id = \(tenant) and c.purpose = \(purpose) and c.status in ('opening', 'open')
            """
        ).first.map(checkout)
    }

    static func find(_ id: UUID, of tenant: TenantID, in database: Database) async throws -> Checkout? {
        try await database.query("select \(columns) from checkouts c where c.tenant_id = \(tenant) and c.id = \(id)").first.map(checkout)
    }

    static func status(_ id: UUID, of tenant: TenantID, in database: Database) async throws -> Checkout.Status? {
        try await database.query("select c.status from checkouts c where c.tenant_id = \(tenant) and c.id = \(id)").first?.decode("status")
    }

    /// False when another one is open for the same purpose.
    static func insert(_ checkout: Checkout, of tenant: TenantID, by actor: String, in database: Database) async throws -> Bool {
        let (plan, interval, currency, pack): (String?, String?, String?, String?) =
            switch checkout.order.choice {
            case .plan(let plan, let interval, let currency): (plan, interval.rawValue, currency, nil)
            case .pack(let pack): (nil, nil, nil, pack)
            }
        return try await database.query(
            """
            insert into checkouts (tenant_id, id, purpose, plan, interval, currency, pack, ui, status, created_by, created_at, expires_at)
            values (\(tenant), \(checkout.id), \(checkout.order.purpose), \(plan), \(interval), \(currency), \(pack), \(checkout.order.surface),
                    'opening', \(actor), \(checkout.createdAt), \(checkout.expiresAt))
            on conflict (tenant_id, purpose) where status in ('opening', 'open') do nothing
            """
        ).affected > 0
    }

    /// True for whoever learned first that it is there.
    static func opened(
        _ id: UUID, session: String, url: String?, expiresAt: Date, of tenant: TenantID, in transaction: Transaction
    ) async throws -> Bool {
        try await transaction.query(
            """
            update checkouts set status = 'open', stripe_session = \(session), url = \(url), expires_at = \(expiresAt)
            where tenant_id = \(tenant) and id = \(id) and status = 'opening'
            """
        ).affected > 0
    }

    /// Ends it as it ended, when it is in one of these states; false when it is in another, and stays as it is.
    @discardableResult
    static func close(
        _ id: UUID, as status: Checkout.Status, from states: [Checkout.Status] = [.opening, .open], of tenant: TenantID, in database: Database
    ) async throws -> Bool {
        try await database.query(
            """
            update checkouts set status = \(status)
            where tenant_id = \(tenant) and id = \(id) and status = any(\(states.map(\.rawValue)))
            """
        ).affected > 0
    }

    private static func checkout(_ row: Row) throws -> Checkout {
        let choice: CheckoutOrder.Choice
        if let plan: String = try row.decodeOptional("plan") {
            choice = .plan(plan, try row.decode("interval"), currency: try row.decode("currency"))
        } else {
            choice = .pack(try row.decode("pack"))
        }
        return Checkout(
            id: try row.decode("id"), order: CheckoutOrder(choice: choice, surface: try row.decode("ui")), status: try row.decode("status"),
            session: try row.decodeOptional("stripe_session"), url: try row.decodeOptional("url"), createdAt: try row.decode("created_at"),
            expiresAt: try row.decode("expires_at"))
    }
}
