import Contracts
import Foundation

enum SupportSessionKind {}
typealias SupportSessionID = EntityID<SupportSessionKind>

/// A stated reason for which one of the operator's people may read one company's trail for a while. It makes nobody anybody else.
struct SupportSession: Sendable, Encodable, Equatable {
    enum State: String, Sendable, Encodable {
        case running
        /// Before its time.
        case ended
        case expired
    }

    /// Why it is over.
    enum End: String, Sendable, Encodable {
        /// Whoever began it has ended it.
        case holder
        case expired
        /// Whoever began it is no longer one of those who may.
        case staffRoleRemoved = "staff_role_removed"
    }

    let id: SupportSessionID
    let tenant: TenantID
    let staffUser: UserID
    let staffName: String
    let reason: String
    let ticket: String
    /// What may be read.
    let scope: [SupportScope]
    let createdAt: Date
    let expiresAt: Date
    let state: State
    let endedAt: Date?
    let endedBecause: End?

    static let longest: TimeInterval = 3_600

    /// Its time may be over before anybody has noted it.
    static func state(endedAt: Date?, because end: End?, expiresAt: Date, now: Date) -> State {
        if endedAt != nil { return end == .expired ? .expired : .ended }
        return expiresAt <= now ? .expired : .running
    }
}
