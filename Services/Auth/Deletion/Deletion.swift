import Contracts
import Foundation

/// A company or one of its workspaces on its way out.
struct Deletion: Codable, Sendable, Equatable {
    /// What is done, in this order; each is safe to do again, and each is acknowledged when it is done.
    enum Step: String, Codable, Sendable, CaseIterable {
        case stopSends = "stop_sends"
        /// Instead of all that follows, when it is undone.
        case reopenSends = "reopen_sends"
        /// From here on there is no way back, and nobody makes anything new.
        case closeAccess = "close_access"
        case cancelSubscription = "cancel_subscription"
        case purgeCampaigns = "purge_campaigns"
        case purgeDelivery = "purge_delivery"
        case purgeBilling = "purge_billing"
        case purgeAudit = "purge_audit"
        case purgeAuth = "purge_auth"
        case tombstone
        /// Names in the trail: in the company's own of all who were in it or were asked to join, and of people who went with it in every other in
        /// which they stand. Last, when nothing names them any more.
        case eraseTrail = "erase_trail"

        /// The way of a whole company, or of a workspace: a subscription is the company's, and only with a company people go.
        static func path(ofTenant isTenant: Bool) -> [Step] {
            allCases.filter { step in
                switch step {
                case .reopenSends: false
                case .cancelSubscription, .purgeBilling, .eraseTrail: isTenant
                default: true
                }
            }
        }

        /// After it nothing is left to do.
        func isLast(ofTenant isTenant: Bool) -> Bool { self == .reopenSends || self == Self.path(ofTenant: isTenant).last }
    }

    /// What is to be done now.
    enum Next: Equatable, Sendable {
        case run(Step)
        case wait(until: Date)
        case nothing
    }

    enum State: String, Codable, Sendable {
        /// It can still be undone.
        case pending
        case undone
        case running
        case completed
    }

    /// How long it can be undone.
    static let grace: TimeInterval = 30 * 86_400
    /// How long after access was closed something that was let in before may still be at work: an identity token counts for a minute.
    static let settling: TimeInterval = 120

    let id: DeletionID
    /// Nil: the whole company.
    let workspace: WorkspaceID?
    /// What it was called; of a company that is gone not even this is kept.
    let name: String
    let requestedBy: UserID
    let requestedAt: Date
    let dueAt: Date
    let state: State
    let undoneAt: Date?
    let completedAt: Date?
    /// The steps that are done, in the order of their doing.
    let steps: [String]

    /// How long a suspended company's deletion waits before it looks again: its owners cannot undo it, and what is looked into must not vanish.
    static let hold: TimeInterval = 3_600

    static func next(ofTenant isTenant: Bool, acknowledged: [Step: Date], now: Date, dueAt: Date, isUndone: Bool, isHeld: Bool = false) -> Next {
        if isUndone { return acknowledged[.reopenSends] == nil ? .run(.reopenSends) : .nothing }
        guard acknowledged[.stopSends] != nil else { return .run(.stopSends) }
        guard now >= dueAt else { return .wait(until: dueAt) }
        if isHeld, acknowledged[.closeAccess] == nil { return .wait(until: now.addingTimeInterval(hold)) }
        guard let step = Step.path(ofTenant: isTenant).first(where: { acknowledged[$0] == nil }) else { return .nothing }
        if step != .closeAccess, let closed = acknowledged[.closeAccess], now < closed.addingTimeInterval(settling) {
            return .wait(until: closed.addingTimeInterval(settling))
        }
        return .run(step)
    }

    /// How long to wait after so many failures in a row, in seconds: 2, 4, 8 … up to five minutes.
    static func pause(afterFailures failures: Int) -> TimeInterval {
        min(300, pow(2, Double(max(1, min(failures, 16)))))
    }
}
