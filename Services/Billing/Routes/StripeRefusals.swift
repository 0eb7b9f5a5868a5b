import HTTP
import Logging

/// Runs `work` with Stripe's refusals as problems; all but a declined card and a missing key are logged.
func explainingStripe<Value>(_ logger: Logger, _ work: () async throws -> Value) async throws -> Value {
    do {
        return try await work()
    } catch let error as StripeError {
        if error.kind != .card, error.kind != .notConfigured {
            logger.warning("stripe refused what somebody asked for", metadata: ["error": "\(error)"])
        }
        throw Problem(error)
    }
}
