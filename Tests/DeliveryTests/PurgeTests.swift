import Contracts
import Foundation
import Postgres
import Primitives
import RPC
import TestSupport
import Testing

@testable import Delivery

@Suite("What is left of a company in Delivery")
struct PurgeTests {
    private static let reservation = ReservationID(UUID())

    /// A company with mail that waits, and another one like it.
    private func ground() async throws -> (DeliveryFixture, DeliveryFixture) {
        let fixture = try await DeliveryFixture.make()
        let other = DeliveryFixture(house: fixture.house, service: fixture.service, mail: fixture.mail, rpc: fixture.rpc)
        for company in [fixture, other] {
            let mailbox = try await company.mailbox()
            var plan = company.plan(mailbox, ["a@x.example", "b@x.example", "c@x.example"])
            for index in plan.sends.indices { plan.sends[index].reservation = Self.reservation }
            #expect(try await company.rpc.call(plan).enqueued == 3)
            _ = try await company.rpc.call(company.gate(open: false, version: 1))
            try await add(to: company, mailbox)
        }
        return (fixture, other)
    }

    private func add(to company: DeliveryFixture, _ mailbox: MailboxID) async throws {
        let tenant = company.tenant
        let (scopes, targets) = (["workspace", "mailbox"], [company.workspace.description, mailbox.description])
        for (scope, target) in zip(scopes, targets) {
            _ = try await company.rpc.call(
                DeliveryRPC.SetSendGate(tenant: tenant, scope: scope, id: target, isOpen: false, reason: nil, version: 1))
        }
        let statements: [SQL] = [
            """
            insert into suppressions (tenant_id, address, workspace_id, reason, source, created_at)
            values (\(tenant), 'a@x.example', \(company.workspace), 'bounced', 'test', now()),
                   (\(tenant), 'a@x.example', null, 'bounced', 'test', now()),
                   (\(tenant), 'z@x.example', \(company.workspace), 'bounced', 'test', now())
            """,
            "insert into delivery_settings (tenant_id, updated_at) values (\(tenant), now())",
            "insert into mailbox_minutes (tenant_id, mailbox_id, minute, mails) values (\(tenant), \(mailbox), now(), 1)",
            "insert into mailbox_days (tenant_id, mailbox_id, day) values (\(tenant), \(mailbox), current_date)",
            """
            insert into reputation_days (tenant_id, mailbox_id, day, domain) values (\(tenant), \(mailbox), current_date, 'sender.example')
            """,
            """
            insert into send_feedback (tenant_id, send_id, kind, mailbox_id, day, at)
            select tenant_id, id, 'replied', mailbox_id, current_date, now() from sends where tenant_id = \(tenant)
            """,
            """
            insert into reputations (tenant_id, scope, subject, score, band, accepted, bounces, complaints, unsubscribes, checked_at)
            values (\(tenant), 'domain', 'sender.example', 100, 'green', 1, 0, 0, 0, now()),
                   (\(tenant), 'mailbox', \(mailbox.description), 100, 'green', 1, 0, 0, 0, now())
            """,
            """
            insert into blacklist_results (tenant_id, kind, subject, zone, host, status, checked_at)
            values (\(tenant), 'domain', 'sender.example', 'dbl.example', null, 'clean', now()),
                   (\(tenant), 'ip', '192.0.2.1', 'ip.example', '127.0.0.1', 'clean', now())
            """,
            """
            insert into complaint_holds (tenant_id, scope, subject, level, complaints, accepted, reason, held_since)
            values (\(tenant), 'domain', 'sender.example', 'pause', 1, 1000, 'r', now())
            """,
            """
            insert into destination_pauses (tenant_id, mailbox_id, destination, closed_until, deferrals)
            values (\(tenant), \(mailbox), 'x.example', now(), 1)
            """,
            """
            insert into job_logs (id, tenant_id, job_id, attempt, level, message, at)
            select gen_random_uuid(), tenant_id, id, 1, 'info', 'm', now() from jobs where tenant_id = \(tenant)
            """,
            """
            insert into mailbox_readers (tenant_id, mailbox_id, host, port, security, username, authentication, state_since, next_at, created_at, updated_at)
            values (\(tenant), \(mailbox), 'imap.sender.example', 993, 'tls', 'me', 'token', now(), now(), now(), now())
            """,
            """
            insert into mailbox_folders (tenant_id, mailbox_id, folder, name, uid_validity, last_uid) values (\(tenant), \(mailbox), 'inbox', 'INBOX', 1, 1)
            """,
            "insert into mailbox_mails (tenant_id, mailbox_id, folder, digest, taken_at) values (\(tenant), \(mailbox), 'inbox', '\\x01', now())",
            """
            insert into mailbox_quarantine (tenant_id, id, mailbox_id, folder, uid_validity, uid, reason, created_at)
            values (\(tenant), gen_random_uuid(), \(mailbox), 'inbox', 1, 1, 'test', now())
            """,
        ]
        for statement in statements { try await company.database.query(statement) }
    }

    private func purge(_ fixture: DeliveryFixture, _ workspace: WorkspaceID?) async throws {
        for _ in 0..<20 {
            if try await fixture.rpc.call(DeliveryRPC.Purge(tenant: fixture.tenant, workspace: workspace)).isDone { return }
        }
        Issue.record("the purge does not end")
    }

    @Test("purged, nothing is left of a company, the counters say so, and the others have what they had")
    func company() async throws {
        let (fixture, other) = try await ground()
        let kept = try await fixture.house.rows(of: other.tenant)
        #expect(kept["sends"] == 3 && kept["jobs"] == 3 && kept["job_logs"] == 3 && kept["send_contents"] == 3 && kept["lanes"] == 1)
        try await purge(fixture, nil)
        #expect(try await fixture.house.rows(of: fixture.tenant) == [:])
        #expect(try await fixture.house.rows(of: other.tenant) == kept)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }

    @Test("with a workspace its mailboxes and mail go; opt-outs hold for the whole company, and mails never sent are given back")
    func workspace() async throws {
        let (fixture, other) = try await ground()
        let (own, kept) = (try await fixture.house.rows(of: fixture.tenant), try await fixture.house.rows(of: other.tenant))
        try await purge(fixture, WorkspaceID(UUID()))
        #expect(try await fixture.house.rows(of: fixture.tenant) == own)
        try await purge(fixture, fixture.workspace)
        #expect(try await fixture.house.rows(of: fixture.workspace) == [:])
        let left = try await fixture.house.rows(of: fixture.tenant).filter { $0.key != "idempotency_keys" }
        #expect(left == ["suppressions": 2, "delivery_settings": 1, "reservation_settlements": 1, "mailbox_purges": 1])
        let row = try await fixture.database.query("select released from reservation_settlements where tenant_id = \(fixture.tenant)")[0]
        #expect(try row.decode("released", as: Int.self) == 3)
        #expect(try await fixture.house.rows(of: other.tenant) == kept)
        let counts = try await fixture.counts()
        #expect(counts.counted == counts.real)
    }
}
