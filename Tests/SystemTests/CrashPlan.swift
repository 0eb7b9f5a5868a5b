import AsyncHTTPClient
import Contracts
import Foundation
import Logging
import Postgres
import RPC
import TestSupport
import Testing

/// The mails of one run and what must be true of them.
struct CrashPlan: Sendable {
    let tenant: TenantID
    let limited: MailboxID
    let database: Database

    /// Four mailboxes, one with an hourly limit; all mail is planned before anything is killed.
    static func make(_ ground: DeliveryGround, _ replica: DeliveryReplica, sinkPort: Int, mails: Int) async throws -> CrashPlan {
        let rpc = RPCClient.http(
            url: try #require(URL(string: "http://127.0.0.1:\(replica.internalPort)")), caller: .campaigns, target: .delivery, tokens: ground.tokens,
            httpClient: .shared, logger: Logger(label: "crash"))
        try await eventually("Delivery answers") { (try? await rpc.call(DeliveryRPC.ReadTransportHealth())) != nil }
        let database = Database(ground.database.configuration(role: "delivery_worker"), connections: 2)
        let owner = Database(ground.database.configuration(role: "delivery_owner"), connections: 1)
        let (tenant, workspace) = (TenantID(UUID()), WorkspaceID(UUID()))
        let mailboxes = (0..<4).map { _ in MailboxID(UUID()) }
        try await owner.query("update job_queues set paused_at = now(), pause_reason = 'the test plans its mail'")
        for (number, mailbox) in mailboxes.enumerated() {
            try await owner.query(
                """
                insert into mailboxes (tenant_id, id, workspace_id, address, display_name, smtp_host, smtp_port, smtp_security, smtp_username,
                                       password_sealed, hourly_limit, created_at, updated_at)
                values (\(tenant), \(mailbox), \(workspace), \("box\(number)@sender.example"), 'Box', '127.0.0.1', \(sinkPort), 'none', '', '',
                        \(number == 0 ? 60 : nil), now(), now())
                """)
        }
        for first in stride(from: 0, to: mails, by: 500) {
            let sends = (first..<min(mails, first + 500)).map { number in
                DeliveryRPC.PlannedSend(
                    sendKey: "test:\(number)", workspace: workspace, campaign: nil, enrolment: nil, mailbox: mailboxes[number % 4],
                    recipient: "lead\(number)@x.example", recipientName: nil, subject: "Hi", text: "Hello", html: nil,
                    priority: [40, 100, 200][number % 3], dueAt: Date(), reservation: nil)
            }
            _ = try await rpc.call(DeliveryRPC.EnqueueSends(tenant: tenant, sends: sends))
        }
        try await owner.query("update job_queues set paused_at = null, pause_reason = null")
        return CrashPlan(tenant: tenant, limited: mailboxes[0], database: database)
    }

    /// How many mails have no fate yet, but for those that wait for the limited mailbox's next hour.
    func open() async throws -> Int {
        try await database.query(
            """
            select count(*) as n from sends where tenant_id = \(tenant)
              and (state in ('claimed', 'data_sent') or (state in ('planned', 'deferred') and mailbox_id <> \(limited)))
            """)[0].decode("n")
    }

    /// How many are held.
    func check(_ sink: RecordingSink, hourlyLimit: Int) async throws -> Int {
        let rows = try await database.query("select recipient, state, mailbox_id from sends where tenant_id = \(tenant)")
        var states: [String: String] = [:]
        var ofLimited: Set<String> = []
        for row in rows {
            let recipient: String = try row.decode("recipient")
            states[recipient] = try row.decode("state")
            if try row.decode("mailbox_id", as: MailboxID.self) == limited { ofLimited.insert(recipient) }
        }
        let mails = sink.mails
        let arrived = Set(mails.map(\.recipient))
        #expect(arrived.count == mails.count, "a mail arrived twice")
        #expect(Set(mails.map(\.messageID)).count == mails.count, "a Message-ID came twice")
        let accepted = Set(states.filter { $0.value == "accepted" }.keys)
        let held = Set(states.filter { $0.value == "ambiguous" }.keys)
        #expect(accepted.subtracting(arrived).isEmpty, "marked as accepted, and not there: \(accepted.subtracting(arrived).prefix(3))")
        #expect(arrived.subtracting(accepted).subtracting(held).isEmpty, "there, and not marked")
        #expect(states.values.allSatisfy { ["accepted", "ambiguous", "planned"].contains($0) })
        #expect(states.allSatisfy { $0.value != "planned" || ofLimited.contains($0.key) }, "a mail was lost")
        #expect(arrived.intersection(ofLimited).count <= hourlyLimit, "the hourly limit was exceeded")
        // The counters say what the tables say.
        let drift = try await database.query(
            """
            select q.queue, q.active - (select count(*) from jobs j where j.queue = q.queue and j.state = 'running') as active,
                q.waiting - (select count(*) from jobs j where j.queue = q.queue and j.state in ('queued', 'gated')) as waiting,
                q.failed - (select count(*) from jobs j where j.queue = q.queue and j.state = 'failed') as failed
            from (select queue, sum(active)::bigint as active, sum(waiting)::bigint as waiting, sum(failed)::bigint as failed
                  from queue_counters group by queue) q
            """)
        for row in drift {
            for column: StaticString in ["active", "waiting", "failed"] {
                let (queue, off) = (try row.decode("queue", as: String.self), try row.decode(column, as: Int.self))
                #expect(off == 0, "\(queue): \(column) drifted")
            }
        }
        return held.count
    }
}
