import Contracts
import Foundation
import Postgres
import Primitives

/// What somebody let us do with a mailbox, as its owner sees it; the tokens are nowhere in it.
struct ConsentView: Encodable, Sendable, Equatable {
    let provider: OAuthProvider.Name
    /// `granted`, or `lost`: withdrawn, expired or refused; nothing is sent until it is renewed.
    let state: String
    let stateReason: String?
    let grantedAt: Date
    let scopes: [String]
}

/// A consent with its sealed tokens, in the hands of whoever needs one.
struct Consent: Sendable {
    let tenant: TenantID
    let mailbox: MailboxID
    let provider: OAuthProvider.Name
    /// Why nothing can be done with it; nil while it is granted.
    let loss: String?
    let refreshSealed: String?
    let accessSealed: String?
    let accessExpiresAt: Date?
    /// Which access token it is.
    let generation: Int64
    let refreshedAt: Date
    let failures: Int
    /// Before that the provider is not asked again, for the reason `failure`.
    let retryAt: Date?
    let failure: String?

    static let columns: SQL = """
        tenant_id, mailbox_id, provider, case when state = 'lost' then coalesce(state_reason, '') end as loss, refresh_sealed, access_sealed,
        access_expires_at, generation, refreshed_at, failures, retry_at, failure
        """

    init(row: Row) throws(PostgresError) {
        tenant = try row.decode("tenant_id")
        mailbox = try row.decode("mailbox_id")
        provider = try row.decode("provider")
        loss = try row.decodeOptional("loss")
        refreshSealed = try row.decodeOptional("refresh_sealed")
        accessSealed = try row.decodeOptional("access_sealed")
        accessExpiresAt = try row.decodeOptional("access_expires_at")
        generation = try row.decode("generation")
        refreshedAt = try row.decode("refreshed_at")
        failures = try row.decode("failures")
        retryAt = try row.decodeOptional("retry_at")
        failure = try row.decodeOptional("failure")
    }

    /// How long before its end a token is replaced: five minutes, less for one that lives shortly.
    static func margin(from: Date, to end: Date) -> TimeInterval {
        min(300, max(0, end.timeIntervalSince(from) / 4))
    }

    /// Whether the access token may be used at `now` as it is.
    func isFresh(at now: Date) -> Bool {
        guard accessSealed != nil, let end = accessExpiresAt else { return false }
        return now < end.addingTimeInterval(-Self.margin(from: refreshedAt, to: end))
    }

    /// Whether the access token is good for a little longer, when there is no other.
    func isUsable(at now: Date) -> Bool {
        guard accessSealed != nil, let end = accessExpiresAt else { return false }
        return now.addingTimeInterval(10) < end
    }

    static func refreshPlace(_ mailbox: MailboxID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailbox_consents.refresh", row: mailbox.description, tenant: tenant.uuid)
    }

    static func accessPlace(_ mailbox: MailboxID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailbox_consents.access", row: mailbox.description, tenant: tenant.uuid)
    }
}

/// Tokens as they are stored.
struct SealedTokens: Sendable {
    let access: String
    let accessExpiresAt: Date
    /// Nil: the one that there is stays.
    let refresh: String?

    /// `now`: when they were asked for.
    init(_ tokens: OAuthTokens, of mailbox: MailboxID, _ tenant: TenantID, keyring: Keyring, now: Date) throws {
        access = try keyring.seal(Data(tokens.access.utf8), for: Consent.accessPlace(mailbox, of: tenant))
        refresh = try tokens.refresh.map { try keyring.seal(Data($0.utf8), for: Consent.refreshPlace(mailbox, of: tenant)) }
        accessExpiresAt = now.addingTimeInterval(tokens.lifetime)
    }
}
