import Contracts
import Foundation
import IMAP
import Postgres

/// The SQL of where mailboxes are read, and by whom.
struct ReaderStore: Sendable {
    let database: Database

    /// How a mailbox signs in.
    enum Secret: Sendable {
        case password(sealed: String)
        /// An access token that is asked for anew each time.
        case token

        var authentication: String {
            switch self {
            case .password: "password"
            case .token: "token"
            }
        }

        var sealed: String? {
            switch self {
            case .password(let sealed): sealed
            case .token: nil
            }
        }
    }

    /// New settings that were tested: it is read at once, and whoever reads it with the old ones has lost it. What was read stays read.
    static func put(
        _ server: IMAPServer, username: String, _ secret: Secret, of mailbox: MailboxID, _ tenant: TenantID, at now: Date,
        in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into mailbox_readers as r (tenant_id, mailbox_id, host, port, security, username, authentication, password_sealed, state_since,
                                              next_at, created_at, updated_at)
            values (\(tenant), \(mailbox), \(server.host), \(server.port), \(server.security), \(username), \(secret.authentication),
                    \(secret.sealed), \(now), \(now), \(now), \(now))
            on conflict (tenant_id, mailbox_id) do update set host = excluded.host, port = excluded.port, security = excluded.security,
                username = excluded.username, authentication = excluded.authentication, password_sealed = excluded.password_sealed,
                state = 'active', state_reason = null, state_since = excluded.state_since, failures = 0, next_at = excluded.next_at,
                lease_holder = null, lease_until = null, fence = r.fence + 1, idles = false, updated_at = excluded.updated_at
            """)
    }

    /// False when it was not read. The marks of its folders go, too: who connects it again begins anew, and no mail is taken in twice.
    static func remove(_ mailbox: MailboxID, _ tenant: TenantID, in transaction: Transaction) async throws -> Bool {
        let gone = try await transaction.query("delete from mailbox_readers where tenant_id = \(tenant) and mailbox_id = \(mailbox)").affected > 0
        try await transaction.query("delete from mailbox_folders where tenant_id = \(tenant) and mailbox_id = \(mailbox)")
        return gone
    }

    /// How those of these mailboxes that are read are read.
    static func views(of mailboxes: [MailboxID], _ tenant: TenantID, in database: Database) async throws -> [MailboxID: MailboxReadingView] {
        guard !mailboxes.isEmpty else { return [:] }
        let rows = try await database.query(
            as: tenant,
            """
            select r.mailbox_id, r.host, r.port, r.security, r.username, r.state, r.state_reason, r.read_at,
                   (select count(*) from mailbox_quarantine q where q.tenant_id = r.tenant_id and q.mailbox_id = r.mailbox_id) as quarantined
            from mailbox_readers r where r.tenant_id = \(tenant) and r.mailbox_id = any(\(mailboxes))
            """)
        return try Dictionary(
            uniqueKeysWithValues: rows.map { row in
                (
                    try row.decode("mailbox_id"),
                    MailboxReadingView(
                        host: try row.decode("host"), port: try row.decode("port"), security: try row.decode("security"),
                        username: try row.decode("username"), state: try row.decode("state"), stateReason: try row.decodeOptional("state_reason"),
                        readAt: try row.decodeOptional("read_at"), quarantined: try row.decode("quarantined"))
                )
            })
    }

    // MARK: - Leases

    /// The mailbox that has waited longest, for `holder` alone as long as the lease holds; none of the tenants in `busy`.
    func claim(by holder: String, notOf busy: [TenantID], lease: Double, now: Date) async throws -> ReadingMailbox? {
        try await database.query(
            """
            update mailbox_readers r set lease_holder = \(holder), lease_until = now() + make_interval(secs => \(lease)), fence = r.fence + 1,
                next_at = \(now.addingTimeInterval(lease)), idles = false
            from mailboxes m
            where (r.tenant_id, r.mailbox_id) = (
                    select d.tenant_id, d.mailbox_id from mailbox_readers d
                    where d.next_at <= \(now) and (d.lease_until is null or d.lease_until <= now()) and d.tenant_id <> all(\(busy))
                    order by d.next_at limit 1 for update skip locked)
              and m.tenant_id = r.tenant_id and m.id = r.mailbox_id
            returning r.tenant_id, r.mailbox_id, m.workspace_id, m.address, r.host, r.port, r.security, r.username, r.password_sealed, r.fence,
                      r.failures, r.state
            """
        ).first.map(ReadingMailbox.init)
    }

    /// What `holder` still holds, for another while; by mailbox the fence.
    func renew(by holder: String, lease: Double, now: Date) async throws -> [MailboxID: Int64] {
        let rows = try await database.query(
            """
            update mailbox_readers set lease_until = now() + make_interval(secs => \(lease)), next_at = \(now.addingTimeInterval(lease))
            where lease_holder = \(holder) and lease_until > now() returning mailbox_id, fence
            """)
        return try Dictionary(uniqueKeysWithValues: rows.map { (try $0.decode("mailbox_id"), try $0.decode("fence")) })
    }

    /// Its connection waits for news; false when it was lost meanwhile.
    func markIdle(_ mailbox: ReadingMailbox, now: Date) async throws -> Bool {
        try await database.query(
            """
            update mailbox_readers set idles = true, failures = 0, read_at = \(now)
            where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and fence = \(mailbox.fence) and lease_holder is not null
            """
        ).affected > 0
    }

    /// Gives it back with what became of the pass; the state that it had before, nil when somebody else has it.
    func release(_ mailbox: ReadingMailbox, _ result: PassResult, now: Date, in transaction: Transaction) async throws -> String? {
        try await transaction.query(
            """
            with before as (
                select tenant_id, mailbox_id, state, state_reason, state_since from mailbox_readers
                where tenant_id = \(mailbox.tenant) and mailbox_id = \(mailbox.id) and fence = \(mailbox.fence) for update)
            update mailbox_readers r set lease_holder = null, lease_until = null, idles = false, next_at = \(result.nextAt),
                failures = \(result.failures), read_at = case when \(result.isComplete) then \(now)::timestamptz else r.read_at end,
                state = coalesce(\(result.state), b.state),
                state_reason = case when \(result.state)::text is null then b.state_reason else \(result.reason.map { String($0.prefix(500)) }) end,
                state_since = case when coalesce(\(result.state), b.state) = b.state then b.state_since else \(now)::timestamptz end
            from before b where r.tenant_id = b.tenant_id and r.mailbox_id = b.mailbox_id returning b.state as state_before
            """
        ).first?.decode("state_before")
    }

    /// Everything that `holder` still holds, when it goes.
    func releaseAll(by holder: String, now: Date) async throws {
        try await database.query(
            "update mailbox_readers set lease_holder = null, lease_until = null, idles = false, next_at = \(now) where lease_holder = \(holder)")
        try await database.query("delete from mailbox_reading_replicas where name = \(holder)")
    }

    // MARK: - Sharing

    /// This replica lives; how many do, and how many mailboxes idle with all of them.
    func sign(_ holder: String, lease: Double) async throws -> (replicas: Int, idle: Int) {
        let row = try await database.query(
            """
            with signed as (
                insert into mailbox_reading_replicas as r (name, seen_at) values (\(holder), now())
                on conflict (name) do update set seen_at = excluded.seen_at returning name),
            gone as (delete from mailbox_reading_replicas where seen_at < now() - interval '1 day')
            select (select count(*) from mailbox_reading_replicas
                    where name <> \(holder) and seen_at > now() - make_interval(secs => \(lease))) + (select count(*) from signed) as replicas,
                   (select count(*) from mailbox_readers where lease_holder is not null and idles and lease_until > now()) as idle
            """)[0]
        return (try row.decode("replicas"), try row.decode("idle"))
    }

    /// Mailboxes that can be read, and those of them that have waited since `late` or longer.
    func health(late: Date) async throws -> (active: Int, late: Int) {
        let row = try await database.query(
            """
            select count(*) filter (where state = 'active') as active, count(*) filter (where state = 'active' and next_at < \(late)) as late
            from mailbox_readers
            """)[0]
        return (try row.decode("active"), try row.decode("late"))
    }
}
