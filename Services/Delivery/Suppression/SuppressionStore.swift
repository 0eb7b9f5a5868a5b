import Contracts
import Foundation
import Postgres
import Primitives

/// The SQL of one company's list of those who must not be written to.
struct SuppressionStore: Sendable {
    let tenant: TenantID

    /// Whose mail an entry holds back; without a workspace the whole company's.
    struct Scope: Sendable, Equatable {
        var workspace: WorkspaceID?
        /// Only together with its workspace.
        var campaign: CampaignID?

        static let tenant = Scope()
    }

    struct Entry: Sendable {
        var subject: String
        var reason: SuppressionReason
        var note: String?
        var expiresAt: Date?
    }

    /// Who puts entries there.
    struct Origin: Sendable {
        var source: String
        var createdBy: String?
        var undoUntil: Date?
    }

    /// Puts entries on the list; the subjects that were not there, or whose entries say more now. What is there never becomes weaker: the later end
    /// and the person's own wish hold. Ended entries begin anew.
    func add(_ entries: [Entry], _ scope: Scope, _ origin: Origin, now: Date, in transaction: Transaction) async throws -> [String] {
        let unique = Self.merged(entries)
        guard !unique.isEmpty else { return [] }
        let rows = try await transaction.pipeline([
            SuppressionLock.exclusive,
            """
            insert into suppressions as x (
                tenant_id, id, address, workspace_id, campaign_id, reason, source, note, created_by, created_at, expires_at, undo_until)
            select \(tenant), n.id, n.address, \(scope.workspace)::uuid, \(scope.campaign)::uuid, n.reason, \(origin.source)::text, n.note,
                   \(origin.createdBy)::text, \(now)::timestamptz, n.expires_at, \(origin.undoUntil)::timestamptz
            from unnest(\(unique.map { _ in UUID.v7(at: now) }), \(unique.map(\.subject)), \(unique.map(\.reason.rawValue)),
                        \(PostgresOptionals(unique.map(\.note))), \(PostgresOptionals(unique.map(\.expiresAt)))) as n (id, address, reason, note, expires_at)
            on conflict (tenant_id, address, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'),
                         coalesce(campaign_id, '00000000-0000-0000-0000-000000000000'))
            \(Self.merge(now: now))
            returning x.address
            """,
            settle(origin, "x.address = any(\(unique.filter(\.reason.isProtected).map(\.subject)))", scope),
        ])[1]
        return try rows.map { try $0.decode("address") }
    }

    /// As ``add(_:_:_:now:in:)``, for somebody of whom only the digest is known; whether it was not there, or says more now.
    func add(digest: Data, _ entry: Entry, _ scope: Scope, _ origin: Origin, now: Date, in transaction: Transaction) async throws -> Bool {
        let rows = try await transaction.pipeline([
            SuppressionLock.exclusive,
            """
            insert into suppressions as x (
                tenant_id, id, address_digest, workspace_id, campaign_id, reason, source, note, created_by, created_at, expires_at, undo_until)
            values (\(tenant), \(UUID.v7(at: now)), \(digest), \(scope.workspace), \(scope.campaign), \(entry.reason), \(origin.source),
                    \(entry.note), \(origin.createdBy), \(now), \(entry.expiresAt), \(origin.undoUntil))
            on conflict (tenant_id, address_digest, coalesce(workspace_id, '00000000-0000-0000-0000-000000000000'),
                         coalesce(campaign_id, '00000000-0000-0000-0000-000000000000')) where address_digest is not null
            \(Self.merge(now: now))
            returning x.id
            """,
            settle(origin, "x.address_digest = \(digest) and \(entry.reason.isProtected)", scope),
        ])[1]
        return !rows.isEmpty
    }

    /// Whoever asks by another way, too, meant it: from then on nothing takes the entry back.
    private func settle(_ origin: Origin, _ isMeant: SQL, _ scope: Scope) -> SQL {
        """
        update suppressions x set undo_until = null
        where x.tenant_id = \(tenant) and \(isMeant) and x.workspace_id is not distinct from \(scope.workspace)::uuid
          and x.campaign_id is not distinct from \(scope.campaign)::uuid and x.undo_until is not null
          and (\(origin.undoUntil)::timestamptz is null or x.created_by is distinct from \(origin.createdBy)::text)
        """
    }

