import Contracts
import Foundation
import Logging
import Postgres
import Primitives

/// Why there is no access token.
enum AccessTokenError: Error, Equatable {
    /// The owner has to consent again; the words are for them.
    case consentLost(String)
    /// Nobody's fault who could be told: the same may succeed later.
    case unavailable(String)
}

/// An access token, and which of its consent's it is.
struct AccessToken: Sendable, Equatable {
    let value: String
    let generation: Int64
}

/// Hands out access tokens of mailboxes, and has them renewed by one asker at a time, over all replicas.
///
/// Whoever needs a new one leases the row of the consent, asks the provider, and writes what came of it, both tokens in one statement; everybody
/// else waits for that row. A provider that gives a new refresh token with each use sees each one used once.
struct AccessTokens: Sendable {
    /// Longer than the provider is waited for and the result takes to be written.
    private static let lease: Double = 60
    /// How long somebody waits for what another replica asks for.
    private static let patience = Duration.seconds(20)

    let clients: [OAuthProvider.Name: OAuthClient]
    let store: ConsentStore
    let losses: ConsentLosses
    let keyring: Keyring
    let clock: WallClock
    let logger: Logger
    private let flights = TokenFlights()

    init(
        clients: [OAuthProvider.Name: OAuthClient], store: ConsentStore, losses: ConsentLosses, keyring: Keyring, clock: WallClock, logger: Logger
    ) {
        self.clients = clients
        self.store = store
        self.losses = losses
        self.keyring = keyring
        self.clock = clock
        self.logger = logger
    }

    /// The token that there is, or a new one when that has ended or soon will.
    func current(of mailbox: MailboxID, _ tenant: TenantID) async throws(AccessTokenError) -> AccessToken {
        let consent = try await find(mailbox, tenant)
        if consent.isFresh(at: clock.now) { return try open(consent) }
        do throws(AccessTokenError) {
            return try await renewed(mailbox, tenant, past: consent.generation)
        } catch {
            guard case .unavailable = error, consent.isUsable(at: clock.now) else { throw error }
            return try open(consent)
        }
    }

    /// A token after the one of `generation`, which a server did not take.
    func renewed(_ mailbox: MailboxID, _ tenant: TenantID, past generation: Int64) async throws(AccessTokenError) -> AccessToken {
        try await flights.join(.init(mailbox: mailbox, generation: generation)) { () async throws(AccessTokenError) -> AccessToken in
            try await wait(mailbox, tenant, past: generation)
        }
    }

    /// Signs in with a token, and once more with a new one where the server does not take it; when it does not take that either, the consent is
    /// lost. `refusal` gives the server's words where an error means that.
    func signIn<Connection: Sendable>(
        to mailbox: MailboxID, of tenant: TenantID, isolation: isolated (any Actor)? = #isolation, refusal: (any Error) -> String?,
        connect: (String) async throws -> Connection
    ) async throws -> Connection {
        let first = try await current(of: mailbox, tenant)
        do {
            return try await connect(first.value)
        } catch {
            guard refusal(error) != nil else { throw error }
        }
        let second = try await renewed(mailbox, tenant, past: first.generation)
        do {
            return try await connect(second.value)
        } catch {
            guard let words = refusal(error) else { throw error }
            try await losses.lose(
                mailbox, of: tenant, generation: second.generation,
                reason: "The mail server does not take a fresh token, so the consent has no effect any more: \(words)")
            throw error
        }
    }

    // MARK: - Renewing

