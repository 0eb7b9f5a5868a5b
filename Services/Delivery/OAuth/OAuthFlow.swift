import Contracts
import Crypto
import Foundation
import Postgres
import Primitives

/// The text that a trip carries through the provider: whose it is, and a secret. It names the company so that the way back needs no look into others'.
struct OAuthState: Sendable, Equatable {
    let tenant: TenantID
    let text: String

    init(tenant: TenantID, secret: Data) {
        self.tenant = tenant
        text = (withUnsafeBytes(of: tenant.uuid.uuid) { Data($0) } + secret).base64URL
    }

    /// Nil for what was not made here.
    init?(_ text: String) {
        guard text.utf8.count == 64, let bytes = Data(base64URL: text), bytes.count == 48, bytes.base64URL == text else { return nil }
        let number = bytes.prefix(16).withUnsafeBytes { $0.loadUnaligned(as: uuid_t.self) }
        tenant = TenantID(UUID(uuid: number))
        self.text = text
    }
}

/// A trip to a provider and back.
struct OAuthFlow: Sendable {
    /// Long enough to sign in there with a second factor.
    static let lifetime: TimeInterval = 600

    /// What it is for.
    enum Purpose: Sendable {
        case new(displayName: String, MailboxLimits)
        case renewal(MailboxID)
    }

    let id: UUID
    let tenant: TenantID
    let provider: OAuthProvider.Name
    let nonceDigest: Data
    let verifierSealed: String
    let user: UserID
    let userName: String
    /// In which it was begun, and must end.
    let session: SessionID
    let workspace: WorkspaceID
    let workspaceSlug: String
    let purpose: Purpose

    static func place(_ id: UUID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "mailbox_oauth_flows.verifier", row: id.text, tenant: tenant.uuid)
    }

    static func digest(_ secret: String) -> Data {
        Data(SHA256.hash(data: Data(secret.utf8)))
    }
}

/// The SQL of trips.
struct OAuthFlowStore: Sendable {
    let database: Database

    /// `state` and `binding` are stored as digests.
    static func insert(_ flow: OAuthFlow, state: String, binding: String, at now: Date, in transaction: Transaction) async throws {
        var name: String?
        var limits = MailboxLimits()
        var mailbox: MailboxID?
        switch flow.purpose {
        case .new(let displayName, let wanted): (name, limits) = (displayName, wanted)
        case .renewal(let known): mailbox = known
        }
        try await transaction.query(
            """
            insert into mailbox_oauth_flows (tenant_id, id, provider, state_digest, nonce_digest, binding_digest, verifier_sealed, user_id, user_name,
                session_id, workspace_id, workspace_slug, mailbox_id, display_name, daily_limit, hourly_limit, gap_seconds, ramp, created_at,
                expires_at)
            values (\(flow.tenant), \(flow.id), \(flow.provider), \(OAuthFlow.digest(state)), \(flow.nonceDigest), \(OAuthFlow.digest(binding)),
                \(flow.verifierSealed), \(flow.user), \(flow.userName), \(flow.session), \(flow.workspace), \(flow.workspaceSlug), \(mailbox),
                \(name), \(limits.daily), \(limits.hourly), \(limits.gapSeconds), \(limits.ramp), \(now),
                \(now.addingTimeInterval(OAuthFlow.lifetime)))
            """)
    }

    /// The trip that a browser came back from; nil when it was used, is too old, or was begun by another browser. Whoever learned the state but not the
    /// cookie cannot even spoil it.
    func find(_ state: OAuthState, binding: String, at now: Date) async throws -> OAuthFlow? {
        try await database.query(
            as: state.tenant,
            """
            select id, tenant_id, provider, nonce_digest, verifier_sealed, user_id, user_name, session_id, workspace_id, workspace_slug, mailbox_id,
                   display_name, daily_limit, hourly_limit, gap_seconds, ramp
            from mailbox_oauth_flows
            where tenant_id = \(state.tenant) and state_digest = \(OAuthFlow.digest(state.text)) and binding_digest = \(OAuthFlow.digest(binding))
              and consumed_at is null and expires_at > \(now)
            """
        ).first.map(Self.flow)
    }

    /// False when somebody else was faster.
    func consume(_ flow: OAuthFlow, at now: Date) async throws -> Bool {
        try await database.query(
            as: flow.tenant,
            """
            update mailbox_oauth_flows set consumed_at = \(now)
            where tenant_id = \(flow.tenant) and id = \(flow.id) and consumed_at is null and expires_at > \(now)
            """
        ).affected > 0
    }

    /// Those that nobody can come back from any more; for the background's role.
    static func prune(in database: Database, now: Date) async throws {
        try await database.query("delete from mailbox_oauth_flows where expires_at < \(now.addingTimeInterval(-3_600))")
    }

    private static func flow(_ row: Row) throws -> OAuthFlow {
        let purpose: OAuthFlow.Purpose
        if let mailbox = try row.decodeOptional("mailbox_id", as: MailboxID.self) {
            purpose = .renewal(mailbox)
        } else {
            purpose = .new(
                displayName: try row.decode("display_name"),
                MailboxLimits(
                    daily: try row.decodeOptional("daily_limit"), hourly: try row.decodeOptional("hourly_limit"),
                    gapSeconds: try row.decode("gap_seconds"), ramp: try row.decodeOptional("ramp")))
        }
        return OAuthFlow(
            id: try row.decode("id"), tenant: try row.decode("tenant_id"), provider: try row.decode("provider"),
            nonceDigest: try row.decode("nonce_digest"), verifierSealed: try row.decode("verifier_sealed"), user: try row.decode("user_id"),
            userName: try row.decode("user_name"), session: try row.decode("session_id"), workspace: try row.decode("workspace_id"),
            workspaceSlug: try row.decode("workspace_slug"), purpose: purpose)
    }
}
