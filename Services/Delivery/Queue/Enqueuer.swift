import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import Streams

/// Takes planned mail in: ledger, content and job in one transaction, each send key once for ever.
struct Enqueuer: Sendable {
    let database: Database
    let counters: QueueCounters
    let fence: SuppressionFence
    let optOuts: TrackingOptOuts
    let events: SendEvents
    let clock: WallClock
    let wakeup: Wakeup
    let metrics: DeliveryMetrics
    /// Hears where mail is to go, before it goes there; returns at once.
    var destinations: @Sendable ([String]) -> Void = { _ in }

    func enqueue(_ request: DeliveryRPC.EnqueueSends) async throws -> DeliveryRPC.EnqueueResult {
        let start = ContinuousClock.now
        defer { metrics.enqueue.record(since: start) }
        let result = try await database.transaction { try await enqueue(request, in: $0) }
        wakeup.signal()
        events.outbox.wake()
        destinations(Array(Set(request.sends.map { Self.destination(of: $0.recipient) })))
        return result
    }

    /// In the caller's transaction; whoever commits it signals the dispatcher and wakes the outbox. `passesSuppression`: somebody has said that these
    /// are to go out although their recipients are suppressed.
    func enqueue(
        _ request: DeliveryRPC.EnqueueSends, passesSuppression: Bool = false, in transaction: Transaction
    ) async throws -> DeliveryRPC.EnqueueResult {
        let sends = request.sends
        guard (1...500).contains(sends.count), Set(sends.map(\.sendKey)).count == sends.count,
            sends.allSatisfy({ (1...200).contains($0.sendKey.utf8.count) })
        else { throw RPCError(kind: "invalid_batch", message: "A batch has 1 to 500 sends with different keys of at most 200 bytes.") }
        let tenant = request.tenant
        let now = clock.now
        let mails = try PlannedMail.plan(sends, now: now)
        let wanted = Set(sends.map(\.mailbox))
        let known = try await transaction.query("select id from mailboxes where tenant_id = \(tenant) and id = any(\(Array(wanted)))")
        guard known.count == wanted.count else {
            throw RPCError(kind: "mailbox_not_found", message: "The tenant has no such mailbox.")
        }
        let identifiers = sends.map { _ in SendID(.v7(at: now)) }
        let digests = sends.map { SubjectKey($0.subject).digest(of: tenant) }
        let inserted = try await transaction.query(
            """
            insert into sends (tenant_id, id, send_key, state, workspace_id, campaign_id, enrolment_id, mailbox_id, recipient, reservation_id, created_at,
                               stops_on_reply, subject_digest, passes_suppression)
            select \(tenant), id, send_key, 'planned', workspace_id, campaign_id, enrolment_id, mailbox_id, recipient, reservation_id, \(now),
                stops_on_reply, subject_digest, \(passesSuppression)
            from unnest(\(identifiers), \(sends.map(\.sendKey)), \(sends.map(\.workspace)), \(PostgresOptionals(sends.map(\.campaign))),
                        \(PostgresOptionals(sends.map(\.enrolment))), \(sends.map(\.mailbox)), \(sends.map { $0.recipient.lowercased() }),
                        \(PostgresOptionals(sends.map(\.reservation))), \(sends.map { $0.stopsOnReply ?? true }), \(digests))
                 as n (id, send_key, workspace_id, campaign_id, enrolment_id, mailbox_id, recipient, reservation_id, stops_on_reply, subject_digest)
            on conflict (tenant_id, send_key) do nothing returning id
            """)
        let fresh = Set(try inserted.map { try $0.decode("id", as: SendID.self) })
        // Who must not be written to gets no job: the ledger says so at once, and the quota goes back.
        let blocked = fresh.isEmpty ? [] : try await fence.takeOut(fresh.map { (tenant, $0.uuid) }, now: now, in: transaction)
        if !blocked.isEmpty {
            if let release = try SuppressionFence.release(blocked) { try await transaction.query(release) }
            try await events.append(try blocked.map { try SendEvents.Resolved(row: $0, state: .suppressed, at: now) }, at: now, in: transaction)
        }
        let out = Set(try blocked.map { try $0.decode("id", as: SendID.self) })
        let new = try await optOuts.applied(
            to: zip(identifiers, mails).filter { fresh.contains($0.0) && !out.contains($0.0) }, of: tenant, in: transaction)
        if !new.isEmpty {
            let reopened = StopFence.reopen(new.map(\.1.send), of: tenant).map { [$0] } ?? []
            try await transaction.pipeline(reopened + [content(new, tenant), jobs(new, tenant, now)] + lanes(new, tenant, now))
        }
        metrics.planned(new: new.count, known: sends.count - fresh.count, suppressed: out.count)
        return DeliveryRPC.EnqueueResult(enqueued: fresh.count, known: sends.count - fresh.count)
    }

