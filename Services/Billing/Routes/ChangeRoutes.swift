import Contracts
import Foundation
import HTTP
import Hummingbird

/// Changing what is subscribed to, ending it, keeping it, and paying what is open.
struct ChangeRoutes {
    let changes: PlanChanges
    let renewals: Renewals
    let retry: PaymentRetry
    let lists: StripeLists
    let answering: StripeAnswering

    private struct ChangeRequest: Codable {
        let plan: String
        let interval: BillingInterval
        let previewToken: String?
    }

    private struct CancelRequest: Codable {
        var feedback: Renewals.Feedback?
    }

    private struct Nothing: Codable {}

    func add(to router: Router<AppContext>) {
        router.post("/api/v1/billing/change/preview") { request, context in
            let identity = try context.requirePaying()
            let target = try await request.json(ChangeSituation.Target.self)
            return try await answering.once(request, as: identity, body: target) {
                try Response.json(try await changes.preview(target, for: identity))
            }
        }
        router.post("/api/v1/billing/change") { request, context in
            let identity = try context.requirePaying()
            let input = try await request.json(ChangeRequest.self)
            return try await acting(request, identity, input) {
                try await changes.change(
                    .init(plan: input.plan, interval: input.interval), token: input.previewToken, by: identity, audit: context.billingAudit)
            }
        }
        router.post("/api/v1/billing/change/cancel") { request, context in
            let identity = try context.requirePaying()
            return try await acting(request, identity, Nothing()) {
                try await changes.dropScheduled(by: identity, audit: context.billingAudit)
            }
        }
        router.post("/api/v1/billing/cancel") { request, context in
            let identity = try context.requirePaying()
            let input = try await request.optional(CancelRequest.self) ?? CancelRequest()
            return try await acting(request, identity, input) {
                try await renewals.cancel(input.feedback, by: identity, audit: context.billingAudit)
            }
        }
        router.post("/api/v1/billing/resume") { request, context in
            let identity = try context.requirePaying()
            return try await acting(request, identity, Nothing()) { try await renewals.resume(by: identity, audit: context.billingAudit) }
        }
        router.post("/api/v1/billing/retry-payment") { request, context in
            let identity = try context.requirePaying()
            return try await acting(request, identity, Nothing()) { try await retry.retry(by: identity, audit: context.billingAudit) }
        }
    }

    /// Something that may have made an invoice: lists that are shown next are new.
    private func acting(
        _ request: Request, _ identity: Identity, _ body: some Encodable, _ work: () async throws -> ChangeAnswer
    ) async throws -> Response {
        try await answering.once(request, as: identity, body: body) {
            let answer = try await work()
            await lists.forget(identity.tenant)
            return try Response.json(answer)
        }
    }
}
