import Foundation
import HTTP
import HTTPTypes

extension Problem {
    private static let pause = 30

    /// 503: no key of Stripe is set, so nothing can be bought here; everything else works.
    static let stripeNotConfigured = Problem(
        .serviceUnavailable, kind: "stripe_not_configured", title: "Payments are not set up on this installation.",
        detail: "Whoever runs it sets STRIPE_SECRET_KEY; until then every company has the trial plan.")

    /// 503: Stripe does not answer; what was asked for may be asked for again and happens once.
    static let stripeUnavailable = Problem(
        .serviceUnavailable, kind: "stripe_unavailable", title: "Stripe does not answer at the moment.",
        detail: "Nothing is charged twice; try again in \(pause) seconds. Sending goes on.", headers: [.retryAfter: String(pause)])

    /// 503: the plan or the pack has no price at Stripe yet.
    static let priceNotConfigured = Problem(
        .serviceUnavailable, kind: "price_not_configured", title: "This cannot be bought yet.",
        detail: "It has no price at Stripe in this currency; whoever runs the installation makes one.")

    /// 409: there is nothing at Stripe that could be changed.
    static let noSubscription = Problem.conflict(
        kind: "no_subscription", title: "There is no subscription yet.", detail: "Begin one with POST /api/v1/billing/checkout.")

    /// 409: an unpaid invoice comes before everything else.
    static let paymentDue = Problem.conflict(
        kind: "payment_due", title: "An invoice is unpaid.", detail: "Pay it first, with POST /api/v1/billing/retry-payment or in the portal.")

    /// What Stripe's refusal means to our caller.
    init(_ error: StripeError) {
        switch error.kind {
        case .notConfigured: self = .stripeNotConfigured
        // A wrong key of ours is no fault of the caller's, and may be right in a minute.
        case .unavailable, .rateLimited, .authentication: self = .stripeUnavailable
        case .card:
            self.init(
                HTTPResponse.Status(code: 402), kind: "payment_declined", title: "The payment was declined.",
                detail: "Use another payment method, in the portal or with POST /api/v1/billing/elements/setup-intent.",
                extensions: (error.declineCode ?? error.code).map { ["reason": .text($0)] } ?? [:])
        case .invalidRequest where error.code == "resource_missing" && (error.parameter ?? "").contains("price"): self = .priceNotConfigured
        case .invalidRequest, .idempotency, .notFound, .versionMismatch, .decoding:
            self.init(
                .badGateway, kind: "stripe_refused", title: "Stripe did not accept it.",
                detail: "The request id helps us find out why; nothing was charged.")
        }
    }
}
