import Contracts
import Foundation
import HTTP
import IMAP
import Logging
import Mail
import Postgres
import Primitives
import RPC
import ServiceRuntime
import Streams

/// Connecting mailboxes by a person's consent at their provider, and renewing it: nothing is stored that was not tried.
struct OAuthMailboxes: Sendable {
    static let callbackPath = "/oauth/mailboxes/callback"

    let mailboxes: Mailboxes
    let providers: OAuthProviders
    let flows: OAuthFlowStore
    let keyring: Keyring
    let clock: WallClock
    let baseURL: String
    let logger: Logger

    /// Where to send the browser, what it must bring back, and until when.
    struct Begun: Sendable {
        let url: String
        let expiresAt: Date
    }

    /// What a browser brings back.
    struct Returned: Sendable {
        let state: OAuthState
        let binding: String
        /// Nil: the provider, or the person there, said no.
        let code: String?
    }

    /// What came of a trip.
    struct Arrival: Sendable {
        let workspaceSlug: String
        let result: Result<Mailbox, OAuthRefusal>
        let isRenewal: Bool
    }

    // MARK: - Going

    /// A new mailbox of a workspace.
    func begin(
        _ name: OAuthProvider.Name, in workspace: WorkspaceID, displayName: String, limits: MailboxLimits, binding: String, by identity: Identity
    ) async throws -> Begun {
        try await begin(name, in: workspace, .new(displayName: displayName, limits), hint: nil, binding: binding, by: identity)
    }

    /// The consent for a mailbox that is there; one with a password signs in by its provider from then on. Nil: the provider that it has.
    func begin(_ name: OAuthProvider.Name?, for mailbox: MailboxID, binding: String, by identity: Identity) async throws -> Begun {
        guard let known = try await mailboxes.store.find(mailbox, of: identity.tenant), identity.mayUse(known.workspace) else {
            throw Problem.notFound("mailbox")
        }
        guard let name = name ?? known.consent?.provider else { throw Problem.invalid("Name the provider: google or microsoft.", field: "provider") }
        return try await begin(name, in: known.workspace, .renewal(mailbox), hint: known.address, binding: binding, by: identity)
    }

    private func begin(
        _ name: OAuthProvider.Name, in workspace: WorkspaceID, _ purpose: OAuthFlow.Purpose, hint: String?, binding: String, by identity: Identity
    ) async throws -> Begun {
        // A person consents, in the browser in which it was begun: whoever could send somebody else there would get that one's mailbox.
        guard identity.apiKey == nil, identity.support == nil else {
            throw Problem.forbidden("A person has to begin this in the console, not a program or the support.")
        }
        guard let client = providers.clients[name] else {
            throw Problem.unprocessable(
                kind: "oauth_not_configured", title: "Mailboxes cannot be connected through \(name.title) here.",
                detail: "The operator of this installation has not configured \(name.title).", extensions: ["provider": .text(name.rawValue)])
        }
        let slug = try await mailboxes.requireWorkspace(workspace, of: identity.tenant).slug
        let (now, id) = (clock.now, UUID.v7(at: clock.now))
        let state = OAuthState(tenant: identity.tenant, secret: randomBytes(32))
        let (nonce, verifier) = (randomBytes(32).base64URL, randomBytes(32).base64URL)
        let flow = OAuthFlow(
            id: id, tenant: identity.tenant, provider: name, nonceDigest: OAuthFlow.digest(nonce),
            verifierSealed: try keyring.seal(Data(verifier.utf8), for: OAuthFlow.place(id, of: identity.tenant)), user: identity.user,
            userName: identity.name, session: identity.session, workspace: workspace, workspaceSlug: slug, purpose: purpose)
        try await mailboxes.database.transaction(as: identity.tenant) { transaction in
            if case .new(_, let limits) = purpose { try await Self.check(limits, in: transaction) }
            try await OAuthFlowStore.insert(flow, state: state.text, binding: binding, at: now, in: transaction)
        }
        let url = client.authorizeURL(state: state.text, nonce: nonce, verifier: verifier, redirect: baseURL + Self.callbackPath, hint: hint)
        return Begun(url: url, expiresAt: now.addingTimeInterval(OAuthFlow.lifetime))
    }

