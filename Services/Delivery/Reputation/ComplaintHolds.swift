import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres
import Streams

/// Holds the mailboxes of whom too many recipients complain about, and lets them go when somebody says so.
///
/// A hold pauses the mailboxes that send, says why in each, and stands until it is ended: mailboxes that are connected or resumed meanwhile stay
/// paused, and the dispatcher passes over whatever a hold covers.
struct ComplaintHolds: Sendable {
    let outbox: Outbox

    // MARK: - Tripping

    /// Looks at the domains of these mailboxes and at their tenant, in the transaction that counted the complaint.
    func look(at mailboxes: [UUID], of tenant: TenantID, now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select 'domain' as scope, d.domain as subject, sum(d.complaints)::bigint as complaints, sum(d.accepted)::bigint as accepted
            from reputation_days d
            where d.tenant_id = \(tenant) and d.day > (\(now)::timestamptz at time zone 'UTC')::date - \(ComplaintBreaker.window)::integer
              and d.domain in (select split_part(m.address, '@', 2) from mailboxes m where m.tenant_id = \(tenant) and m.id = any(\(mailboxes)))
            group by d.domain
            union all
            select 'tenant', \(tenant.description), coalesce(sum(t.complaints), 0)::bigint, coalesce(sum(t.accepted), 0)::bigint
            from reputation_days t
            where t.tenant_id = \(tenant) and t.day > (\(now)::timestamptz at time zone 'UTC')::date - \(ComplaintBreaker.window)::integer
            order by 1, 2
            """)
        for row in rows {
            let (complaints, accepted): (Int, Int) = (try row.decode("complaints"), try row.decode("accepted"))
            guard let level = ComplaintBreaker.level(complaints: complaints, accepted: accepted) else { continue }
            try await hold(
                try row.decode("scope"), try row.decode("subject"), level, complaints: complaints, accepted: accepted, of: tenant, now: now,
                in: transaction)
        }
    }

    /// A hold that stands is only ever raised.
    private func hold(
        _ scope: ComplaintHold.Scope, _ subject: String, _ level: ComplaintBreaker.Level, complaints: Int, accepted: Int, of tenant: TenantID,
        now: Date, in transaction: Transaction
    ) async throws {
        let reason = ComplaintBreaker.reason(level, complaints: complaints, accepted: accepted)
        let changed = try await transaction.query(
            """
            insert into complaint_holds as h (tenant_id, scope, subject, level, complaints, accepted, reason, held_since)
            values (\(tenant), \(scope), \(subject), \(level), \(complaints), \(accepted), \(reason), \(now))
            on conflict (tenant_id, scope, subject) do update set level = excluded.level, complaints = excluded.complaints,
                accepted = excluded.accepted, reason = excluded.reason, held_since = excluded.held_since
            where h.level = 'pause' and excluded.level = 'stop'
            """)
        guard changed.affected > 0 else { return }
        let paused = try await transaction.query(
            """
            with hit as materialized (
                select m.tenant_id, m.id, m.state = 'active' as fresh from mailboxes m
                where m.tenant_id = \(tenant) and (\(scope.rawValue) = 'tenant' or split_part(m.address, '@', 2) = \(subject))
                  and (m.state = 'active' or m.complaint_held)
                order by m.tenant_id, m.id for no key update)
            update mailboxes m set state = 'paused', complaint_held = true, state_reason = \(reason), state_since = \(now), updated_at = \(now)
            from hit where m.tenant_id = hit.tenant_id and m.id = hit.id
            returning m.id, m.workspace_id, m.address, hit.fresh
            """)
        var events = [
            try PendingEvent(
                DeliveryEvents.ComplaintsHeld(
                    scope: scope.rawValue, subject: subject, level: level.rawValue, complaints: complaints, accepted: accepted),
                at: now, tenant: tenant, actor: .system("delivery"),
                audit: AuditRecord(
                    action: "complaints.hold", outcome: .failure, targets: [.init(type: scope.rawValue, id: subject)],
                    metadata: ["level": level.rawValue, "reason": reason]))
        ]
        for row in paused where try row.decode("fresh", as: Bool.self) {
            let mailbox: MailboxID = try row.decode("id")
            events.append(
                try PendingEvent(
                    DeliveryEvents.MailboxStopped(mailbox: mailbox, reason: reason), at: now, tenant: tenant,
                    workspace: try row.decode("workspace_id"), actor: .system("delivery"),
                    audit: AuditRecord(
                        action: "mailbox.pause",
                        targets: [.init(type: "mailbox", id: mailbox.description, name: try row.decode("address"))],
                        metadata: ["reason": reason])))
        }
        try await outbox.append(events, in: transaction)
    }

    // MARK: - Who wants to send meanwhile

    /// Pauses a mailbox that became active under a hold, as a new one or one with new settings does.
    static func cover(_ mailbox: MailboxID, of tenant: TenantID, at now: Date, in transaction: Transaction) async throws {
        try await transaction.query(
            """
            update mailboxes m set state = 'paused', complaint_held = true, state_reason = h.reason, state_since = \(now)
            from complaint_holds h
            where m.tenant_id = \(tenant) and m.id = \(mailbox) and m.state = 'active' and \(ComplaintHold.covers)
            """)
    }

    /// Throws the hold that stands over a mailbox: it is ended for all of its stream, not for one mailbox.
    static func requireNone(over mailbox: MailboxID, of tenant: TenantID, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            select h.scope, h.subject, h.level, h.complaints, h.accepted, h.reason, h.held_since
            from mailboxes m join complaint_holds h on \(ComplaintHold.covers)
            where m.tenant_id = \(tenant) and m.id = \(mailbox) order by h.scope desc limit 1
            """)
        guard let row = rows.first else { return }
        throw try ComplaintHold(row: row).problem
    }

    // MARK: - Letting go

    struct Release: Sendable {
        let tenant: TenantID
        let scope: ComplaintHold.Scope
        let subject: String
        /// Staff need not wait for a stop to be a day old.
        let isByStaff: Bool
        let actor: EventActor
        let audit: AuditRecord
    }

    /// Ends a hold; the mailboxes that it had paused send again unless another one covers them. Throws a problem when there is none, or when it
    /// may not be ended yet.
    func release(_ release: Release, now: Date, in transaction: Transaction) async throws -> ComplaintHold {
        let tenant = release.tenant
        let found = try await transaction.query(
            """
            select \(ComplaintHold.columns) from complaint_holds
            where tenant_id = \(tenant) and scope = \(release.scope) and subject = \(release.subject) for update
            """)
        guard let row = found.first else { throw Problem.notFound("hold") }
        let hold = try ComplaintHold(row: row)
        guard release.isByStaff || now >= hold.resumableAt else { throw hold.problem }
        try await transaction.query(
            "delete from complaint_holds where tenant_id = \(tenant) and scope = \(release.scope) and subject = \(release.subject)")
        let covered: SQL = """
            m.tenant_id = \(tenant) and m.complaint_held
            and (\(release.scope.rawValue) = 'tenant' or split_part(m.address, '@', 2) = \(release.subject))
            """
        // Lanes before mailboxes, as the dispatcher locks them.
        try await transaction.query(
            """
            with due as materialized (
                select l.queue, l.tenant_id, l.lane_id from lanes l join mailboxes m on m.tenant_id = l.tenant_id and m.id = l.lane_id
                where \(covered) and l.queue = any(\(WorkQueue.forMail.map(\.rawValue)))
                order by l.queue, l.tenant_id, l.lane_id for update of l)
            update lanes l set next_at = \(now) from due
            where l.queue = due.queue and l.tenant_id = due.tenant_id and l.lane_id = due.lane_id
            """)
        try await transaction.query(
            """
            with locked as materialized (
                select m.tenant_id, m.id from mailboxes m where \(covered) order by m.tenant_id, m.id for no key update),
            other as (
                select m.tenant_id, m.id, min(h.reason) as reason from mailboxes m join complaint_holds h on \(ComplaintHold.covers)
                where m.tenant_id = \(tenant) and m.complaint_held group by m.tenant_id, m.id)
            update mailboxes m set state = case when o.id is null then 'active' else m.state end, complaint_held = o.id is not null,
                state_reason = o.reason, state_since = \(now), updated_at = \(now)
            from locked l left join other o on o.tenant_id = l.tenant_id and o.id = l.id
            where m.tenant_id = l.tenant_id and m.id = l.id
            """)
        let event = try PendingEvent(
            DeliveryEvents.ComplaintsReleased(scope: hold.scope.rawValue, subject: hold.subject, level: hold.level.rawValue), at: now,
            tenant: tenant, actor: release.actor, audit: release.audit)
        try await outbox.append([event], in: transaction)
        return hold
    }
}

extension ComplaintHold {
    /// Why something does not go on under this hold.
    var problem: Problem {
        let how =
            level == .stop
            ? "It may be resumed from \(WireJSON.format(resumableAt)) on." : "Resume the \(scope == .tenant ? "company" : "domain") when you have."
        return Problem(
            .conflict, kind: level == .stop ? "complaint_stop" : "complaint_hold", title: "Complaints hold this stream.", detail: "\(reason). \(how)",
            extensions: [
                "scope": .text(scope.rawValue), "subject": .text(subject), "level": .text(level.rawValue),
                "resumable_at": .text(WireJSON.format(resumableAt)),
            ])
    }
}
