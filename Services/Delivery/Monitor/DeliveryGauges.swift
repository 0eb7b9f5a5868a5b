import Contracts
import Foundation
import Logging
import Metrics
import Postgres
import Primitives
import ServiceLifecycle
import ServiceRuntime

/// What lies in Delivery's tables, as gauges: queues and leases, mailboxes and their budgets, certificates and keys. Never by tenant.
struct DeliveryGauges: Sendable {
    static let descriptions: [MetricDescription] = [
        .gauge(
            "delivery_queue_jobs", "queue", "state",
            help: "Jobs: waiting (due or not), due, overdue (could run and do not), active, failed; due and overdue up to 20,000."),
        .gauge("delivery_queue_oldest_overdue_seconds", "queue", help: "For how long the oldest job that could run has not; 0 without one."),
        .gauge("delivery_queue_paused", "queue", help: "1 while an operator has paused the queue."),
        .gauge("delivery_leases_stuck", help: "Running jobs whose lease ended more than a minute ago and that nobody took back, up to 20,000."),
        .gauge("delivery_workers", help: "Replicas that gave a sign of life in the last minute."),
        .gauge("delivery_mailboxes", "state", help: "Mailboxes that are active, paused or stopped."),
        .gauge("delivery_mailbox_readers", "state", help: "Mailboxes that are read by IMAP: active or failing."),
        .gauge(
            "delivery_mailboxes_closed", "provider", "reason",
            help: "Active mailboxes that send nothing now because of their pace: gap, hourly_limit, daily_limit, busy."),
        .gauge(
            "delivery_budget_limit_mails", "provider", help: "Mails that active mailboxes with a daily limit may send in 24 hours, without warm-up."),
        .gauge("delivery_budget_used_mails", "provider", help: "Mails that those mailboxes were given in the last 24 hours."),
        .gauge(
            "delivery_destination_pauses", "destination", help: "Mailboxes that rest towards a known receiver, or another one, because it said later."
        ),
        .gauge("delivery_ambiguous_sends", help: "Mails of which nobody knows whether they arrived, up to 20,000."),
        .gauge("delivery_certificates", "state", help: "Certificates of tracking hosts: waiting, ordered, issued, failing."),
        .gauge(
            "delivery_certificate_earliest_expiry_timestamp_seconds", help: "When the first of the tracking hosts' certificates in use ends."),
        .gauge("delivery_signing_keys", "state", help: "Keys that sign mail: pending, active, retiring, retired."),
        .gauge("delivery_signing_key_oldest_timestamp_seconds", help: "When the oldest of the keys that sign mail now began to."),
    ]

    static let cap = 20_000

    let database: Database
    let logger: Logger

    var background: [any Service] {
        [
            GaugeSampling("queues", every: .seconds(15), logger: logger) { try await queues() },
            GaugeSampling("mailboxes", every: .seconds(60), logger: logger) { try await mailboxes() },
            // Of what is long: days, and all that was sent in one.
            GaugeSampling("budgets", every: .seconds(300), logger: logger) { try await budgets() },
        ]
    }

    func queues() async throws {
        for row in try await database.query(Self.queues) {
            let queue = ("queue", try row.decode("name", as: String.self))
            set("delivery_queue_jobs", try row.decode("waiting"), queue, ("state", "waiting"))
            set("delivery_queue_jobs", try row.decode("due"), queue, ("state", "due"))
            set("delivery_queue_jobs", try row.decode("overdue"), queue, ("state", "overdue"))
            set("delivery_queue_jobs", try row.decode("active"), queue, ("state", "active"))
            set("delivery_queue_jobs", try row.decode("failed"), queue, ("state", "failed"))
            set("delivery_queue_oldest_overdue_seconds", try row.decode("age"), queue)
            set("delivery_queue_paused", try row.decode("is_paused", as: Bool.self) ? 1 : 0, queue)
        }
        let row = try await database.query(Self.leases)[0]
        set("delivery_leases_stuck", try row.decode("stuck"))
        set("delivery_workers", try row.decode("workers"))
        set("delivery_ambiguous_sends", try row.decode("ambiguous"))
    }

    func mailboxes() async throws {
        try await show(
            "delivery_mailboxes", by: "state", of: ["active", "paused", "stopped"],
            "select state as label, count(*)::float8 as number from mailboxes group by 1")
        try await show(
            "delivery_mailbox_readers", by: "state", of: ["active", "failing"],
            "select state as label, count(*)::float8 as number from mailbox_readers group by 1")
        // Names of receivers that we know have no dot; whatever has one is somebody's own domain.
        try await show(
            "delivery_destination_pauses", by: "destination", of: DestinationProvider.names + ["other"],
            """
            select case when position('.' in destination) > 0 then 'other' else destination end as label, count(*)::float8 as number
            from destination_pauses where closed_until > now() group by 1
            """)
        var closed: [String: Double] = [:]
        for row in try await database.query(
            """
            select \(Self.provider) as provider, opens_reason, count(*)::float8 as number from mailboxes m
            where state = 'active' and opens_at > now() and opens_reason is not null group by 1, 2
            """)
        {
            closed["\(try row.decode("provider", as: String.self))/\(try row.decode("opens_reason", as: String.self))"] = try row.decode("number")
        }
        for provider in Self.providers {
            for reason in [MailboxPace.Reason.gap, .hourlyLimit, .dailyLimit, .busy] {
                let number = closed["\(provider)/\(reason.rawValue)"] ?? 0
                set("delivery_mailboxes_closed", number, ("provider", provider), ("reason", reason.rawValue))
            }
        }
    }

