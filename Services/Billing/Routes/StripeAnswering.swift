import Foundation
import HTTP
import Hummingbird

/// How routes that reach Stripe answer: refusals as problems, and what is asked for twice once.
struct StripeAnswering {
    let tenants: TenantStripe
    let idempotency: IdempotencyKeys

    /// Runs `work` once per Idempotency-Key; a 503 before anything else where nothing can be bought.
    func once(
        _ request: Request, as identity: Identity, body: some Encodable, _ work: () async throws -> Response
    ) async throws -> Response {
        try tenants.requireConfigured()
        return try await idempotency.once(request, as: identity, body: body) { try await explained(work) }
    }

    /// Runs `work` with Stripe's refusals as problems.
    func explained(_ work: () async throws -> Response) async throws -> Response {
        try await explainingStripe(tenants.logger, work)
    }
}

extension Request {
    /// The body as JSON, nil when there is none.
    func optional<Value: Decodable>(_ type: Value.Type) async throws -> Value? {
        let body = try await bytes(limit: 64 * 1024)
        return body.isEmpty ? nil : try decode(type, from: body)
    }
}
