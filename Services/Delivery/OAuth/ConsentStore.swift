import Contracts
import Foundation
import HTTP
import HTTPTypes
import Postgres

/// The SQL of consents.
struct ConsentStore: Sendable {
    let database: Database

    // MARK: - By their owners

    /// What was consented to just now, in the transaction that makes or changes its mailbox; in place of an older consent.
    static func put(
        _ person: OAuthPerson, at provider: OAuthProvider.Name, scopes: [String], _ tokens: SealedTokens, of mailbox: MailboxID, _ tenant: TenantID,
        at now: Date, in transaction: Transaction
    ) async throws {
        try await transaction.query(
            """
            insert into mailbox_consents as c (tenant_id, mailbox_id, provider, issuer, subject, scopes, state_since, granted_at, refresh_sealed,
                                               access_sealed, access_expires_at, refreshed_at)
            values (\(tenant), \(mailbox), \(provider), \(person.issuer), \(person.subject), \(scopes.joined(separator: " ")), \(now), \(now),
                    \(tokens.refresh), \(tokens.access), \(tokens.accessExpiresAt), \(now))
            on conflict (tenant_id, mailbox_id) do update set provider = excluded.provider, issuer = excluded.issuer, subject = excluded.subject,
                scopes = excluded.scopes, state = 'granted', state_reason = null, state_since = excluded.state_since,
                granted_at = excluded.granted_at, refresh_sealed = excluded.refresh_sealed, access_sealed = excluded.access_sealed,
                access_expires_at = excluded.access_expires_at, generation = c.generation + 1, refreshed_at = excluded.refreshed_at,
                lease_holder = null, lease_until = null, failures = 0, retry_at = null, failure = null
            """)
    }

    /// Throws a problem for a mailbox whose consent is lost: it sends again when that is renewed, and not before.
    static func requireGranted(for mailbox: MailboxID, of tenant: TenantID, in transaction: Transaction) async throws {
        let lost = try await transaction.query(
            "select state_reason from mailbox_consents where tenant_id = \(tenant) and mailbox_id = \(mailbox) and state = 'lost'")
        guard let row = lost.first else { return }
        throw Problem(
            .conflict, kind: "consent_lost", title: "The mailbox must be connected again.", detail: try row.decodeOptional("state_reason"),
            extensions: ["renew": .text("/api/v1/mailboxes/\(mailbox)/oauth")])
    }

    // MARK: - By whoever needs a token

    func find(_ mailbox: MailboxID, of tenant: TenantID) async throws(PostgresError) -> Consent? {
        guard
            let row = try await database.query(
                "select \(Consent.columns) from mailbox_consents where tenant_id = \(tenant) and mailbox_id = \(mailbox)"
            ).first
        else { return nil }
        return try Consent(row: row)
    }

    /// Takes the right to ask for the token after `generation`; nil when somebody else has it, or nothing is to be asked any more.
    func lease(
        _ mailbox: MailboxID, of tenant: TenantID, past generation: Int64, by holder: UUID, seconds: Double, now: Date
    ) async throws(PostgresError) -> Consent? {
        let rows = try await database.query(
            """
            update mailbox_consents set lease_holder = \(holder), lease_until = clock_timestamp() + make_interval(secs => \(seconds))
            where tenant_id = \(tenant) and mailbox_id = \(mailbox) and generation = \(generation) and state = 'granted'
              and (lease_until is null or lease_until <= clock_timestamp()) and (retry_at is null or retry_at <= \(now))
            returning \(Consent.columns)
            """)
        guard let row = rows.first else { return nil }
        return try Consent(row: row)
    }

    /// What the provider gave, access and refresh token in one statement; false when the lease is not the holder's any more.
    func store(_ tokens: SealedTokens, of consent: Consent, by holder: UUID, now: Date) async throws(PostgresError) -> Bool {
        try await database.query(
            """
            update mailbox_consents set access_sealed = \(tokens.access), access_expires_at = \(tokens.accessExpiresAt),
                refresh_sealed = coalesce(\(tokens.refresh), refresh_sealed), generation = generation + 1, refreshed_at = \(now),
                lease_holder = null, lease_until = null, failures = 0, retry_at = null, failure = null
            where tenant_id = \(consent.tenant) and mailbox_id = \(consent.mailbox) and generation = \(consent.generation) and state = 'granted'
              and lease_holder = \(holder)
            """
        ).affected > 0
    }

    /// The provider had no answer: it is asked again at `retryAt`, not before.
    func fail(_ consent: Consent, by holder: UUID, retryAt: Date, words: String) async throws(PostgresError) {
        try await database.query(
            """
            update mailbox_consents set failures = failures + 1, retry_at = \(retryAt), failure = \(String(words.prefix(500))),
                lease_holder = null, lease_until = null
            where tenant_id = \(consent.tenant) and mailbox_id = \(consent.mailbox) and generation = \(consent.generation)
              and lease_holder = \(holder)
            """)
    }
}
