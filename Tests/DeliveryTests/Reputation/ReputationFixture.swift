import Contracts
import Foundation
import HTTP
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Postgres
import Primitives
import TestSupport
import Testing

@testable import Delivery

extension DeliveryFixture {
    /// As ``send(_:_:_:tenant:)``, as somebody else than an owner.
    func request(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, role: Role = .owner, workspaces: [WorkspaceID]? = nil,
        staff: StaffRole? = nil, tenant: TenantID? = nil
    ) async throws -> (status: Int, body: String) {
        var headers = try await house.identityHeader(tenant: tenant ?? self.tenant, role: role, workspaces: workspaces, staff: staff)
        headers[.contentType] = "application/json"
        let sent = headers
        return try await house.withClient(service) { client in
            try await client.execute(uri: path, method: method, headers: sent, body: body.map { ByteBuffer(string: $0) }) {
                ($0.status.code, String(buffer: $0.body))
            }
        }
    }

    /// Mails that have been accepted, planned and claimed as always; their keys.
    @discardableResult
    func accepted(_ count: Int, from mailbox: MailboxID, prefix: String = "campaign") async throws -> [String] {
        let recipients = (0..<count).map { "r\($0)@x.example" }
        for start in stride(from: 0, to: count, by: 500) {
            _ = try await rpc.call(plan(mailbox, Array(recipients[start..<min(count, start + 500)]), prefix: prefix))
        }
        var left = count
        while left > 0 {
            let claims = try await claim(limit: 500)
            guard !claims.isEmpty else { break }
            let taken = try await DeliveryStore(database: database, lease: 30).take(entries(claims)).map(\.delivery)
            try await write(taken) { _ in .accepted(code: 250, text: "ok") }
            left -= claims.count
        }
        return recipients.map { "\(prefix):\($0):1" }
    }

    /// Writes the results of a group in one commit, as a worker does.
    func write(_ deliveries: [Delivery], _ result: (Delivery) -> DeliveryResult) async throws {
        let now = house.clock.clock.now
        let group = deliveries.map {
            OutcomeStore.Outcome(delivery: $0, resolution: Resolution(result($0), of: $0, now: now, spread: 0))
        }
        let outcomes = outcomes
        try await database.transaction { try await outcomes.write(group, now: now, in: $0) }
    }

    /// Tells feedback as whoever reads the inbox does; how many were new.
    @discardableResult
    func tell(_ kind: DeliveryEvents.FeedbackKind, _ keys: [String]) async throws -> Int {
        let now = house.clock.clock.now
        let feedback = keys.map {
            DeliveryEvents.Feedback(kind: kind, sendKey: $0, campaign: nil, enrolment: nil, isMachine: false, at: now)
        }
        let counts = service.reputation.feedback
        let tenant = tenant
        return try await database.transaction { try await counts.count(feedback, of: tenant, now: now, in: $0) }
    }

    /// The counts of a mailbox over all days.
    func counts(of mailbox: MailboxID) async throws -> ReputationCounts {
        let rows = try await database.query(
            """
            select accepted, refused, hard_bounces, soft_bounces, complaints, unsubscribes, replies from reputation_days
            where mailbox_id = \(mailbox)
            """)
        return try rows.reduce(ReputationCounts()) { try $0 + ReputationCounts(row: $1) }
    }

    /// Figures of a day as if they had been counted.
    func note(_ counts: ReputationCounts, of mailbox: MailboxID, domain: String = "sender.example", daysAgo: Int = 0) async throws {
        let day = CivilDay.text(of: CivilDay.number(at: house.clock.clock.now) - daysAgo)
        try await database.query(
            """
            insert into reputation_days (tenant_id, mailbox_id, day, domain, accepted, refused, hard_bounces, soft_bounces, complaints,
                unsubscribes, replies)
            values (\(tenant), \(mailbox), \(day)::date, \(domain), \(counts.accepted), \(counts.refused), \(counts.hardBounces),
                \(counts.softBounces), \(counts.complaints), \(counts.unsubscribes), \(counts.replies))
            """)
    }

    func state(of mailbox: MailboxID) async throws -> String {
        try await database.query("select state from mailboxes where id = \(mailbox)")[0].decode("state")
    }
}

extension WarmupStrategy {
    /// Even steps over so many days, as the migration has them.
    static func even(days: Int) -> WarmupStrategy {
        WarmupStrategy(name: "even", title: "Even", description: "", least: 5, shares: (1...days).map { Double($0) / Double(days) })
    }
}
