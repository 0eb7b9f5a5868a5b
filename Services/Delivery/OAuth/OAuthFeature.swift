import Contracts
import Foundation
import HTTP
import Hummingbird
import IMAP
import Logging
import Postgres
import Primitives
import ServiceRuntime

/// The providers that are configured, and how each is talked to.
struct OAuthProviders: Sendable {
    let clients: [OAuthProvider.Name: OAuthClient]
    let idTokens: [OAuthProvider.Name: IDTokens]

    init(_ settings: Settings, http: OAuthHTTP, clock: WallClock) throws(SettingsError) {
        let configured = try OAuthProvider.configured(settings)
        clients = configured.mapValues { OAuthClient(provider: $0, http: http) }
        idTokens = configured.mapValues { IDTokens(of: $0, http: http, clock: clock) }
    }

    var names: [OAuthProvider.Name] { OAuthProvider.Name.allCases.filter { clients[$0] != nil } }
}

/// Mailboxes that sign in by a person's consent at Google or Microsoft: connecting them, their tokens, and what happens when a consent ends.
struct OAuthFeature: Sendable {
    static let keys = OAuthProvider.keys

    let tokens: AccessTokens
    let withdrawals: ConsentWithdrawals
    private let providers: OAuthProviders
    private let house: House

    init(_ house: House, http: OAuthHTTP = .live) throws {
        providers = try OAuthProviders(house.settings, http: http, clock: house.clock)
        tokens = AccessTokens(
            clients: providers.clients, store: ConsentStore(database: house.worker),
            losses: ConsentLosses(database: house.worker, outbox: house.outbox, clock: house.clock, logger: house.logger), keyring: house.keyring,
            clock: house.clock, logger: house.logger)
        withdrawals = ConsentWithdrawals(database: house.worker, clients: providers.clients, keyring: house.keyring, logger: house.logger)
        self.house = house
    }

    func routes(on router: Router<AppContext>, mailboxes: Mailboxes) {
        var baseURL = house.publicBaseURL.absoluteString
        while baseURL.hasSuffix("/") { baseURL.removeLast() }
        OAuthRoutes(
            connecting: OAuthMailboxes(
                mailboxes: mailboxes, providers: providers, flows: OAuthFlowStore(database: house.api), keyring: house.keyring, clock: house.clock,
                baseURL: baseURL, logger: house.logger)
        ).add(to: router)
    }

    var handlers: [String: JobHandler] {
        let (database, clock) = (house.worker, house.clock)
        return [
            "oauth.retention": { _ in
                try await OAuthFlowStore.prune(in: database, now: clock.now)
                return .done
            }
        ]
    }

    /// How mailboxes with a consent are signed in to for reading.
    var readingSignIn: FetchingFeature.TokenSignIn {
        let tokens = tokens
        return { mailbox, connect in
            do {
                return try await tokens.signIn(to: mailbox.id, of: mailbox.tenant, refusal: Self.refusal) { try await connect($0) }
            } catch AccessTokenError.consentLost(let words) {
                throw IMAPError(.authenticationFailed, stage: .authentication, message: words)
            }
        }
    }

    /// The server's words where it does not take the token; nil for any other error.
    private static func refusal(_ error: any Error) -> String? {
        guard let error = error as? IMAPError, error.code == .authenticationFailed, !error.isTransient else { return nil }
        return error.words ?? error.message
    }
}
