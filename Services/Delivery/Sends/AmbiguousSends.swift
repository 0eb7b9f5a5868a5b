import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// Mail of which nobody can know whether it arrived: listed, settled by its owner, or sent once more where the tenant wants that.
struct AmbiguousSends: Sendable {
    /// What happens to such mail by itself.
    enum Policy: String, Sendable, Codable {
        case hold
        case resend
    }

    /// What its owner found out, or decides.
    enum Settlement: String, Sendable, Codable {
        /// It arrived.
        case sent
        /// It did not, and shall not be sent again.
        case notSent = "not_sent"
        /// It goes out once more, with the same Message-ID.
        case resend
    }

    struct Item: Sendable, Encodable {
        let id: SendID
        let sendKey: String
        let workspace: WorkspaceID
        let campaign: CampaignID?
        let mailbox: MailboxID
        let recipient: String
        let dataSentAt: Date?
        let reason: String?
    }

    /// How long a resend waits for the folder of sent mail to be read.
    private static let copyPatience: TimeInterval = 1_800

    let api: Database
    let worker: Database
    let counters: QueueCounters
    let events: SendEvents
    let outbox: Outbox
    let wakeup: Wakeup
    let clock: WallClock

    /// Of which mailbox and campaign; nil: of any.
    struct Filter: Sendable {
        var mailbox: MailboxID?
        var campaign: CampaignID?
    }

    func list(of identity: Identity, _ filter: Filter, after start: SendID?, limit: Int) async throws -> [Item] {
        let narrowed: SQL = identity.workspaces.map { "and workspace_id = any(\($0))" } ?? ""
        let ofMailbox: SQL = filter.mailbox.map { "and mailbox_id = \($0)" } ?? ""
        let ofCampaign: SQL = filter.campaign.map { "and campaign_id = \($0)" } ?? ""
        return try await api.query(
            as: identity.tenant,
            """
            select id, send_key, workspace_id, campaign_id, mailbox_id, recipient, data_sent_at, reply_text from sends
            where tenant_id = \(identity.tenant) and state = 'ambiguous' and (\(start)::uuid is null or id > \(start)) \(narrowed)
              \(ofMailbox) \(ofCampaign)
            order by id limit \(limit)
            """
        ).map { row in
            Item(
                id: try row.decode("id"), sendKey: try row.decode("send_key"), workspace: try row.decode("workspace_id"),
                campaign: try row.decodeOptional("campaign_id"), mailbox: try row.decode("mailbox_id"), recipient: try row.decode("recipient"),
                dataSentAt: try row.decodeOptional("data_sent_at"), reason: try row.decodeOptional("reply_text"))
        }
    }

    func policy(of tenant: TenantID) async throws -> Policy {
        try await api.query(as: tenant, "select ambiguous from delivery_settings where tenant_id = \(tenant)").first?.decode("ambiguous") ?? .hold
    }

