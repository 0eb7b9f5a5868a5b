import HTTP
import Hummingbird
import Logging

/// Runs `work` with Stripe's refusals as problems; all but a declined card and a missing key are logged.
func explainingStripe<Value>(_ context: AppContext, _ work: () async throws -> Value) async throws -> Value {
    do {
        return try await work()
    } catch let error as StripeError {
        if error.kind != .card, error.kind != .notConfigured {
            context.logger.warning("stripe refused what somebody asked for", metadata: ["error": "\(error)"])
        }
        throw Problem(error)
    }
}
