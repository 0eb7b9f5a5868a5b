import Contracts
import Foundation
import Postgres
import Streams

/// What refusals during the conversation say about addresses: the same rules and the same door as for bounces that come back by mail, in the
/// transaction of the outcome.
///
/// A group with such a refusal takes the lock of the suppression lists before anything else. Claims share that lock from their first statement on
/// and go on to lanes, jobs and the ledger, all of which an outcome holds: asked for later, each would wait for the other.
struct RefusedRecipients: Sendable {
    private static let source = "smtp"

    private struct Refusal {
        let delivery: Delivery
        let isHard: Bool
    }

    private let suppressions: Suppressions
    private let refusals: [Refusal]

    /// In one order, whatever the order of the outcomes: by company and address.
    init(_ outcomes: [OutcomeStore.Outcome], suppressions: Suppressions) {
        self.suppressions = suppressions
        refusals = outcomes.compactMap { outcome -> Refusal? in
            switch outcome.resolution.refusal?.kind {
            case .hardBounce?: Refusal(delivery: outcome.delivery, isHard: true)
            case .softBounce?: Refusal(delivery: outcome.delivery, isHard: false)
            default: nil
            }
        }.sorted { left, right in
            let (first, second) = (left.delivery, right.delivery)
            return (first.tenant.description, first.recipient, first.send.description)
                < (second.tenant.description, second.recipient, second.send.description)
        }
    }

    /// The first statement of the outcome's transaction; nil when nobody was refused.
    var lock: SQL? { refusals.isEmpty ? nil : SuppressionLock.exclusive }

    /// Notes those whose outcomes were written, as `written` says, and tells of them; how mail was refused is counted by others.
    func note(_ written: Set<SendID>, now: Date, in transaction: Transaction) async throws {
        let noted = refusals.filter { written.contains($0.delivery.send) }
        guard !noted.isEmpty else { return }
        for refusal in noted {
            try await suppressions.noteBounce(
                .init(tenant: refusal.delivery.tenant, send: refusal.delivery.send, isHard: refusal.isHard, source: Self.source), in: transaction)
        }
        let byTenant = Dictionary(grouping: noted, by: \.delivery.tenant)
        let events = try byTenant.map { tenant, refusals in
            let feedback = refusals.map { refusal in
                DeliveryEvents.Feedback(
                    kind: refusal.isHard ? .hardBounce : .softBounce, sendKey: refusal.delivery.sendKey, campaign: refusal.delivery.campaign,
                    enrolment: refusal.delivery.enrolment, isMachine: false, at: now)
            }
            return try PendingEvent(DeliveryEvents.FeedbackReceived(feedback: feedback), at: now, tenant: tenant, actor: .system("delivery"))
        }
        try await suppressions.outbox.append(events, in: transaction)
    }
}
