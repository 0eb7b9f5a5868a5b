import Contracts
import Foundation
import Postgres
import Streams

/// Pauses mailboxes that do badly, with the reason: whoever goes on writing to addresses that do not exist, or through a server that does not
/// answer, loses the mailbox and its domain.
struct AutoPause: Sendable {
    /// Fewer mails prove nothing.
    static let enoughMails: Int64 = 40
    /// One refused mail in so many is the limit: 5 %.
    static let oneIn: Int64 = 20
    /// So many tries in a row that did not reach the mailbox' server…
    static let enoughFailures = 3
    /// …each so many seconds after the last: connections that break together are one failure, and a restart of the server is none.
    static let failureSpacing: Double = 300

    let outbox: Outbox

    /// Why a mailbox with these results of two days has to pause; nil when it need not.
    static func reason(accepted: Int64, refused: Int64) -> String? {
        let all = accepted + refused
        guard all >= enoughMails, refused * oneIn > all else { return nil }
        return "\(refused) of the last \(all) mails were refused, more than 5 %; clean the list before you resume"
    }

    /// What a group of outcomes means for its mailboxes.
    struct Notes: Sendable {
        fileprivate var results: [Lane: (accepted: Int64, refused: Int64)] = [:]
        fileprivate var failures: [Lane: String] = [:]
        fileprivate var recovered: Set<Lane> = []

        init(_ outcomes: [OutcomeStore.Outcome]) {
            for outcome in outcomes {
                let (delivery, resolution) = (outcome.delivery, outcome.resolution)
                let lane = delivery.lane
                switch resolution.state {
                case "accepted": results[lane, default: (0, 0)].accepted += 1
                case "refused" where resolution.code.map { $0 / 100 == 5 } ?? false: results[lane, default: (0, 0)].refused += 1
                case "planned" where resolution.unreachable > delivery.unreachable: failures[lane] = resolution.text ?? "no answer"
                default: break
                }
                if resolution.code != nil, delivery.hasFailures { recovered.insert(lane) }
            }
            // Who answered one of several connections is there.
            for lane in results.keys { failures[lane] = nil }
        }

        /// Whether a mailbox may have to pause.
        var needsLook: Bool { !failures.isEmpty || results.values.contains { $0.refused > 0 } }

        /// Those that may change.
        var mailboxes: Set<Lane> {
            recovered.union(failures.keys).union(results.filter { $0.value.refused > 0 }.keys)
        }

        /// Counts the results of the day.
        var days: SQL? {
            let lanes = results.keys.sorted()
            guard !lanes.isEmpty else { return nil }
            return """
                insert into mailbox_days as d (tenant_id, mailbox_id, day, accepted, refused)
                select n.tenant_id, n.mailbox_id, (now() at time zone 'UTC')::date, n.accepted, n.refused
                from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id)), \(lanes.map { results[$0]?.accepted ?? 0 }),
                    \(lanes.map { results[$0]?.refused ?? 0 })) as n (tenant_id, mailbox_id, accepted, refused)
                on conflict (tenant_id, mailbox_id, day) do update
                    set accepted = d.accepted + excluded.accepted, refused = d.refused + excluded.refused
                """
        }

        /// Forgets the failures of those that answer again.
        var recovery: SQL? {
            let lanes = recovered.sorted()
            guard !lanes.isEmpty else { return nil }
            return """
                update mailboxes m set failures = 0 from unnest(\(lanes.map(\.tenant)), \(lanes.map(\.id))) as l (tenant_id, id)
                where m.tenant_id = l.tenant_id and m.id = l.id
                """
        }
    }

    /// Pauses whoever has come over a limit, in the transaction that wrote the outcomes.
    func look(_ notes: Notes, now: Date, in transaction: Transaction) async throws {
        for lane in notes.failures.keys.sorted() {
            guard let words = notes.failures[lane], try await fail(lane, in: transaction) >= Self.enoughFailures else { continue }
            let reason = "the mail server did not take a mail three times in a row: \(words)"
            try await pause(lane, reason: String(reason.prefix(500)), now: now, in: transaction)
        }
        for lane in notes.results.keys.sorted() where notes.results[lane]?.refused ?? 0 > 0 {
            let row = try await transaction.query(
                """
                select coalesce(sum(accepted), 0)::bigint as accepted, coalesce(sum(refused), 0)::bigint as refused from mailbox_days
                where tenant_id = \(lane.tenant) and mailbox_id = \(lane.id) and day >= (now() at time zone 'UTC')::date - 1
                """)[0]
            guard let reason = Self.reason(accepted: try row.decode("accepted"), refused: try row.decode("refused")) else { continue }
            try await pause(lane, reason: reason, now: now, in: transaction)
        }
    }

    /// Counts a failure that is not part of the last one; how many there are in a row.
    private func fail(_ lane: Lane, in transaction: Transaction) async throws -> Int {
        let rows = try await transaction.query(
            """
            update mailboxes set failures = failures + 1, failed_at = now()
            where tenant_id = \(lane.tenant) and id = \(lane.id)
              and (failures = 0 or failed_at is null or failed_at < now() - make_interval(secs => \(Self.failureSpacing)))
            returning failures
            """)
        return try rows.first?.decode("failures") ?? 0
    }

    private func pause(_ lane: Lane, reason: String, now: Date, in transaction: Transaction) async throws {
        let paused = try await transaction.query(
            """
            update mailboxes set state = 'paused', state_reason = \(reason), state_since = \(now), updated_at = \(now)
            where tenant_id = \(lane.tenant) and id = \(lane.id) and state = 'active' returning address, workspace_id
            """)
        guard let mailbox = paused.first else { return }
        let id = MailboxID(lane.id)
        let event = try PendingEvent(
            DeliveryEvents.MailboxStopped(mailbox: id, reason: reason), at: now, tenant: lane.tenant,
            workspace: try mailbox.decode("workspace_id"), actor: .system("delivery"),
            audit: AuditRecord(
                action: "mailbox.pause", targets: [.init(type: "mailbox", id: id.description, name: try mailbox.decode("address"))],
                metadata: ["reason": reason]))
        try await outbox.append([event], in: transaction)
    }
}
