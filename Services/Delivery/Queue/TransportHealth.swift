import Contracts
import Postgres

/// How sending fares, from counters and bounded counts.
struct TransportHealthStore: Sendable {
    let database: Database

    func read() async throws -> DeliveryRPC.TransportHealth {
        let rows = try await database.query(
            """
            select coalesce(sum(answered), 0)::bigint as answered, coalesce(sum(unreachable), 0)::bigint as unreachable,
                (select count(*) from (select from jobs where state = 'queued' and run_at <= now() limit 10001) w) as waiting,
                (select count(*) from mailboxes where state = 'active') as active,
                (select count(*) from mailboxes where state = 'stopped') as stopped
            from transport_minutes where minute > now() - interval '15 minutes'
            """)
        let row = rows[0]
        return DeliveryRPC.TransportHealth(
            answered: try row.decode("answered"), unreachable: try row.decode("unreachable"), waiting: try row.decode("waiting"),
            activeMailboxes: try row.decode("active"), stoppedMailboxes: try row.decode("stopped"))
    }
}
