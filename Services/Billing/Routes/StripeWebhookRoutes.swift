import HTTP
import HTTPTypes
import Hummingbird

/// Where Stripe tells us that something happened; nobody is signed in, the signature says who it is.
struct StripeWebhookRoutes {
    let intake: WebhookIntake

    func add(to router: Router<AppContext>) {
        let intake = intake
        router.post("/webhooks/stripe") { request, _ in try await Self.answer(request, intake, .platform) }
        router.post("/webhooks/stripe/connect") { request, _ in try await Self.answer(request, intake, .connect) }
    }

    private static func answer(_ request: Request, _ intake: WebhookIntake, _ endpoint: WebhookIntake.Endpoint) async throws -> Response {
        guard intake.settings.isConfigured else { throw Problem.stripeNotConfigured }
        let body = try await request.bytes(limit: WebhookIntake.maximumBytes)
        do {
            try await intake.take(body, signature: request.headers[.stripeSignature], at: endpoint)
        } catch let refusal as WebhookIntake.Refusal {
            switch refusal {
            case .notConfigured: throw Problem.stripeNotConfigured
            case .invalidSignature: throw Problem(.badRequest, kind: "invalid_signature", title: "The signature is not valid.")
            case .unreadable: throw Problem.invalid("The body is not an event of Stripe's.")
            }
        }
        return Response(status: .ok)
    }
}

extension HTTPField.Name {
    fileprivate static let stripeSignature = Self("Stripe-Signature")!
}
