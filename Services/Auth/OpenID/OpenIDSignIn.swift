import Contracts
import Foundation
import Logging
import Postgres
import Primitives
import ServiceRuntime
import Streams

/// Signing in through a provider (OpenID Connect, authorization code with PKCE), and adding a provider to an account.
///
/// An account is found by issuer and subject, never by its address: a provider that lets anybody claim an address would open every account.
struct OpenIDSignIn: Sendable {
    static let lifetime: TimeInterval = 15 * 60

    /// Why somebody came back for nothing; the raw value is what the sign-in page is told.
    enum Refusal: String, Error, Sendable {
        /// The provider is not configured.
        case off = "openid_off"
        /// The trip was made before, took too long, or was begun elsewhere.
        case flow = "openid_flow"
        /// The provider, or the person there, said no.
        case denied = "openid_denied"
        /// What the provider said cannot be believed.
        case failed = "openid_failed"
        /// The address has an account: sign in with the password and link the provider in the settings.
        case notLinked = "openid_not_linked"
        /// The provider does not say that it proved the address.
        case emailUnverified = "openid_email_unverified"
        /// The identity is linked to another account.
        case taken = "openid_taken"
        /// The session that wanted to link the provider has ended.
        case sessionEnded = "openid_session_ended"
        /// The account is suspended, or belongs to no company that is open; as when a password was right.
        case barred = "no_access"
    }

    /// Where to send the browser, and what it must bring back.
    struct Begun: Sendable {
        let url: String
        let binding: String
    }

    /// What came of a trip.
    enum Finish: Sendable {
        case started(Sessions.Started)
        case needsFactor(challenge: String)
        case linked
    }

    /// What a browser brings back.
    struct Returned: Sendable {
        let code: String
        let state: String
        let binding: String
        /// The session in the browser, if any.
        let session: Session?
        let token: SessionToken?
    }

    private let clients: [OpenIDProvider.Name: OpenIDClient]
    private let database: Database
    private let outbox: Outbox
    private let clock: WallClock
    private let keyring: Keyring
    private let sessions: Sessions
    private let factors: Factors
    private let mails: MailStore
    private let baseURL: String
    private let logger: Logger

    init(
        house: House, sessions: Sessions, factors: Factors, mails: MailStore, baseURL: String, http: OpenIDHTTP = .live
    ) throws(SettingsError) {
        let providers = try OpenIDProvider.configured(house.settings)
        clients = Dictionary(uniqueKeysWithValues: providers.map { ($0.name, OpenIDClient($0, http: http, clock: house.clock)) })
        database = house.worker
        outbox = house.outbox
        clock = house.clock
        keyring = house.keyring
        logger = house.logger
        self.sessions = sessions
        self.factors = factors
        self.mails = mails
        self.baseURL = baseURL
    }

    /// The providers that are configured.
    var providers: [OpenIDProvider.Name] { OpenIDProvider.Name.allCases.filter { clients[$0] != nil } }

    /// Begins a trip, to sign in or, with a session, to add the provider to its person; throws ``Refusal``.
    func begin(_ name: OpenIDProvider.Name, link session: Session?) async throws -> Begun {
        guard let client = clients[name] else { throw Refusal.off }
        let now = clock.now
        let (state, nonce, verifier, binding) = (Self.secret(), Self.secret(), Self.secret(), Self.secret())
        let id = UUID.v7(at: now)
        let path = "/api/v1/auth/openid/\(name.rawValue)/callback"
        let url: String
        do {
            url = try await client.authorizeURL(state: state, nonce: nonce, verifier: verifier, redirect: baseURL + path)
        } catch {
            throw refuse(name, error)
        }
        let flow = OpenIDStore.NewFlow(
            id: id, provider: name.rawValue, state: state, nonce: nonce, binding: binding,
            verifierSealed: try keyring.seal(Data(verifier.utf8), for: Self.place(id)), callbackPath: path, link: session, at: now,
            expiresAt: now.addingTimeInterval(Self.lifetime))
        try await OpenIDStore.begin(flow, in: database)
        return Begun(url: url, binding: binding)
    }