    /// In one order, so that two that add the same ones wait for each other instead of failing; of two for one subject the stronger.
    private static func merged(_ entries: [Entry]) -> [Entry] {
        var bySubject: [String: Entry] = [:]
        for entry in entries {
            guard let before = bySubject[entry.subject] else {
                bySubject[entry.subject] = entry
                continue
            }
            var stronger = before.reason.isProtected || !entry.reason.isProtected ? before : entry
            if let first = before.expiresAt, let second = entry.expiresAt {
                stronger.expiresAt = max(first, second)
            } else {
                stronger.expiresAt = nil
            }
            bySubject[entry.subject] = stronger
        }
        return bySubject.values.sorted { $0.subject < $1.subject }
    }

    /// What becomes of an entry `x` when another for the same subject and scope comes.
    private static func merge(now: Date) -> SQL {
        let protected = SuppressionReason.protected.map(\.rawValue)
        let hasEnded: SQL = "coalesce(x.expires_at <= \(now), false)"
        let takes: SQL = "(\(hasEnded) or excluded.reason = any(\(protected)) or not x.reason = any(\(protected)))"
        return """
            do update set
                reason = case when \(takes) then excluded.reason else x.reason end,
                source = case when \(takes) then excluded.source else x.source end,
                note = case when \(takes) then excluded.note else x.note end,
                created_at = case when \(takes) then excluded.created_at else x.created_at end,
                created_by = case when \(takes) then excluded.created_by else x.created_by end,
                undo_until = case when \(hasEnded) or x.undo_until is not null and x.created_by = excluded.created_by then excluded.undo_until end,
                expires_at = case when \(hasEnded) then excluded.expires_at
                    when x.expires_at is null or excluded.expires_at is null then null else greatest(x.expires_at, excluded.expires_at) end
            where \(hasEnded) or x.expires_at is not null and (excluded.expires_at is null or excluded.expires_at > x.expires_at)
               or excluded.reason = any(\(protected)) and not x.reason = any(\(protected))
            """
    }

    /// The enrolments that had mail to one of these, in the ledger's form.
    func enrolments(of recipients: [String], _ scope: Scope, in transaction: Transaction) async throws -> [EnrolmentID] {
        try await transaction.query(
            """
            select distinct s.enrolment_id from unnest(\(recipients)) as a (address)
            join sends s on s.tenant_id = \(tenant) and s.recipient = a.address
            where s.enrolment_id is not null and (\(scope.workspace)::uuid is null or s.workspace_id = \(scope.workspace))
              and (\(scope.campaign)::uuid is null or s.campaign_id = \(scope.campaign))
            """
        ).map { try $0.decode("enrolment_id") }
    }

    /// What was taken back: how many entries, and whether one of them was for the whole company and without an end.
    struct Undone: Sendable, Equatable {
        let count: Int
        let isWhole: Bool
    }

    /// Takes back what was entered by the link in a mail, as long as that is possible.
    func undo(of recipient: String, createdBy: String, now: Date, in transaction: Transaction) async throws -> Undone {
        let digest = ErasedRecipient.digest(of: recipient)
        let rows = try await transaction.query(
            """
            delete from suppressions where tenant_id = \(tenant) and created_by = \(createdBy) and undo_until > \(now)
              and (address = \(digest == nil ? recipient : nil) or address_digest = \(digest))
            returning workspace_id is null and expires_at is null as is_whole
            """)
        return Undone(count: rows.count, isWhole: try rows.contains { try $0.decode("is_whole") })
    }

    /// The enrolments that had mail to somebody and that no entry holds back. A person who was forgotten has none: those have ended.
    func unblockedEnrolments(of recipient: String, now: Date, in transaction: Transaction) async throws -> [EnrolmentID] {
        guard ErasedRecipient.digest(of: recipient) == nil else { return [] }
        return try await transaction.query(
            """
            select distinct s.enrolment_id from sends s
            where s.tenant_id = \(tenant) and s.recipient = \(recipient) and s.enrolment_id is not null
              and not \(SuppressionConditions.blocksMail(at: now))
            order by s.enrolment_id
            """
        ).map { try $0.decode("enrolment_id") }
    }

    /// Whether something holds back all mail of the company to somebody.
    func blocksWhole(_ recipient: String, now: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            select exists (
                select from suppressions x
                where x.tenant_id = \(tenant) and x.address = any(\(SuppressionSubject.blocking(recipient))) and x.workspace_id is null
                  and (x.expires_at is null or x.expires_at > \(now))) as is_blocked
            """)[0].decode("is_blocked")
    }
}
