import Contracts
import Foundation
import Postgres
import Primitives

/// What a commit adds to and takes from a campaign's counters.
struct CounterChange: Sendable, Equatable {
    private(set) var buckets: [String: Int64] = [:]
    var outstanding: Int64 = 0

    mutating func move(from old: EnrolmentStatus?, to new: EnrolmentStatus) {
        if let old { buckets[old.bucket, default: 0] -= 1 }
        buckets[new.bucket, default: 0] += 1
    }

    mutating func move(_ count: Int64, from old: EnrolmentStatus?, to new: EnrolmentStatus) {
        if let old { buckets[old.bucket, default: 0] -= count }
        buckets[new.bucket, default: 0] += count
    }

    /// A mail is planned, or its last word is heard.
    mutating func note(_ old: EnrolmentSend.State?, _ new: EnrolmentSend.State?) {
        outstanding += (new?.isOutstanding ?? false ? 1 : 0) - (old?.isOutstanding ?? false ? 1 : 0)
    }

    var isEmpty: Bool { outstanding == 0 && buckets.values.allSatisfy { $0 == 0 } }

    /// The statement that applies it; in one, so that the sum never changes by half.
    func statement(_ campaign: CampaignID, of tenant: TenantID) -> SQL {
        func change(_ status: EnrolmentStatus) -> Int64 { buckets[status.bucket] ?? 0 }
        return """
            update campaign_counters set waiting = waiting + \(change(.waiting)), queued = queued + \(change(.queued)),
                deferred = deferred + \(change(.deferred)), held = held + \(change(.held)), finished = finished + \(change(.finished)),
                failed = failed + \(change(.failed)), suppressed = suppressed + \(change(.suppressed)), replied = replied + \(change(.replied)),
                bounced = bounced + \(change(.bounced)), complained = complained + \(change(.complained)),
                unsubscribed = unsubscribed + \(change(.unsubscribed)), removed = removed + \(change(.removed)),
                outstanding = outstanding + \(outstanding)
            where tenant_id = \(tenant) and campaign_id = \(campaign)
            """
    }
}

/// The SQL of enrolments.
enum EnrolmentStore {
    static let columns: SQL = """
        e.id, e.lead_id, e.status, e.step, e.due_at, e.sequence_version, e.mailbox_id, e.time_zone, e.exit_reason, e.needs_withdrawal,
        e.opt_out_send, e.opt_out_status, e.opt_out_reason
        """

    static func enrolment(_ row: Row) throws -> Enrolment {
        var enrolment = Enrolment(
            id: try row.decode("id"), lead: try row.decode("lead_id"), status: try row.decode("status"), step: try row.decode("step"),
            dueAt: try row.decode("due_at"), sequenceVersion: try row.decode("sequence_version"), mailbox: try row.decodeOptional("mailbox_id"),
            zone: try row.decodeOptional("time_zone"), exitReason: try row.decodeOptional("exit_reason"))
        enrolment.needsWithdrawal = try row.decode("needs_withdrawal")
        if let send: SendID = try row.decodeOptional("opt_out_send") {
            enrolment.optOut = Enrolment.OptOut(
                send: send, status: try row.decode("opt_out_status"), exitReason: try row.decodeOptional("opt_out_reason"))
        }
        return enrolment
    }

    /// Writes enrolments as they are now; the caller holds their rows.
    static func write(_ enrolments: [Enrolment], of tenant: TenantID, at now: Date) -> SQL {
        """
        update enrolments e set status = n.status, step = n.step, due_at = n.due_at, sequence_version = n.sequence_version,
            mailbox_id = n.mailbox_id, exit_reason = n.exit_reason, needs_withdrawal = n.needs_withdrawal,
            opt_out_send = n.opt_out_send, opt_out_status = n.opt_out_status, opt_out_reason = n.opt_out_reason,
            finished_at = case when n.is_final then coalesce(e.finished_at, \(now)) end
        from unnest(\(enrolments.map(\.id)), \(enrolments.map(\.status.rawValue)), \(enrolments.map(\.step)), \(enrolments.map(\.dueAt)),
                    \(enrolments.map(\.sequenceVersion)), \(PostgresOptionals(enrolments.map(\.mailbox))),
                    \(PostgresOptionals(enrolments.map(\.exitReason))), \(enrolments.map(\.needsWithdrawal)), \(enrolments.map(\.status.isFinal)),
                    \(PostgresOptionals(enrolments.map(\.optOut?.send))), \(PostgresOptionals(enrolments.map(\.optOut?.status.rawValue))),
                    \(PostgresOptionals(enrolments.map(\.optOut?.exitReason))))
             as n (id, status, step, due_at, sequence_version, mailbox_id, exit_reason, needs_withdrawal, is_final, opt_out_send, opt_out_status,
                   opt_out_reason)
        where e.tenant_id = \(tenant) and e.id = n.id
        """
    }

    /// Decisions that cannot be seen from mails.
    static func log(_ notes: [RoundPlan.Note], of tenant: TenantID, at now: Date) throws -> SQL {
        """
        insert into enrolment_decisions (tenant_id, enrolment_id, id, step, kind, detail, at)
        select \(tenant), *, \(now)::timestamptz from unnest(\(notes.map(\.enrolment)), \(notes.map { _ in UUID.v7(at: now) }), \(notes.map(\.step)),
            \(notes.map(\.kind)), \(try notes.map { try PostgresJSON($0.detail) })) as n (enrolment_id, id, step, kind, detail)
        """
    }
}
