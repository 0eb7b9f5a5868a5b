import Contracts
import Foundation
import Postgres

/// The SQL by which a worker takes claimed jobs into its hands.
struct DeliveryStore: Sendable {
    let database: Database
    /// In seconds.
    let lease: Double
    /// Nil: nothing is noticed of any mail.
    var trackingHost: TrackingHost?
    /// Hears of domains of which nobody knows, or not any more, whose servers take their mail.
    var unknownDestinations: @Sendable ([String]) -> Void = { _ in }

    struct Loaded: Sendable {
        let delivery: Delivery
        let mailbox: SendingMailbox
    }

    /// What these entries stand for, where the claim still stands and the mail was not begun; the others are somebody else's business.
    ///
    /// Writes nothing: the claim's own lease is long enough for most mails, and ``heartbeat(_:)`` renews it for the others.
    func take(_ entries: [WorkStreams.Entry]) async throws -> [Loaded] {
        let places = Dictionary(entries.map { ($0.claim.job, $0.place) }) { first, _ in first }
        let now = ContinuousClock.now
        let hand = UUID()
        let rows = try await database.query(
            """
            select j.id, j.fence, j.queue, j.priority, j.attempt, j.unreachable, j.tenant_id, j.lane_id as mailbox_id, j.destination as domain,
                   \(JobTrace.column),
                   coalesce(p.provider, j.destination) as destination, coalesce(p.expires_at < now(), true) as is_unknown,
                   greatest(0, extract(epoch from clock_timestamp() - j.claimed_at)::float8) as age, s.send_key, s.campaign_id,
                   s.enrolment_id, s.reservation_id, s.recipient, s.deferrals, s.first_deferred_at, s.created_at, c.recipient_name, c.subject,
                   c.text_body, c.html_body, c.sending_window, coalesce(c.follows, '{}') as follows,
                   coalesce(c.answers, '{}') as answers, coalesce(f.keys, '{}') as renamed_keys, coalesce(f.names, '{}') as renamed_to, m.address,
                   m.display_name, m.smtp_host, m.smtp_port, m.smtp_security, m.smtp_username, m.authentication, m.password_sealed, m.version,
                   m.transport, m.gap_seconds > 0 as has_gap,
                   m.failures > 0 as has_failures, c.tracks_opens and coalesce(t.opens, false) as opens,
                   c.tracks_clicks and coalesce(t.clicks, true) as clicks, coalesce(t.hidden_link, true) as hidden_link
            from unnest(\(entries.map(\.claim.job)), \(entries.map(\.claim.fence))) as e (id, fence)
            join jobs j on j.id = e.id and j.fence = e.fence and \(JobStore.isRunning)
            join sends s on s.tenant_id = j.tenant_id and s.id = j.id and s.fence = j.fence and s.state = 'claimed'
            join send_contents c on c.tenant_id = j.tenant_id and c.send_id = j.id
            join mailboxes m on m.tenant_id = j.tenant_id and m.id = j.lane_id
            left join lateral (
                select array_agg(b.send_key) as keys, array_agg(b.provider_message_id) as names from sends b
                where b.tenant_id = j.tenant_id and b.send_key = any(c.follows) and b.provider_message_id is not null) f on true
            left join tracking_settings t on t.tenant_id = j.tenant_id
            left join destination_providers p on p.domain = j.destination
            order by j.priority, j.run_at, j.id
            """)
        let bases = try await trackingBases(rows)
        unknownDestinations(
            try rows.compactMap { row in
                try row.decode("is_unknown", as: Bool.self) ? try row.decodeOptional("domain", as: String.self) : nil
            })
        // Mails of one campaign and zone have the same window.
        var windows: [String: OpeningHours] = [:]
        return try rows.map { row in
            let send: SendID = try row.decode("id")
            let window = try row.decodeOptional("sending_window", as: String.self)
            let hours = window.map { windows[$0] ?? OpeningHours(stored: $0) }
            if let window { windows[window] = hours }
            return Loaded(
                delivery: Delivery(
                    send: send, fence: try row.decode("fence"), hand: hand, queue: try row.decode("queue"), priority: try row.decode("priority"),
                    attempt: try row.decode("attempt"), claimedAt: now - .seconds(try row.decode("age", as: Double.self)),
                    tenant: try row.decode("tenant_id"), sendKey: try row.decode("send_key"), campaign: try row.decodeOptional("campaign_id"),
                    enrolment: try row.decodeOptional("enrolment_id"), reservation: try row.decodeOptional("reservation_id"),
                    mailbox: try row.decode("mailbox_id"), recipient: try row.decode("recipient"),
                    recipientName: try row.decodeOptional("recipient_name"), subject: try row.decode("subject"), text: try row.decode("text_body"),
                    html: try row.decodeOptional("html_body"), hours: hours, follows: try row.decode("follows"),
                    renamed: Dictionary(
                        zip(try row.decode("renamed_keys", as: [String].self), try row.decode("renamed_to", as: [String].self))
                    ) { first, _ in first },
                    answers: try row.decode("answers"),
                    deferrals: try row.decode("deferrals"), firstDeferredAt: try row.decodeOptional("first_deferred_at"),
                    unreachable: try row.decode("unreachable"),
                    createdAt: try row.decode("created_at"), destination: try row.decodeOptional("destination"),
                    hasGap: try row.decode("has_gap"), hasFailures: try row.decode("has_failures"),
                    entry: places[send.uuid] ?? StreamEntryPlace(stream: "", position: ""),
                    tracking: try Self.tracking(row, bases), trace: try JobTrace.trace(row)),
                mailbox: try SendingMailbox(row: row))
        }
    }

    private struct Sender: Hashable {
        let tenant: TenantID
        let address: String
    }

    /// Under which address the links of each sender's mails stand, asked once a sender.
    private func trackingBases(_ rows: Rows) async throws -> [Sender: String] {
        guard let trackingHost else { return [:] }
        var bases: [Sender: String] = [:]
        for row in rows where try row.decode("opens") || row.decode("clicks") {
            let sender = Sender(tenant: try row.decode("tenant_id"), address: try row.decode("address"))
            if bases[sender] == nil { bases[sender] = await trackingHost.base(of: sender.tenant, from: sender.address) }
        }
        return bases
    }

    private static func tracking(_ row: Row, _ bases: [Sender: String]) throws -> DeliveryTracking? {
        let sender = Sender(tenant: try row.decode("tenant_id"), address: try row.decode("address"))
        return try bases[sender].map { base in
            DeliveryTracking(
                opens: try row.decode("opens"), clicks: try row.decode("clicks"), hiddenLink: try row.decode("hidden_link"), base: base)
        }
    }

    /// This worker lives.
    func sign(_ worker: String, slots: Int, inHand: Int) async throws {
        try await database.query(
            """
            insert into workers as w (name, started_at, seen_at, slots, in_hand) values (\(worker), now(), now(), \(slots), \(inHand))
            on conflict (name) do update set seen_at = now(), slots = excluded.slots, in_hand = excluded.in_hand
            """)
    }

    /// Keeps the claims of the mails in hand alive; one that was dropped on the way ends by itself.
    func heartbeat(_ claims: Set<Claim>) async throws {
        guard !claims.isEmpty else { return }
        try await database.query(
            """
            update jobs j set lease_until = now() + make_interval(secs => \(lease))
            from unnest(\(claims.map(\.job)), \(claims.map(\.fence))) as h (id, fence)
            where j.id = h.id and j.fence = h.fence and \(JobStore.isRunning)
            """)
    }
}
