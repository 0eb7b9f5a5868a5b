import HTTP
import Logging

/// As ``explainingStripe(_:_:)``, where the caller's own words go to Stripe: what it says of them is a 422 that names the field.
func explainingConnect<Value>(_ logger: Logger, _ work: () async throws -> Value) async throws -> Value {
    try await explainingStripe(logger) {
        do {
            return try await work()
        } catch let error as StripeError {
            if let problem = Problem(ofConnect: error) { throw problem }
            throw error
        }
    }
}

extension Problem {
    /// Nil where what Stripe refused is not the caller's to mend.
    init?(ofConnect error: StripeError) {
        guard error.kind == .invalidRequest else { return nil }
        switch (error.code, error.parameter) {
        case ("amount_too_small", _), ("amount_too_large", _), (_, "amount"):
            self = .unprocessable(
                kind: "amount_not_accepted", title: "Stripe does not take this amount.",
                detail: error.code == "amount_too_small" ? "It is below the least that Stripe takes in this currency, such as 0.50 USD." : nil,
                extensions: ["field": .text("amount")])
        case ("country_unsupported", _), (_, "country"):
            self = .unprocessable(
                kind: "country_not_supported", title: "Stripe opens no accounts in this country.", extensions: ["field": .text("country")])
        case (_, "currency"):
            self = .unprocessable(
                kind: "currency_not_supported", title: "The connected account takes no payments in this currency.",
                extensions: ["field": .text("currency")])
        default: return nil
        }
    }
}