    func set(_ policy: Policy, by identity: Identity, audit: AuditRecord) async throws {
        let now = clock.now
        let event = try PendingEvent(
            DeliveryEvents.SettingsChanged(ambiguous: policy.rawValue), at: now, tenant: identity.tenant,
            actor: identity.actor, audit: audit)
        try await api.transaction(as: identity.tenant) { transaction in
            try await transaction.query(
                """
                insert into delivery_settings (tenant_id, ambiguous, updated_at) values (\(identity.tenant), \(policy), \(now))
                on conflict (tenant_id) do update set ambiguous = excluded.ambiguous, updated_at = excluded.updated_at
                """)
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
        wakeup.signal()
    }

    /// Settles one; false when it is not, or no longer, ambiguous.
    func settle(_ send: SendID, as settlement: Settlement, by identity: Identity, audit: AuditRecord) async throws -> Bool {
        let now = clock.now
        let tenant = identity.tenant
        let event = try PendingEvent(
            DeliveryEvents.SendSettled(send: send, settlement: settlement.rawValue), at: now, tenant: tenant,
            actor: identity.actor, audit: audit)
        let done = try await worker.transaction { transaction in
            let found = try await transaction.query(
                "select workspace_id, recipient from sends where tenant_id = \(tenant) and id = \(send) and state = 'ambiguous' for update")
            guard let row = found.first, identity.mayUse(try row.decode("workspace_id")) else { return false }
            switch settlement {
            case .resend:
                guard ErasedRecipient.digest(of: try row.decode("recipient")) == nil else {
                    throw Problem.conflict(
                        kind: "recipient_erased", title: "The person was erased, and what the mail said with it.",
                        detail: "Settle it as sent or not_sent.")
                }
                try await planAgain([(tenant, send)], now: now, in: transaction)
            case .sent: try await close(send, of: tenant, as: .accepted, now: now, in: transaction)
            case .notSent: try await close(send, of: tenant, as: .refused, now: now, in: transaction)
            }
            try await outbox.append([event], in: transaction)
            return true
        }
        outbox.wake()
        wakeup.signal()
        return done
    }

    /// Settles as accepted what lies among the mailbox' sent mail; how many were still ambiguous. The caller wakes the outbox.
    func settleByCopy(_ sends: [SendID], of tenant: TenantID, now: Date, in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            update sends set state = 'accepted', version = version + 1, fence = fence + 1, resolved_at = \(now)
            where tenant_id = \(tenant) and id = any(\(sends)) and state = 'ambiguous'
            returning tenant_id, id, send_key, version, campaign_id, enrolment_id
            """)
        guard !rows.isEmpty else { return 0 }
        let settled = try rows.map { try $0.decode("id", as: SendID.self) }
        let jobs = try await transaction.query(
            "update jobs set state = 'completed', finished_at = \(now) where id = any(\(settled)) and state = 'failed' returning queue")
        let changes = try jobs.map { QueueChange(queue: try $0.decode("queue"), failed: -1) }
        try await transaction.pipeline(
            ["delete from send_contents where tenant_id = \(tenant) and send_id = any(\(settled))"] + counters.record(changes, now: now))
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: .accepted, at: now) }, at: now, in: transaction)
        // Nobody decided anything, so nothing of it is for the trail.
        let told = try settled.map { send in
            try PendingEvent(
                DeliveryEvents.SendSettled(send: send, settlement: "sent_copy"), at: now, tenant: tenant, actor: .system("delivery"))
        }
        try await outbox.append(told, in: transaction)
        return settled.count
    }

    /// Sends once more what tenants with that policy have; how many. Where the mailbox' sent mail is read, that is waited for: the copy may be there.
    @discardableResult
    func resendByPolicy() async throws -> Int {
        let now = clock.now
        let resent = try await worker.transaction { transaction in
            let rows = try await transaction.query(
                """
                select s.tenant_id, s.id from delivery_settings p join sends s on s.tenant_id = p.tenant_id and s.state = 'ambiguous'
                where p.ambiguous = 'resend' and not starts_with(s.recipient, \(ErasedRecipient.prefix)) and s.sent_copy_at is null
                  and not (s.data_sent_at > \(now.addingTimeInterval(-Self.copyPatience)) and exists (
                      select from mailbox_readers r
                      join mailbox_folders f on f.tenant_id = r.tenant_id and f.mailbox_id = r.mailbox_id and f.folder = 'sent'
                      where r.tenant_id = s.tenant_id and r.mailbox_id = s.mailbox_id and r.state = 'active'
                        and (f.read_at is null or f.read_at < s.data_sent_at + interval '1 minute')))
                order by s.id limit 200 for update of s skip locked
                """)
            let found = try rows.map { (try $0.decode("tenant_id", as: TenantID.self), try $0.decode("id", as: SendID.self)) }
            if !found.isEmpty { try await planAgain(found, now: now, in: transaction) }
            return found.count
        }
        if resent > 0 { outbox.wake() }
        return resent
    }

    /// The fence moves on: whoever sent it first can say nothing more. Others hear that it goes again, so that whoever has taken the person out
    /// meanwhile takes the mail back too. What it had reserved is used already, and a company pays for a mail once.
    private func planAgain(_ sends: [(TenantID, SendID)], now: Date, in transaction: Transaction) async throws {
        let planned = try await transaction.query(
            """
            update sends s set state = 'planned', version = s.version + 1, fence = s.fence + 1, resolved_at = null,
                reservation_id = null
            from unnest(\(sends.map(\.0)), \(sends.map(\.1))) as p (tenant_id, id) where s.tenant_id = p.tenant_id and s.id = p.id
            returning s.tenant_id, s.id, s.send_key, s.version, s.campaign_id, s.enrolment_id
            """)
        try await events.append(try planned.map { try SendEvents.Resolved(row: $0, state: .deferred, at: now) }, at: now, in: transaction)
        let jobs = try await transaction.query(
            """
            update jobs set state = 'queued', fence = fence + 1, attempt = 0, run_at = \(now), finished_at = null, error = null
            where id = any(\(sends.map(\.1))) and state = 'failed' returning queue, tenant_id, lane_id
            """)
        let entries = try jobs.map { row in
            (
                queue: try row.decode("queue", as: String.self), lane: Lane(tenant: try row.decode("tenant_id"), id: try row.decode("lane_id")),
                at: now
            )
        }
        guard !entries.isEmpty else { return }
        let changes = entries.map { QueueChange(queue: $0.queue, waiting: 1, failed: -1, retried: 1) }
        try await transaction.pipeline([LaneStore.wake(entries)] + counters.record(changes, now: now))
    }

    private func close(_ send: SendID, of tenant: TenantID, as state: DeliveryEvents.SendState, now: Date, in transaction: Transaction) async throws {
        let rows = try await transaction.query(
            """
            update sends set state = \(state.rawValue), version = version + 1, fence = fence + 1, resolved_at = \(now)
            where tenant_id = \(tenant) and id = \(send) returning tenant_id, id, send_key, version, campaign_id, enrolment_id, reservation_id, mailbox_id
            """)
        let jobs = try await transaction.query(
            "update jobs set state = 'completed', finished_at = \(now) where id = \(send) and state = 'failed' returning queue")
        let changes = try jobs.map { QueueChange(queue: try $0.decode("queue"), failed: -1) }
        var statements: [SQL] = ["delete from send_contents where tenant_id = \(tenant) and send_id = \(send)"]
        if state == .accepted {
            let lanes = try rows.map { Lane(tenant: tenant, id: try $0.decode("mailbox_id")) }
            statements += lanes.map { ReputationCounters.add([$0: ReputationCounts(accepted: 1)], now: now) }
        }
        try await transaction.pipeline(statements + counters.record(changes, now: now))
        try await events.append(try rows.map { try SendEvents.Resolved(row: $0, state: state, at: now) }, at: now, in: transaction)
    }
}