    private typealias New = [(SendID, PlannedMail)]

    private func content(_ new: New, _ tenant: TenantID) -> SQL {
        let sends = new.map(\.1.send)
        // An array cannot be an element of another: each thread goes as text.
        let threads = sends.map { $0.follows?.postgresText }
        let (opens, clicks) = (sends.map { $0.tracksOpens ?? false }, sends.map { $0.tracksClicks ?? false })
        return """
            insert into send_contents (tenant_id, send_id, recipient_name, subject, text_body, html_body, sending_window, follows,
                                       tracks_opens, tracks_clicks)
            select \(tenant), n.send_id, n.recipient_name, n.subject, n.text_body, n.html_body, n.sending_window, n.follows::text[], n.tracks_opens,
                   n.tracks_clicks
            from unnest(\(new.map(\.0)), \(PostgresOptionals(sends.map(\.recipientName))), \(sends.map(\.subject)), \(sends.map(\.text)),
                        \(PostgresOptionals(sends.map(\.html))), \(PostgresOptionals(new.map(\.1.window))),
                        \(PostgresOptionals(threads)), \(opens), \(clicks))
                 as n (send_id, recipient_name, subject, text_body, html_body, sending_window, follows, tracks_opens, tracks_clicks)
            """
    }

    /// A job has the identifier of its send.
    private func jobs(_ new: New, _ tenant: TenantID, _ now: Date) -> SQL {
        let sends = new.map(\.1.send)
        return """
            insert into jobs (id, queue, kind, tenant_id, workspace_id, campaign_id, enrolment_id, lane_id, destination, priority, run_at, payload,
                              created_at)
            select id, queue, 'email', \(tenant), workspace_id, campaign_id, enrolment_id, lane_id, destination, priority, run_at,
                   \(JobTrace.current), \(now)
            from unnest(\(new.map(\.0)), \(sends.map { WorkQueue(mailPriority: $0.priority).rawValue }), \(sends.map(\.workspace)),
                        \(PostgresOptionals(sends.map(\.campaign))), \(PostgresOptionals(sends.map(\.enrolment))), \(sends.map(\.mailbox)),
                        \(sends.map { Self.destination(of: $0.recipient) }), \(sends.map(\.priority)), \(new.map(\.1.runAt)))
                 as n (id, queue, workspace_id, campaign_id, enrolment_id, lane_id, destination, priority, run_at)
            """
    }

    private func lanes(_ new: New, _ tenant: TenantID, _ now: Date) -> [SQL] {
        let entries = new.map { _, mail in
            (queue: WorkQueue(mailPriority: mail.send.priority).rawValue, lane: Lane(tenant: tenant, id: mail.send.mailbox.uuid), at: mail.runAt)
        }
        let changes = entries.map { QueueChange(queue: $0.queue, waiting: 1, enqueued: 1) }
        return [LaneStore.wake(entries)] + counters.record(changes, now: now)
    }

    /// Who takes mail for what comes after the last @.
    static func destination(of recipient: String) -> String {
        recipient.split(separator: "@").last.map { DestinationProvider.of(domain: $0) } ?? ""
    }
}
