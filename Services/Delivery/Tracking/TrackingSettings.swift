import Contracts
import Foundation
import HTTP
import Postgres
import Primitives
import Streams

/// What a company lets be noticed of its mails; without a word of its own, clicks and no openings.
struct TrackingSettings: Codable, Sendable, Equatable {
    var opens = false
    var clicks = true
    var hiddenLink = true

    func changes(from before: TrackingSettings) -> [AuditRecord.Change] {
        [("opens", before.opens, opens), ("clicks", before.clicks, clicks), ("hidden_link", before.hiddenLink, hiddenLink)]
            .filter { $0.1 != $0.2 }.map { .init(path: $0.0, before: String($0.1), after: String($0.2)) }
    }
}

/// A company's tracking: its settings, who is left out, and what was counted.
struct TenantTracking: Sendable {
    let api: Database
    let worker: Database
    let outbox: Outbox
    let clock: WallClock

    func settings(of tenant: TenantID) async throws -> TrackingSettings {
        try await api.query(as: tenant, Self.select(tenant)).first.map(Self.settings) ?? TrackingSettings()
    }

    /// Holds for mail that is sent from then on, and for what comes of mail that is out.
    func set(_ settings: TrackingSettings, by identity: Identity, audit: ([AuditRecord.Change]) -> AuditRecord) async throws {
        let (now, tenant) = (clock.now, identity.tenant)
        try await api.transaction(as: tenant) { transaction in
            let before = try await transaction.query(Self.select(tenant)).first.map(Self.settings) ?? TrackingSettings()
            try await transaction.query(
                """
                insert into tracking_settings (tenant_id, opens, clicks, hidden_link, updated_at)
                values (\(tenant), \(settings.opens), \(settings.clicks), \(settings.hiddenLink), \(now))
                on conflict (tenant_id) do update set opens = excluded.opens, clicks = excluded.clicks, hidden_link = excluded.hidden_link,
                    updated_at = excluded.updated_at
                """)
            let event = try PendingEvent(
                DeliveryEvents.TrackingChanged(opens: settings.opens, clicks: settings.clicks), at: now, tenant: tenant, actor: identity.actor,
                audit: audit(settings.changes(from: before)))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    private static func select(_ tenant: TenantID) -> SQL {
        "select opens, clicks, hidden_link from tracking_settings where tenant_id = \(tenant)"
    }

    private static func settings(_ row: Row) throws -> TrackingSettings {
        TrackingSettings(opens: try row.decode("opens"), clicks: try row.decode("clicks"), hiddenLink: try row.decode("hidden_link"))
    }

    // MARK: - Who is left out

    struct OptOut: Encodable, Sendable {
        /// Nil for somebody who was forgotten.
        let address: String?
        let source: String
        let createdAt: Date
        /// What the list goes by; part of the cursor alone.
        let subject: String

        enum CodingKeys: String, CodingKey { case address, source, createdAt }
    }

    func optOuts(of tenant: TenantID, after subject: String?, limit: Int) async throws -> [OptOut] {
        try await api.query(
            as: tenant,
            """
            select subject, source, created_at from tracking_opt_outs where tenant_id = \(tenant) and subject > \(subject ?? "")
            order by subject limit \(limit)
            """
        ).map { row in
            let subject: String = try row.decode("subject")
            return OptOut(
                address: ErasedRecipient.digest(of: subject) == nil ? subject : nil, source: try row.decode("source"),
                createdAt: try row.decode("created_at"), subject: subject)
        }
    }

    func leaveOut(_ addresses: [String], by identity: Identity, audit: AuditRecord) async throws {
        let (now, tenant) = (clock.now, identity.tenant)
        let event = try PendingEvent(
            DeliveryEvents.TrackingOptOutsChanged(added: addresses.count, removed: 0), at: now, tenant: tenant, actor: identity.actor, audit: audit)
        // Contents of mail are the worker's alone to change.
        try await worker.transaction { transaction in
            try await transaction.pipeline(TrackingOptOuts.add(addresses, of: tenant, source: "tenant", now: now))
            try await outbox.append([event], in: transaction)
        }
        outbox.wake()
    }

    /// Those whom the company itself had left out; a person's own word stays. How many.
    func takeBack(_ addresses: [String], by identity: Identity, audit: AuditRecord) async throws -> Int {
        let (now, tenant) = (clock.now, identity.tenant)
        let removed = try await api.transaction(as: tenant) { transaction in
            let removed = try await transaction.query(
                "delete from tracking_opt_outs where tenant_id = \(tenant) and subject = any(\(addresses)) and source = 'tenant'"
            ).affected
            guard removed > 0 else { return 0 }
            let event = try PendingEvent(
                DeliveryEvents.TrackingOptOutsChanged(added: 0, removed: removed), at: now, tenant: tenant, actor: identity.actor, audit: audit)
            try await outbox.append([event], in: transaction)
            return removed
        }
        outbox.wake()
        return removed
    }

    // MARK: - What was counted

    struct LinkCount: Encodable, Sendable {
        let kind: String
        /// The number of the link in the mail, from 0.
        let link: Int
        let human: Int
        let machine: Int
    }

    /// Of one mail, by link; nil when the company, or this identity, has no such mail.
    func counts(of send: SendID, for identity: Identity) async throws -> [LinkCount]? {
        try await api.transaction(as: identity.tenant) { transaction in
            let mail = try await transaction.query("select workspace_id from sends where tenant_id = \(identity.tenant) and id = \(send)").first
            guard let mail, identity.mayUse(try mail.decode("workspace_id")) else { return nil }
            return try await transaction.query(
                """
                select kind, link, sum(human)::bigint as human, sum(machine)::bigint as machine from tracking_counts
                where tenant_id = \(identity.tenant) and send_id = \(send) group by kind, link order by kind, link
                """
            ).map { row in
                LinkCount(
                    kind: try row.decode("kind"), link: try row.decode("link"), human: try row.decode("human"), machine: try row.decode("machine"))
            }
        }
    }
}