    /// Ends a trip; throws ``Refusal``.
    func finish(
        _ name: OpenIDProvider.Name, _ returned: Returned, origin: SessionStore.Origin, audit: Sessions.Audit
    ) async throws -> Finish {
        guard let client = clients[name] else { throw Refusal.off }
        let flow = try await OpenIDStore.consume(
            state: returned.state, binding: returned.binding, provider: name.rawValue, at: clock.now, in: database)
        guard let flow else { throw Refusal.flow }
        var person: OpenIDPerson?
        do {
            let verifier = String(decoding: try keyring.open(flow.verifierSealed, for: Self.place(flow.id)), as: UTF8.self)
            let proven: OpenIDPerson
            do {
                proven = try await client.person(
                    code: returned.code, verifier: verifier, redirect: baseURL + flow.callbackPath, nonceDigest: flow.nonceDigest)
            } catch {
                throw refuse(name, error)
            }
            person = proven
            if let link = flow.link { return try await add(proven, name, to: link, by: returned.session, audit) }
            let account = try await findOrCreate(proven, name, audit)
            guard account.suspendedAt == nil else { throw Refusal.barred }
            // The provider stands for the password, not for the factor.
            if try await factors.isEnabled(for: account.id) { return .needsFactor(challenge: try await factors.challenge(account.id)) }
            let started = try await sessions.start(account, assurance: 1, replacing: returned.token, origin: origin, audit: audit)
            guard let started else { throw Refusal.barred }
            return .started(started)
        } catch let refusal as Refusal {
            try await recordFailure(name, person, refusal, audit)
            throw refusal
        }
    }

    // MARK: - Who it is

    private func findOrCreate(_ person: OpenIDPerson, _ name: OpenIDProvider.Name, _ audit: Sessions.Audit) async throws -> Account {
        if let known = try await find(person) { return known }
        // Asked first: a provider that lets people claim addresses must not tell them who has an account here.
        guard let email = person.email, person.isEmailVerified else { throw Refusal.emailUnverified }
        if let new = try await create(person, email, name, audit) { return new }
        // Of two first sign-ins at once the second finds what the first made.
        guard let known = try await find(person) else { throw Refusal.notLinked }
        return known
    }

    /// The account of an identity that was here before.
    private func find(_ person: OpenIDPerson) async throws -> Account? {
        let (user, account) = try await database.transaction { transaction -> (UserID?, Account?) in
            guard let user = try await OpenIDStore.user(issuer: person.issuer, subject: person.subject, in: transaction) else { return (nil, nil) }
            return (user, try await AccountStore.find(user, in: transaction))
        }
        // Whose account was deleted does not get another one by the back door.
        guard user == nil || account != nil else { throw Refusal.failed }
        return account
    }

    /// Makes person and company; nil when the address or the identity is somebody's.
    private func create(
        _ person: OpenIDPerson, _ email: EmailAddress, _ provider: OpenIDProvider.Name, _ audit: Sessions.Audit
    ) async throws -> Account? {
        let now = clock.now
        let name = Self.words(person.name) ?? String(email.text.prefix { $0 != "@" })
        let account = Account(id: UserID(.v7(at: now)), email: email.text, name: name, verifiedAt: now)
        let tenant = TenantID(.v7(at: now))
        let user = AuditRecord.Target(type: "user", id: account.id.description)
        let company = AuditRecord.Target(type: "tenant", id: tenant.description, name: name)
        let actor = EventActor.user(account.id, name: name)
        let events = [
            try PendingEvent(
                AuthEvents.UserSignedUp(user: account.id), at: now, tenant: tenant, actor: actor, audit: audit("user.sign_up", .success, [user])),
            try PendingEvent(
                AuthEvents.TenantCreated(tenant: tenant, name: name), at: now, tenant: tenant,
                aggregate: Aggregate(kind: "tenant", id: tenant.description, version: 1), actor: actor,
                audit: audit("tenant.create", .success, [company])),
            try PendingEvent(
                AuthEvents.UserVerified(user: account.id), at: now, tenant: tenant, actor: actor, audit: audit("user.verify", .success, [user])),
            try linked(account.id, name: name, provider, in: tenant, at: now, audit),
        ]
        do {
            try await database.transaction { transaction in
                guard try await OpenIDStore.insert(account, tenant: tenant, company: name, at: now, in: transaction),
                    try await OpenIDStore.link(issuer: person.issuer, subject: person.subject, to: account.id, at: now, in: transaction)
                else { throw Lost() }
                try await outbox.append(events, in: transaction)
            }
        } catch is Lost {
            return nil
        }
        outbox.wake()
        return account
    }

