import Contracts
import Foundation
import Postgres

/// A mail of an enrolment with what people did with it.
struct SendRecord: Sendable, Equatable {
    var send: EnrolmentSend
    let campaign: CampaignID
    var openedAt: Date?
    var machineOpenedAt: Date?
    var clickedAt: Date?
    var repliedAt: Date?
    var bouncedAt: Date?
    var complainedAt: Date?
    var unsubscribedAt: Date?
}

/// The SQL of enrolments' mails.
enum SendStore {
    /// Those of the given enrolments, which the caller holds.
    static func read(_ enrolments: [EnrolmentID], of tenant: TenantID, in transaction: Transaction) async throws -> [SendRecord] {
        try await transaction.query(
            """
            select enrolment_id, step, campaign_id, variant, mailbox_id, state, version, day::text as day, sent_at, opened_at, machine_opened_at,
                   clicked_at, replied_at, bounced_at, complained_at, unsubscribed_at
            from enrolment_sends where tenant_id = \(tenant) and enrolment_id = any(\(enrolments))
            """
        ).map(record)
    }

    private static func record(_ row: Row) throws -> SendRecord {
        var send = EnrolmentSend(
            enrolment: try row.decode("enrolment_id"), step: try row.decode("step"), variant: try row.decode("variant"),
            mailbox: try row.decode("mailbox_id"), state: try row.decode("state"))
        send.version = try row.decode("version")
        send.day = try row.decodeOptional("day")
        send.sentAt = try row.decodeOptional("sent_at")
        return SendRecord(
            send: send, campaign: try row.decode("campaign_id"), openedAt: try row.decodeOptional("opened_at"),
            machineOpenedAt: try row.decodeOptional("machine_opened_at"), clickedAt: try row.decodeOptional("clicked_at"),
            repliedAt: try row.decodeOptional("replied_at"), bouncedAt: try row.decodeOptional("bounced_at"),
            complainedAt: try row.decodeOptional("complained_at"), unsubscribedAt: try row.decodeOptional("unsubscribed_at"))
    }

    static func write(_ records: [SendRecord], of tenant: TenantID) -> SQL {
        """
        update enrolment_sends s set state = n.state, version = n.version, day = n.day::date, sent_at = n.sent_at, opened_at = n.opened_at,
            machine_opened_at = n.machine_opened_at, clicked_at = n.clicked_at, replied_at = n.replied_at, bounced_at = n.bounced_at,
            complained_at = n.complained_at, unsubscribed_at = n.unsubscribed_at
        from unnest(\(records.map(\.send.enrolment)), \(records.map(\.send.step)), \(records.map(\.send.state.rawValue)),
                    \(records.map(\.send.version)), \(PostgresOptionals(records.map(\.send.day))), \(PostgresOptionals(records.map(\.send.sentAt))),
                    \(PostgresOptionals(records.map(\.openedAt))), \(PostgresOptionals(records.map(\.machineOpenedAt))),
                    \(PostgresOptionals(records.map(\.clickedAt))), \(PostgresOptionals(records.map(\.repliedAt))),
                    \(PostgresOptionals(records.map(\.bouncedAt))), \(PostgresOptionals(records.map(\.complainedAt))),
                    \(PostgresOptionals(records.map(\.unsubscribedAt))))
             as n (enrolment_id, step, state, version, day, sent_at, opened_at, machine_opened_at, clicked_at, replied_at, bounced_at,
                   complained_at, unsubscribed_at)
        where s.tenant_id = \(tenant) and s.enrolment_id = n.enrolment_id and s.step = n.step
        """
    }
}

/// What mails of a step and variant came to, as a commit adds to it.
struct StatChanges: Sendable {
    struct Key: Hashable, Sendable {
        let campaign: CampaignID
        let day: String
        let step: Int
        let variant: String
    }

    enum Part: Int, Sendable, CaseIterable {
        case sent, refused, bounced, opened, machineOpened, clicked, replied, complained, unsubscribed
    }

    private var changes: [Key: [Part: Int64]] = [:]

    mutating func add(_ part: Part, _ count: Int64 = 1, for key: Key) {
        changes[key, default: [:]][part, default: 0] += count
    }

    /// Nil when nothing changed.
    func statement(of tenant: TenantID) -> SQL? {
        // In one order for all writers, so that none waits for another that waits for it.
        let keys = changes.keys.sorted {
            ($0.campaign.description, $0.day, $0.step, $0.variant) < ($1.campaign.description, $1.day, $1.step, $1.variant)
        }
        guard !keys.isEmpty else { return nil }
        func column(_ part: Part) -> [Int64] { keys.map { changes[$0]?[part] ?? 0 } }
        return """
            insert into step_stats as t (tenant_id, campaign_id, day, step, variant, sent, refused, bounced, opened, machine_opened, clicked,
                replied, complained, unsubscribed)
            select \(tenant), campaign_id, day::date, step, variant, sent, refused, bounced, opened, machine_opened, clicked, replied, complained,
                unsubscribed
            from unnest(\(keys.map(\.campaign)), \(keys.map(\.day)), \(keys.map(\.step)), \(keys.map(\.variant)), \(column(.sent)),
                        \(column(.refused)), \(column(.bounced)), \(column(.opened)), \(column(.machineOpened)), \(column(.clicked)),
                        \(column(.replied)), \(column(.complained)), \(column(.unsubscribed)))
                 as n (campaign_id, day, step, variant, sent, refused, bounced, opened, machine_opened, clicked, replied, complained, unsubscribed)
            on conflict (tenant_id, campaign_id, day, step, variant) do update set sent = t.sent + excluded.sent,
                refused = t.refused + excluded.refused, bounced = t.bounced + excluded.bounced, opened = t.opened + excluded.opened,
                machine_opened = t.machine_opened + excluded.machine_opened, clicked = t.clicked + excluded.clicked,
                replied = t.replied + excluded.replied, complained = t.complained + excluded.complained,
                unsubscribed = t.unsubscribed + excluded.unsubscribed
            """
    }
}
