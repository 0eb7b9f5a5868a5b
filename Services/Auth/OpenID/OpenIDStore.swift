import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The SQL of trips to providers and of who is whom there.
enum OpenIDStore {
    /// A trip as it is begun; of its secrets only digests are kept, or sealed.
    struct NewFlow: Sendable {
        let id: UUID
        let provider: String
        let state: String
        let nonce: String
        let binding: String
        let verifierSealed: String
        let callbackPath: String
        /// The session that wants to add the provider; nil for signing in.
        let link: Session?
        let at: Date
        let expiresAt: Date
    }

    /// A trip that came back.
    struct Flow: Sendable {
        struct Link: Sendable {
            let user: UserID
            let session: SessionID
        }
        let id: UUID
        let nonceDigest: Data
        let verifierSealed: String
        let callbackPath: String
        let link: Link?
    }

    static func begin(_ flow: NewFlow, in database: Database) async throws {
        try await database.query(
            """
            insert into openid_flows (id, provider, state_digest, nonce_digest, binding_digest, verifier_sealed, callback_path, link_user,
                                      link_session, created_at, expires_at)
            values (\(flow.id), \(flow.provider), \(digest(flow.state)), \(digest(flow.nonce)), \(digest(flow.binding)), \(flow.verifierSealed),
                    \(flow.callbackPath), \(flow.link?.user), \(flow.link?.id), \(flow.at), \(flow.expiresAt))
            """)
    }

    /// Uses the trip up; nil when it was used, is too old, was to another provider, or was begun by another browser. Whoever learned the
    /// state but not the cookie cannot even spoil it.
    static func consume(state: String, binding: String, provider: String, at now: Date, in database: Database) async throws -> Flow? {
        try await database.query(
            """
            update openid_flows set consumed_at = \(now)
            where state_digest = \(digest(state)) and provider = \(provider) and binding_digest = \(digest(binding)) and consumed_at is null
              and expires_at > \(now)
            returning id, nonce_digest, verifier_sealed, callback_path, link_user, link_session
            """
        ).first.map { row in
            let (user, session) = (
                try row.decodeOptional("link_user", as: UserID.self), try row.decodeOptional("link_session", as: SessionID.self)
            )
            var link: Flow.Link?
            if let user, let session { link = Flow.Link(user: user, session: session) }
            return Flow(
                id: try row.decode("id"), nonceDigest: try row.decode("nonce_digest"), verifierSealed: try row.decode("verifier_sealed"),
                callbackPath: try row.decode("callback_path"), link: link)
        }
    }

    /// Whose identity this is; also of somebody who is gone.
    static func user(issuer: String, subject: String, in transaction: Transaction) async throws -> UserID? {
        try await transaction.query("select user_id from openid_identities where issuer = \(issuer) and subject = \(subject)")
            .first.map { try $0.decode("user_id") }
    }

    /// Nobody signs in as this person by a provider any more.
    static func unlinkAll(of user: UserID, in transaction: Transaction) async throws {
        try await transaction.query("delete from openid_identities where user_id = \(user)")
    }

    /// False when the identity is somebody's already.
    static func link(issuer: String, subject: String, to user: UserID, at instant: Date, in transaction: Transaction) async throws -> Bool {
        try await transaction.query(
            """
            insert into openid_identities (issuer, subject, user_id, created_at) values (\(issuer), \(subject), \(user), \(instant))
            on conflict (issuer, subject) do nothing
            """
        ).affected > 0
    }

    /// Makes a person with a proven address and no password, and a company of theirs; false when somebody else just took the address.
    static func insert(_ account: Account, tenant: TenantID, company: String, at instant: Date, in transaction: Transaction) async throws -> Bool {
        let rows = try await transaction.query(
            """
            insert into users.users (id, email, name, email_verified, created, updated)
            values (\(account.id), \(account.email), \(account.name), \(account.verifiedAt), \(instant), \(instant))
            on conflict (email) where deleted is null do nothing returning id
            """)
        guard !rows.isEmpty else { return false }
        try await transaction.pipeline([
            "insert into public.tenants (id, name, created, updated) values (\(tenant), \(company), \(instant), \(instant))",
            """
            insert into users.tenant_users (tenant_id, user_id, roles, email, created, updated)
            values (\(tenant), \(account.id), \(["owner"]), \(account.email), \(instant), \(instant))
            """,
        ])
        return true
    }

    static func digest(_ secret: String) -> Data {
        Data(SHA256.hash(data: Data(secret.utf8)))
    }
}
