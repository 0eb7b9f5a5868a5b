import Contracts

/// Why a subscription is read from Stripe; stands in the audit trail beside what it changed.
struct SyncCause: Sendable, Equatable {
    /// The raw value is what is stored.
    enum Source: String, Sendable {
        /// Stripe told that something happened.
        case event
        /// The daily comparison.
        case reconcile
        /// The clock of dunning.
        case dunning
        /// Somebody of the company did something.
        case request
        /// Somebody of the platform asked for it.
        case staff
    }

    let source: Source
    /// Stripe's event.
    var event: String?
    /// Who wanted it; nil for what nobody did.
    var person: EventActor?
    var trace: String?

    static let reconcile = SyncCause(source: .reconcile)
    static let dunning = SyncCause(source: .dunning)

    /// Whose act it is.
    var actor: EventActor { person ?? .system(source == .event ? "stripe" : "billing") }

    /// What the audit trail says about it.
    var metadata: [String: String] {
        var metadata = ["source": source.rawValue]
        metadata["stripe_event"] = event
        return metadata
    }
}
