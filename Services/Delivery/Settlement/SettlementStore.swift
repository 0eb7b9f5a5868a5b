import Contracts
import Postgres

/// The SQL of what Billing has to hear about each reservation.
enum SettlementStore {
    struct Open: Sendable {
        let tenant: TenantID
        let reservation: ReservationID
        let used: Int64
        let released: Int64
    }

    static func use(_ mails: [(TenantID, ReservationID)]) -> SQL {
        """
        insert into reservation_settlements as r (tenant_id, reservation_id, used)
        select tenant_id, reservation_id, count(*) from unnest(\(mails.map(\.0)), \(mails.map(\.1))) as m (tenant_id, reservation_id) group by 1, 2 order by 1, 2
        on conflict (tenant_id, reservation_id) do update set used = r.used + excluded.used
        """
    }

    static func release(_ mails: [(TenantID, ReservationID)]) -> SQL {
        """
        insert into reservation_settlements as r (tenant_id, reservation_id, released)
        select tenant_id, reservation_id, count(*) from unnest(\(mails.map(\.0)), \(mails.map(\.1))) as m (tenant_id, reservation_id) group by 1, 2 order by 1, 2
        on conflict (tenant_id, reservation_id) do update set released = r.released + excluded.released
        """
    }

    static func open(limit: Int, in database: Database) async throws -> [Open] {
        try await database.query(
            """
            select tenant_id, reservation_id, used, released from reservation_settlements
            where used <> settled_used or released <> settled_released order by tenant_id, reservation_id limit \(limit)
            """
        ).map { row in
            Open(
                tenant: try row.decode("tenant_id"), reservation: try row.decode("reservation_id"), used: try row.decode("used"),
                released: try row.decode("released"))
        }
    }

    static func markSettled(_ open: Open, in database: Database) async throws {
        try await database.query(
            """
            update reservation_settlements set settled_used = greatest(settled_used, \(open.used)), settled_released = greatest(settled_released, \(open.released))
            where tenant_id = \(open.tenant) and reservation_id = \(open.reservation)
            """)
    }
}
