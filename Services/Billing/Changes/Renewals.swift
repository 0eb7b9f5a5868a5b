import Contracts
import Foundation
import HTTP

/// Ending a subscription with its period, and keeping it after all.
struct Renewals: Sendable {
    /// Stripe's words for why somebody leaves.
    enum Feedback: String, Codable, Sendable, CaseIterable {
        case customerService = "customer_service"
        case lowQuality = "low_quality"
        case missingFeatures = "missing_features"
        case other
        case switchedService = "switched_service"
        case tooComplex = "too_complex"
        case tooExpensive = "too_expensive"
        case unused
    }

    let tenants: TenantStripe
    let examiner: ChangeExaminer

    /// What was paid is used up; nothing is paid any more. Once it is about to end, doing it again changes nothing.
    func cancel(_ feedback: Feedback?, by identity: Identity, audit: TenantStripe.Audit) async throws -> ChangeAnswer {
        var parameters: StripeParameters = ["cancel_at_period_end": true]
        if let feedback { parameters["cancellation_details"] = ["feedback": .text(feedback.rawValue)] }
        let asked = parameters
        let (subscription, isDone) = try await update(of: identity.tenant) { live, key in
            guard live.endsAt == nil else { return false }
            // Stripe lets a schedule decide about the end while there is one.
            if let schedule = live.schedule { try await tenants.release(schedule, of: identity.tenant) }
            _ = try await tenants.stripe.write(
                StripeSubscription.self, "/v1/subscriptions/\(live.id)", asked, key: "\(key):cancel", for: identity.tenant)
            return true
        }
        if isDone {
            let record = audit(
                "billing.cancel", .success, [.init(type: "subscription", id: subscription)], [], feedback.map { ["feedback": $0.rawValue] } ?? [:])
            try await tenants.tell(BillingEvents.RenewalStopped(), by: identity, record)
        }
        return try await tenants.answer(isDone ? .changed : .unchanged, nil, for: identity)
    }

    /// Takes the wish to end back, in whichever of Stripe's two ways it was said. Where there is none, nothing changes.
    func resume(by identity: Identity, audit: TenantStripe.Audit) async throws -> ChangeAnswer {
        let (subscription, isDone) = try await update(of: identity.tenant) { live, key in
            guard live.endsAt != nil else { return false }
            let asked: StripeParameters = live.cancelAtPeriodEnd == true ? ["cancel_at_period_end": false] : ["cancel_at": ""]
            _ = try await tenants.stripe.write(
                StripeSubscription.self, "/v1/subscriptions/\(live.id)", asked, key: "\(key):resume", for: identity.tenant)
            return true
        }
        if isDone {
            let record = audit("billing.resume", .success, [.init(type: "subscription", id: subscription)], [], [:])
            try await tenants.tell(BillingEvents.RenewalResumed(), by: identity, record)
        }
        return try await tenants.answer(isDone ? .changed : .unchanged, nil, for: identity)
    }

    /// Changes the subscription as Stripe has it at this moment; one that has ended there is a 409.
    private func update(
        of tenant: TenantID, _ work: @Sendable (_ live: StripeSubscription, _ key: String) async throws -> Bool
    ) async throws -> (subscription: String, isDone: Bool) {
        let (_, subscription) = try await examiner.live(of: tenant)
        let isDone = try await tenants.attempts.once("subscription:\(subscription)", of: tenant) { key in
            let live = try await examiner.read(subscription)
            guard !live.hasEnded else {
                await tenants.refresh(tenant)
                throw Problem.noSubscription
            }
            return try await work(live, key)
        }
        return (subscription, isDone)
    }
}
