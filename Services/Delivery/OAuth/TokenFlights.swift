import Contracts
import Foundation

/// In this replica: one wait a token, whoever asks for it, and a rest for a provider that does not answer.
actor TokenFlights {
    /// The token after this one of a mailbox.
    struct Key: Hashable, Sendable {
        let mailbox: MailboxID
        let generation: Int64
    }

    private struct Rest {
        var failures: Int
        var until: Date
        var words: String
    }

    private var flights: [Key: Task<Result<AccessToken, AccessTokenError>, Never>] = [:]
    private var rests: [OAuthProvider.Name: Rest] = [:]

    /// Joins who asks for the same already. The work is nobody's task: an asker that is cancelled must not break off a request whose answer replaces
    /// the only refresh token.
    func join(
        _ key: Key, _ work: @escaping @Sendable () async throws(AccessTokenError) -> AccessToken
    ) async throws(AccessTokenError) -> AccessToken {
        if let flight = flights[key] { return try await flight.value.get() }
        let flight = Task { () async -> Result<AccessToken, AccessTokenError> in
            do throws(AccessTokenError) {
                return .success(try await work())
            } catch {
                return .failure(error)
            }
        }
        flights[key] = flight
        let result = await flight.value
        flights[key] = nil
        return try result.get()
    }

    /// Why a provider is not asked at this moment; nil when it may be.
    func pause(of provider: OAuthProvider.Name, at now: Date) -> String? {
        rests[provider].flatMap { $0.until > now ? $0.words : nil }
    }

    func answered(_ provider: OAuthProvider.Name) {
        rests[provider] = nil
    }

    /// One that is down is not asked by a thousand mailboxes one after the other, each of which would wait: 2 s, doubled, 30 s at most.
    func failed(_ provider: OAuthProvider.Name, words: String, at now: Date) {
        let failures = (rests[provider]?.failures ?? 0) + 1
        rests[provider] = Rest(failures: failures, until: now.addingTimeInterval(min(30, pow(2, Double(min(failures, 5))))), words: words)
    }
}
