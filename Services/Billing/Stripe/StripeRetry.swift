/// What went wrong with one try, as far as it decides about the next.
enum StripeSetback: Sendable, Equatable {
    /// No whole answer came, for whatever reason; whether the call had an effect is unknown.
    case lost
    /// `shouldRetry` is Stripe's own word on it (`Stripe-Should-Retry`), nil where it said nothing.
    case refused(status: Int, code: String?, shouldRetry: Bool?)
}

/// When a call is made again: decisions without effects.
enum StripeRetry {
    /// How often at most, after the first try.
    static let limit = 3

    /// Whether the same call may succeed shortly. Safe for what changes something, since its key stays the same.
    static func isWorthwhile(after setback: StripeSetback) -> Bool {
        switch setback {
        case .lost: true
        case .refused(_, _, .some(let word)): word
        case .refused(409, let code, nil): code == "lock_timeout" || code == "idempotency_key_in_use"
        case .refused(let status, _, nil): status == 429 || status >= 500
        }
    }

    /// How long to wait before retry number `retry` (0 is the first); `chance` is from 0 to 1, so that callers do not come back all at once.
    static func pause(before retry: Int, retryAfter: Duration?, chance: Double) -> Duration {
        let backoff = Duration.milliseconds(200) * (1 << max(0, min(retry, 4)))
        let spread = backoff * (0.5 + 0.5 * max(0, min(chance, 1)))
        return max(spread, retryAfter ?? .zero)
    }
}
