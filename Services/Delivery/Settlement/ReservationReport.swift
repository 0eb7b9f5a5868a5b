import Contracts
import Postgres
import RPC

/// What became of the mails of reservations, for whoever gives back what is left of them.
struct ReservationReports: Sendable {
    static let most = 200

    /// Of requests.
    let database: Database

    func read(_ request: DeliveryRPC.ReadReservations) async throws -> [DeliveryRPC.ReservationReport] {
        guard (1...Self.most).contains(request.reservations.count) else {
            throw RPCError(kind: "invalid_batch", message: "A question is about 1 to \(Self.most) reservations.")
        }
        let statement = Self.statement(Array(Set(request.reservations)), of: request.tenant)
        return try await database.query(as: request.tenant, statement).map { row in
            DeliveryRPC.ReservationReport(
                reservation: try row.decode("reservation_id"), used: try row.decode("used"), released: try row.decode("released"),
                open: try row.decode("open"))
        }
    }

    /// One statement and so one moment: the ledger and the settlements change in one commit, and a mail that is open becomes used or released
    /// without ever being neither. An ambiguous mail is used. The states are written as in the index.
    static func statement(_ reservations: [ReservationID], of tenant: TenantID) -> SQL {
        """
        select a.id as reservation_id, coalesce(r.used, 0) as used, coalesce(r.released, 0) as released, o.open
        from unnest(\(reservations)) as a (id)
        left join reservation_settlements r on r.tenant_id = \(tenant) and r.reservation_id = a.id
        cross join lateral (
            select count(*) as open from sends s
            where s.tenant_id = \(tenant) and s.reservation_id = a.id and s.reservation_id is not null
              and s.state in ('planned', 'claimed', 'data_sent', 'deferred')
        ) o
        """
    }
}
