import Contracts
import Foundation
import Primitives

enum CheckpointDeliveryKind {}
typealias CheckpointDeliveryID = EntityID<CheckpointDeliveryKind>

/// How checkpoints leave.
enum CheckpointChannel: String, Sendable, Codable {
    case webhook, mail
    /// The platform's own go into the log of this service.
    case log
}

/// Where a company wants its checkpoints, and how the last one fared; holds no secret.
struct CheckpointDelivery: Sendable, Equatable {
    let id: CheckpointDeliveryID
    let channel: CheckpointChannel
    /// The webhook's address, or the one that mails go to.
    let target: String
    /// `user:<id>`.
    let setBy: String
    let setAt: Date
    let nextAt: Date
    let deliveredAt: Date?
    let deliveredSize: Int64?
    let failingSince: Date?
    let failure: String?
}

/// One delivery that this process alone looks at until its lease is over.
struct CheckpointOrder: Sendable {
    let tenant: TenantID
    let id: CheckpointDeliveryID
    let channel: CheckpointChannel
    let target: String
    let secretSealed: String?
    /// When it was taken to come back; whoever finds another value there has lost the order.
    let lease: Date
    let deliveredAt: Date?
    let deliveredSize: Int64?
    let failures: Int
    let failingSince: Date?
    let isFailureTold: Bool

    /// Where the webhook's secret stands sealed.
    static func place(_ id: CheckpointDeliveryID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "checkpoint_deliveries.secret", row: id.description, tenant: tenant.uuid)
    }
}

/// What a server said.
struct CheckpointReply: Sendable, Equatable {
    let status: Int
    /// The beginning of what it said besides.
    let text: String
}

/// Why a checkpoint did not arrive, in words for the company's people: they name no target and hold no secret.
struct CheckpointFailure: Error, Sendable, Equatable {
    let reason: String
    /// Where there was an answer: for whoever tries it out, and kept nowhere.
    var reply: CheckpointReply?

    init(_ reason: String, reply: CheckpointReply? = nil) {
        self.reason = reason
        self.reply = reply
    }
}