    /// Asks, or waits for whoever asks.
    private func wait(_ mailbox: MailboxID, _ tenant: TenantID, past generation: Int64) async throws(AccessTokenError) -> AccessToken {
        let (deadline, holder) = (ContinuousClock.now + Self.patience, UUID())
        var pause = Duration.milliseconds(50)
        while true {
            let consent = try await find(mailbox, tenant)
            if consent.generation > generation { return try open(consent) }
            guard let client = clients[consent.provider] else {
                throw .unavailable("\(consent.provider.title) is not configured in this installation")
            }
            if let retryAt = consent.retryAt, retryAt > clock.now { throw .unavailable(consent.failure ?? "the provider had no answer") }
            if let words = await flights.pause(of: consent.provider, at: clock.now) { throw .unavailable(words) }
            let leased = try await asking { () async throws(PostgresError) in
                try await store.lease(mailbox, of: tenant, past: generation, by: holder, seconds: Self.lease, now: clock.now)
            }
            if let leased, let token = try await ask(client, leased, holder) { return token }
            guard ContinuousClock.now < deadline else { throw .unavailable("another replica asks \(consent.provider.title) for a token") }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(500))
        }
    }

    /// Nil when the lease was lost on the way: somebody else knows more.
    private func ask(_ client: OAuthClient, _ consent: Consent, _ holder: UUID) async throws(AccessTokenError) -> AccessToken? {
        let now = clock.now
        let tokens: OAuthTokens
        do {
            guard let sealed = consent.refreshSealed else { throw AccessTokenError.consentLost("There is no refresh token.") }
            let refresh = try keyring.open(sealed, for: Consent.refreshPlace(consent.mailbox, of: consent.tenant))
            tokens = try await client.refresh(String(decoding: refresh, as: UTF8.self))
            await flights.answered(consent.provider)
        } catch let failure as OAuthFailure {
            return try await failed(failure, consent, holder)
        } catch {
            // A key that is gone is the operator's to bring back: nothing is thrown away.
            logger.error("a refresh token cannot be read", metadata: ["mailbox": "\(consent.mailbox)", "error": "\(error)"])
            return try await failed(.unavailable("the refresh token cannot be read", isGeneral: false), consent, holder)
        }
        do {
            let sealed = try SealedTokens(tokens, of: consent.mailbox, consent.tenant, keyring: keyring, now: now)
            guard try await write(sealed, of: consent, by: holder) else { return nil }
        } catch {
            logger.error("tokens not written", metadata: ["mailbox": "\(consent.mailbox)", "error": "\(error)"])
            throw .unavailable("the tokens could not be written")
        }
        return AccessToken(value: tokens.access, generation: consent.generation + 1)
    }

    /// Tries again while Postgres is away: a refresh token that was used up must not be lost while this process lives.
    private func write(_ tokens: SealedTokens, of consent: Consent, by holder: UUID) async throws -> Bool {
        var pause = Duration.milliseconds(50)
        for attempt in 1... {
            do throws(PostgresError) {
                return try await store.store(tokens, of: consent, by: holder, now: clock.now)
            } catch {
                guard error.isTransient, attempt < 40 else { throw error }
            }
            try? await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
        return false
    }

    private func failed(_ failure: OAuthFailure, _ consent: Consent, _ holder: UUID) async throws(AccessTokenError) -> AccessToken? {
        let name = consent.provider.title
        do {
            switch failure {
            case .consentOver(let code):
                let words =
                    "\(name) does not let us in any more: what was consented to was withdrawn or has expired (\(code)). Connect the mailbox again."
                try await losses.lose(consent.mailbox, of: consent.tenant, generation: consent.generation, reason: words)
                await flights.answered(consent.provider)
                // Whoever consented again meanwhile has a token.
                return nil
            case .misconfigured, .incredible:
                logger.error("no access token", metadata: ["provider": "\(name)", "mailbox": "\(consent.mailbox)", "error": "\(failure)"])
            case .unavailable(_, let isGeneral):
                logger.warning("no access token", metadata: ["provider": "\(name)", "mailbox": "\(consent.mailbox)", "error": "\(failure)"])
                if isGeneral { await flights.failed(consent.provider, words: "\(failure)", at: clock.now) }
            }
            let retryAt = clock.now.addingTimeInterval(Self.pause(after: consent.failures + 1))
            try await store.fail(consent, by: holder, retryAt: retryAt, words: "\(failure)")
        } catch {
            logger.warning("no word of a token was written", metadata: ["mailbox": "\(consent.mailbox)", "error": "\(error)"])
        }
        throw .unavailable("\(failure)")
    }

    /// 5 s, doubled with each failure in a row, 10 min at most.
    static func pause(after failures: Int) -> TimeInterval {
        min(600, 5 * pow(2, Double(min(max(failures, 1) - 1, 10))))
    }

    // MARK: - Reading

    private func find(_ mailbox: MailboxID, _ tenant: TenantID) async throws(AccessTokenError) -> Consent {
        let found = try await asking { () async throws(PostgresError) in try await store.find(mailbox, of: tenant) }
        guard let consent = found else { throw .consentLost("Nobody has consented to the use of this mailbox.") }
        if let loss = consent.loss { throw .consentLost(loss) }
        return consent
    }

    private func asking<Value: Sendable>(_ work: () async throws(PostgresError) -> Value) async throws(AccessTokenError) -> Value {
        do throws(PostgresError) {
            return try await work()
        } catch {
            logger.warning("consent not read", metadata: ["error": "\(error)"])
            throw .unavailable("the consent could not be read")
        }
    }

    private func open(_ consent: Consent) throws(AccessTokenError) -> AccessToken {
        do {
            let token = try keyring.open(consent.accessSealed ?? "", for: Consent.accessPlace(consent.mailbox, of: consent.tenant))
            return AccessToken(value: String(decoding: token, as: UTF8.self), generation: consent.generation)
        } catch {
            logger.error("an access token cannot be read", metadata: ["mailbox": "\(consent.mailbox)", "error": "\(error)"])
            throw .unavailable("the access token cannot be read")
        }
    }
}
