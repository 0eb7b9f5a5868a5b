import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Brings snoozed threads back when their time has come, and forgets old conversations.
struct InboxKeeper: Service {
    private static let batch = 500
    /// Facts are read for reputation, which looks back ninety days.
    private static let factDays = 400.0

    let database: Database
    let retentionDays: Int
    let clock: WallClock
    let logger: Logger

    func run() async throws {
        await repeatWork(
            "waking snoozed threads", logger: logger, rest: { try? await Task.sleep(for: .seconds(2)) }, step: { try await wake() == Self.batch })
    }

    /// Those whose time has come are open and unread again; how many.
    @discardableResult
    func wake() async throws -> Int {
        let now = clock.now
        return try await database.transaction { transaction in
            let woken = try await transaction.query(
                """
                with due as materialized (
                    select tenant_id, id from inbox_threads where state = 'snoozed' and snoozed_until <= \(now)
                    order by snoozed_until limit \(Self.batch) for update skip locked)
                update inbox_threads t set state = 'open', snoozed_until = null, is_unread = true
                from due d where t.tenant_id = d.tenant_id and t.id = d.id returning t.tenant_id, t.id
                """
            ).map { (tenant: try $0.decode("tenant_id", as: TenantID.self), thread: try $0.decode("id", as: InboxThreadID.self)) }
            for (tenant, threads) in Dictionary(grouping: woken, by: \.tenant).sorted(by: { $0.key.description < $1.key.description }) {
                try await InboxWriter.stamp(threads.map(\.thread), of: tenant, in: transaction)
            }
            return woken.count
        }
    }

    /// Deletes what has been silent for long enough, a batch at a time.
    func prune() async throws {
        let now = clock.now
        let old = now.addingTimeInterval(-Double(retentionDays) * 86_400)
        while try await pruneThreads(before: old) == Self.batch {}
        let facts = now.addingTimeInterval(-Self.factDays * 86_400)
        var deleted = Self.batch
        while deleted == Self.batch {
            deleted = try await database.query(
                """
                delete from inbound_facts where ctid = any(array(select ctid from inbound_facts where at < \(facts) order by at limit \(Self.batch)))
                """
            ).affected
        }
    }

    /// How many threads went, each with its messages; company by company, each by the index of its own list.
    private func pruneThreads(before old: Date) async throws -> Int {
        try await database.query(
            """
            with old as materialized (
                select t.tenant_id, t.id from inbox_heads h cross join lateral (
                    select o.tenant_id, o.id from inbox_threads o where o.tenant_id = h.tenant_id and o.last_at < \(old)
                    order by o.last_at limit \(Self.batch) for update of o skip locked) t
                limit \(Self.batch)),
            messages as (
                delete from inbox_messages m using old o where m.tenant_id = o.tenant_id and m.thread_id = o.id)
            delete from inbox_threads t using old o where t.tenant_id = o.tenant_id and t.id = o.id
            """
        ).affected
    }
}