    private static func check(_ limits: MailboxLimits, in transaction: Transaction) async throws {
        if let name = limits.ramp, try await WarmupStore.strategy(name, in: transaction) == nil {
            throw Problem.invalid("ramp must be the name of a warm-up strategy.", field: "ramp")
        }
    }

    // MARK: - Coming back

    /// Ends a trip; throws ``OAuthRefusal/flow`` for one that nobody knows.
    func finish(_ returned: Returned, audit: (String, AuditRecord.Target, [String: String]) -> AuditRecord) async throws -> Arrival {
        guard let flow = try await flows.find(returned.state, binding: returned.binding, at: clock.now) else { throw OAuthRefusal.flow }
        var isRenewal = false
        if case .renewal = flow.purpose { isRenewal = true }
        let result: Result<Mailbox, OAuthRefusal>
        do {
            // Asked before the trip is used up: while Auth is away, the page may be loaded again.
            let living = try await mailboxes.auth.call(AuthRPC.LivingSessions(sessions: [flow.session])).living
            guard try await flows.consume(flow, at: clock.now) else { throw OAuthRefusal.flow }
            guard living.contains(flow.session) else { throw OAuthRefusal.sessionEnded }
            guard let code = returned.code else { throw OAuthRefusal.denied }
            result = .success(try await connect(flow, code: code, audit: audit))
        } catch {
            guard let refusal = OAuthRefusal(error) else { throw error }
            logger.notice(
                "a mailbox was not connected",
                metadata: ["provider": "\(flow.provider)", "reason": "\(refusal.code)", "error": "\(error)"])
            result = .failure(refusal)
        }
        return Arrival(workspaceSlug: flow.workspaceSlug, result: result, isRenewal: isRenewal)
    }

    /// What a trip brought: whose mailbox it is, and the tokens for it.
    private struct Grant: Sendable {
        let flow: OAuthFlow
        let provider: OAuthProvider
        let person: OAuthPerson
        let scopes: [String]
        let tokens: OAuthTokens
        /// When the tokens were asked for.
        let askedAt: Date
    }

    private func connect(
        _ flow: OAuthFlow, code: String, audit: (String, AuditRecord.Target, [String: String]) -> AuditRecord
    ) async throws -> Mailbox {
        guard let client = providers.clients[flow.provider], let identifiers = providers.idTokens[flow.provider] else { throw OAuthRefusal.failed }
        let verifier = String(decoding: try keyring.open(flow.verifierSealed, for: OAuthFlow.place(flow.id, of: flow.tenant)), as: UTF8.self)
        let askedAt = clock.now
        let tokens = try await client.exchange(code: code, verifier: verifier, redirect: baseURL + Self.callbackPath)
        let scopes = tokens.scopes ?? client.provider.scopes
        let granted = Set(scopes.map { $0.lowercased() })
        guard client.provider.neededScopes.allSatisfy({ granted.contains($0.lowercased()) }) else { throw OAuthRefusal.scopes }
        guard tokens.refresh != nil else { throw OAuthRefusal.noRefreshToken }
        guard let token = tokens.idToken else { throw OAuthFailure.incredible("there is no ID token") }
        let grant = Grant(
            flow: flow, provider: client.provider, person: try await identifiers.person(of: token, nonceDigest: flow.nonceDigest),
            scopes: scopes, tokens: tokens, askedAt: askedAt)
        switch flow.purpose {
        case .new(let name, let limits): return try await make(grant, displayName: name, limits, audit)
        case .renewal(let mailbox): return try await renew(mailbox, grant, audit)
        }
    }

