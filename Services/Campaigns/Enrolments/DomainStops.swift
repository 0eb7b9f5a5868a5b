import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceLifecycle
import Streams

/// Takes the people of a domain that must not be written to out of campaigns: noted with the event, done a batch a transaction.
struct DomainStops: Sendable {
    static let batch = 500

    let database: Database
    let clock: WallClock

    /// Notes what Delivery told; the event again changes nothing.
    static func hear(_ events: [ReceivedEvent], in transaction: Transaction) async throws {
        for event in events where event.header.type == DeliveryEvents.DomainsSuppressed.name {
            guard let tenant = event.header.tenant else { throw EventRejected("the event names no tenant") }
            let data = try event.data(as: DeliveryEvents.DomainsSuppressed.self)
            let domains = Array(Set(data.domains.map { $0.lowercased() })).sorted()
            try await transaction.query(
                """
                insert into domain_stops (tenant_id, id, domain, workspace_id, reason, created_at)
                select \(tenant), n.id, n.domain, \(data.workspace)::uuid, \(data.reason)::text, \(event.header.occurredAt)::timestamptz
                from unnest(\(domains.map { _ in UUID.v7(at: event.header.occurredAt) }), \(domains)) as n (id, domain)
                """)
        }
    }

    /// One batch of one domain; false when there is none. Whoever comes into a campaign later is taken out by Delivery, mail by mail.
    func stopOnce() async throws -> Bool {
        let now = clock.now
        return try await database.transaction { transaction in
            let found = try await transaction.query(
                """
                select tenant_id, id, domain, workspace_id, reason, cursor from domain_stops
                order by created_at, id limit 1 for update skip locked
                """)
            guard let row = found.first else { return false }
            let tenant: TenantID = try row.decode("tenant_id")
            let stop: UUID = try row.decode("id")
            let leads: [LeadID] = try await transaction.query(
                """
                select l.id from leads l
                where l.tenant_id = \(tenant) and split_part(l.email, '@', -1) = \(try row.decode("domain", as: String.self))
                  and l.id > \(try row.decode("cursor", as: UUID.self))
                order by l.id limit \(Self.batch)
                """
            ).map { try $0.decode("id") }
            let enrolments = try await Self.enrolments(
                of: leads, tenant: tenant, workspace: try row.decodeOptional("workspace_id"), in: transaction)
            if !enrolments.isEmpty {
                try await EnrolmentStops.stop(
                    enrolments, of: tenant, as: .suppressed, reason: try row.decode("reason"), at: now, in: transaction)
            }
            if leads.count == Self.batch, let last = leads.last {
                try await transaction.query("update domain_stops set cursor = \(last) where tenant_id = \(tenant) and id = \(stop)")
            } else {
                try await transaction.query("delete from domain_stops where tenant_id = \(tenant) and id = \(stop)")
            }
            return true
        }
    }

    private static func enrolments(
        of leads: [LeadID], tenant: TenantID, workspace: WorkspaceID?, in transaction: Transaction
    ) async throws -> [EnrolmentID] {
        let open = EnrolmentStatus.allCases.filter { !$0.isFinal }.map(\.rawValue)
        return try await transaction.query(
            """
            select e.id from enrolments e join campaigns c on c.tenant_id = e.tenant_id and c.id = e.campaign_id
            where e.tenant_id = \(tenant) and e.lead_id = any(\(leads)) and e.status = any(\(open))
              and (\(workspace)::uuid is null or c.workspace_id = \(workspace))
            order by e.id
            """
        ).map { try $0.decode("id") }
    }
}

/// Keeps domain stops going, one batch after another.
struct DomainStopLoop: Service {
    private let stops: DomainStops
    let wakeup: Wakeup
    let logger: Logger

    init(database: Database, clock: WallClock, wakeup: Wakeup, logger: Logger) {
        stops = DomainStops(database: database, clock: clock)
        self.wakeup = wakeup
        self.logger = logger
    }

    func run() async throws {
        await repeatWork("domain stops", logger: logger, rest: { await wakeup.wait(atMost: .seconds(2)) }, step: step)
    }

    /// One piece of work; false when there is none.
    func step() async throws -> Bool { try await stops.stopOnce() }
}