    func budgets() async throws {
        let rows = try await database.query(Self.budgets)
        var budgets: [String: (limit: Double, used: Double)] = [:]
        for row in rows { budgets[try row.decode("provider")] = (try row.decode("allowed"), try row.decode("used")) }
        for provider in Self.providers {
            set("delivery_budget_limit_mails", budgets[provider]?.limit ?? 0, ("provider", provider))
            set("delivery_budget_used_mails", budgets[provider]?.used ?? 0, ("provider", provider))
        }
        try await show(
            "delivery_certificates", by: "state", of: ["waiting", "ordered", "issued", "failing"],
            "select state as label, count(*)::float8 as number from tracking_certificates group by 1")
        try await show(
            "delivery_signing_keys", by: "state", of: ["pending", "active", "retiring", "retired"],
            "select state as label, count(*)::float8 as number from signing_keys group by 1")
        let row = try await database.query(Self.ages)[0]
        // Without any there is nothing to run out: the series is not there.
        if let expiry: Double = try row.decodeOptional("expiry") { set("delivery_certificate_earliest_expiry_timestamp_seconds", expiry) }
        if let oldest: Double = try row.decodeOptional("oldest") { set("delivery_signing_key_oldest_timestamp_seconds", oldest) }
    }

    /// One series for each label there may be, so that what has gone is 0 and not what it was.
    private func show(_ name: String, by label: String, of values: [String], _ query: SQL) async throws {
        var numbers: [String: Double] = [:]
        for row in try await database.query(query) { numbers[try row.decode("label")] = try row.decode("number") }
        for value in values { set(name, numbers[value] ?? 0, (label, value)) }
    }

    private func set(_ name: String, _ value: Double, _ labels: (String, String)...) {
        Meter(label: name, dimensions: labels).set(value)
    }
}

// MARK: - SQL

extension DeliveryGauges {
    static let providers = ["google", "microsoft", "direct", "other"]

    /// Whose servers a mailbox sends through.
    private static let provider: SQL = """
        case when m.transport = 'direct' then 'direct' when m.smtp_host ~ '(^|[.])(gmail|google|googlemail)[.]com$' then 'google'
            when m.smtp_host ~ '(^|[.])(office365|outlook|hotmail)[.]com$' then 'microsoft' else 'other' end
        """

    private static let queues: SQL = """
        select q.name, q.paused_at is not null as is_paused, greatest(0, coalesce(c.waiting, 0))::float8 as waiting,
            greatest(0, coalesce(c.active, 0))::float8 as active, greatest(0, coalesce(c.failed, 0))::float8 as failed, d.due::float8 as due,
            o.overdue::float8 as overdue, greatest(0, coalesce(extract(epoch from now() - o.oldest), 0))::float8 as age
        from job_queues q
        left join (select queue, sum(waiting) as waiting, sum(active) as active, sum(failed) as failed from queue_counters group by queue) c
            on c.queue = q.name
        cross join lateral (select count(*) as due from (
            select from jobs j where j.queue = q.name and j.state = 'queued' and j.run_at <= now() limit \(cap)) a) d
        cross join lateral (select count(*) as overdue, min(b.run_at) as oldest from (
            select j.run_at from lanes l join jobs j on j.tenant_id = l.tenant_id and j.lane_id = l.lane_id and j.queue = l.queue
                and j.state = 'queued' and j.run_at <= now()
            where l.queue = q.name and l.next_at <= now() limit \(cap)) b) o
        """

    private static let leases: SQL = """
        select (select count(*) from (select from jobs where state = 'running' and lease_until < now() - interval '1 minute'
                    limit \(cap)) a)::float8 as stuck,
            (select count(*) from workers where seen_at > now() - interval '1 minute')::float8 as workers,
            (select count(*) from (select from sends where state = 'ambiguous' limit \(cap)) b)::float8 as ambiguous
        """

    /// As mailboxes are told apart for their limits: what was claimed, by the minute.
    private static let budgets: SQL = """
        select \(provider) as provider, sum(m.daily_limit)::float8 as allowed, coalesce(sum(u.mails), 0)::float8 as used
        from mailboxes m
        left join (select tenant_id, mailbox_id, sum(mails) as mails from mailbox_minutes where minute > now() - interval '24 hours' group by 1, 2) u
            on u.tenant_id = m.tenant_id and u.mailbox_id = m.id
        where m.state = 'active' and m.daily_limit is not null group by 1
        """

    private static let ages: SQL = """
        select (select extract(epoch from min(expires_at))::float8 from tracking_certificates
                where certificate is not null and state <> 'waiting') as expiry,
            (select extract(epoch from min(activated_at))::float8 from signing_keys where state = 'active') as oldest
        """
}