    private func make(
        _ grant: Grant, displayName: String, _ limits: MailboxLimits, _ audit: (String, AuditRecord.Target, [String: String]) -> AuditRecord
    ) async throws -> Mailbox {
        guard let address = grant.person.addresses.compactMap({ try? MailAddress($0) }).first else {
            throw OAuthRefusal.unusableAddress(grant.person.addresses.first ?? "It")
        }
        try await test(grant, username: address.normalized)
        let (now, flow) = (clock.now, grant.flow)
        let server = grant.provider.smtp
        let mailbox = Mailbox(
            id: MailboxID(.v7(at: now)), workspace: flow.workspace, address: address.normalized, displayName: displayName, kind: .oauth,
            smtp: .init(host: server.host, port: server.port, security: server.security, username: address.normalized), consent: nil,
            state: "active", stateReason: nil, limits: limits, opensAt: nil, createdAt: now)
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox.id), at: now, tenant: flow.tenant, workspace: flow.workspace,
            actor: .user(flow.user, name: flow.userName),
            audit: audit("mailbox.connect", target(mailbox), ["provider": flow.provider.rawValue]))
        return try await mailboxes.make(mailbox, of: flow.tenant, .token, event: event) { transaction in
            try await Self.check(limits, in: transaction)
            try await MailboxStore.set(limits, of: mailbox.id, flow.tenant, at: now, in: transaction)
            try await put(grant, of: mailbox.id, username: address.normalized, at: now, in: transaction)
        }
    }

    private func renew(
        _ mailbox: MailboxID, _ grant: Grant, _ audit: (String, AuditRecord.Target, [String: String]) -> AuditRecord
    ) async throws -> Mailbox {
        let flow = grant.flow
        guard let known = try await mailboxes.store.find(mailbox, of: flow.tenant) else { throw OAuthRefusal.noSuchMailbox }
        guard grant.person.addresses.contains(where: { $0.lowercased() == known.address }) else {
            throw OAuthRefusal.otherAddress(known.address, not: grant.person.addresses.first ?? "another")
        }
        try await test(grant, username: known.address)
        let now = clock.now
        let event = try PendingEvent(
            DeliveryEvents.MailboxConnected(mailbox: mailbox), at: now, tenant: flow.tenant, workspace: known.workspace,
            actor: .user(flow.user, name: flow.userName),
            audit: audit("mailbox.reconnect", target(known), ["provider": flow.provider.rawValue]))
        return try await mailboxes.change(
            known, of: flow.tenant, to: grant.provider.smtp, username: known.address, .token, event: event, at: now
        ) { transaction in
            try await put(grant, of: mailbox, username: known.address, at: now, in: transaction)
        }
    }

    private func target(_ mailbox: Mailbox) -> AuditRecord.Target {
        .init(type: "mailbox", id: mailbox.id.description, name: mailbox.address)
    }

    /// Signs in as sending and reading will: also the proof that the address is the person's, whatever the provider lets them claim.
    private func test(_ grant: Grant, username: String) async throws {
        let token = grant.tokens.access
        try await mailboxes.test(
            grant.provider.smtp, .accessToken(username: username, token: token),
            imap: (grant.provider.imap, .accessToken(username: username, token: token)))
    }

    /// The consent, and how the mailbox is read by it.
    private func put(_ grant: Grant, of mailbox: MailboxID, username: String, at now: Date, in transaction: Transaction) async throws {
        let tenant = grant.flow.tenant
        let sealed = try SealedTokens(grant.tokens, of: mailbox, tenant, keyring: keyring, now: grant.askedAt)
        try await ConsentStore.put(
            grant.person, at: grant.flow.provider, scopes: grant.scopes, sealed, of: mailbox, tenant, at: now, in: transaction)
        try await ReaderStore.put(grant.provider.imap, username: username, .token, of: mailbox, tenant, at: now, in: transaction)
    }
}