    /// Undoes a transaction in which somebody else was faster.
    private struct Lost: Error {}

    // MARK: - Adding a provider

    /// Only for the person, and only in the session, that asked for it; again is no mistake.
    private func add(
        _ person: OpenIDPerson, _ provider: OpenIDProvider.Name, to link: OpenIDStore.Flow.Link, by session: Session?, _ audit: Sessions.Audit
    ) async throws -> Finish {
        guard let session, session.id == link.session, session.user == link.user, session.isVerified else { throw Refusal.sessionEnded }
        let now = clock.now
        let event = try linked(session.user, name: session.name, provider, in: session.tenant, at: now, audit)
        let owner = try await database.transaction { transaction -> UserID? in
            guard try await OpenIDStore.link(issuer: person.issuer, subject: person.subject, to: session.user, at: now, in: transaction) else {
                return try await OpenIDStore.user(issuer: person.issuer, subject: person.subject, in: transaction)
            }
            try await outbox.append([event], in: transaction)
            if let address = EmailAddress(session.email) {
                try await mails.enqueue(
                    .providerLinked(provider.rawValue.capitalized, name: session.name, baseURL: baseURL), to: address, at: now, in: transaction)
            }
            return session.user
        }
        outbox.wake()
        guard owner == session.user else { throw Refusal.taken }
        return .linked
    }

    private func linked(
        _ user: UserID, name: String, _ provider: OpenIDProvider.Name, in tenant: TenantID, at now: Date, _ audit: Sessions.Audit
    ) throws -> PendingEvent {
        try PendingEvent(
            AuthEvents.OpenIDLinked(user: user, provider: provider.rawValue), at: now, tenant: tenant, actor: .user(user, name: name),
            audit: audit("openid.link", .success, [.init(type: "user", id: user.description), .init(type: "openid", id: provider.rawValue)]))
    }

    // MARK: - What went wrong

    /// The log learns why; the browser learns only that.
    private func refuse(_ name: OpenIDProvider.Name, _ error: any Error) -> Refusal {
        logger.notice("sign-in through a provider failed", metadata: ["provider": "\(name.rawValue)", "error": "\(error)"])
        return .failed
    }

    /// Belongs to no tenant; carries a digest of the address, as a failed password does.
    private func recordFailure(
        _ name: OpenIDProvider.Name, _ person: OpenIDPerson?, _ refusal: Refusal, _ audit: Sessions.Audit
    ) async throws {
        let digest = try FailedSignIn(keyring: keyring).digest(of: person?.email)
        let event = try PendingEvent(
            AuthEvents.SignInFailed(addressDigest: digest), at: clock.now, tenant: nil,
            actor: EventActor(kind: .system, id: "anonymous"),
            audit: audit("session.start", .failure, [.init(type: "openid", id: name.rawValue, name: refusal.rawValue)]))
        try await database.transaction { try await outbox.append([event], in: $0) }
        outbox.wake()
    }

    // MARK: - Forms

    private static func secret() -> String { randomBytes(32).base64URL }

    private static func place(_ flow: UUID) -> Keyring.Place {
        Keyring.Place(purpose: "openid_flows.verifier", row: flow.text, tenant: nil)
    }

    /// A name in one line, as long as ours may be; nil when nothing is left.
    private static func words(_ text: String?) -> String? {
        let line = (text ?? "").filter { !$0.unicodeScalars.contains { $0.properties.generalCategory == .control } }
            .trimmingCharacters(in: .whitespacesAndNewlines)
        return line.isEmpty ? nil : String(line.prefix(200))
    }
}
