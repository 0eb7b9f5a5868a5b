import Foundation
import HTTP
import Hummingbird
import Postgres

/// What waits and what runs of a tenant's mail, queue by queue.
struct QueueRoutes {
    let database: Database

    private struct QueueAnswer: Encodable {
        let name: String
        let waiting: Int
        let delayed: Int
        let active: Int
        let isPaused: Bool
        let pauseReason: String?
    }

    func add(to router: Router<AppContext>) {
        router.get("/api/v1/queue") { _, context in
            let identity = try context.requireIdentity()
            let rows = try await database.query(
                as: identity.tenant,
                """
                select q.name, q.paused_at is not null as paused, q.pause_reason, coalesce(j.waiting, 0) as waiting,
                    coalesce(j.delayed, 0) as delayed, coalesce(j.active, 0) as active
                from job_queues q left join (
                    select queue, count(*) filter (where state = 'queued' and run_at <= now()) as waiting,
                        count(*) filter (where state = 'queued' and run_at > now()) as delayed, count(*) filter (where state = 'running') as active
                    from jobs where tenant_id = \(identity.tenant) and state in ('queued', 'running') group by queue) j on j.queue = q.name
                order by q.name
                """)
            let queues = try rows.map { row in
                QueueAnswer(
                    name: try row.decode("name"), waiting: try row.decode("waiting"), delayed: try row.decode("delayed"),
                    active: try row.decode("active"), isPaused: try row.decode("paused"), pauseReason: try row.decodeOptional("pause_reason"))
            }
            return try Response.json(Page(queues, limit: max(1, queues.count)) { $0.name })
        }
    }
}
