/// The five services, by the name that stands in tokens, streams, schemas and configuration keys.
public enum ServiceName: String, Sendable, CaseIterable, Codable {
    case auth, billing, campaigns, delivery, audit

    /// The Redis stream of this service's events.
    public var eventStream: String { "events:\(rawValue)" }

    /// Who reads this service's events: a row stays in the outbox until each of them has acknowledged it. Delivery reads its own too, for webhooks:
    /// tenants are told what happened after it did, not while mail is on its way.
    public var subscribers: [ServiceName] {
        switch self {
        case .auth: [.billing, .campaigns, .delivery, .audit]
        case .billing: [.campaigns, .delivery, .audit]
        case .campaigns: [.delivery, .audit]
        case .delivery: [.campaigns, .delivery, .audit]
        case .audit: []
        }
    }

    /// The streams that this service reads.
    public var subscriptions: [ServiceName] {
        Self.allCases.filter { $0.subscribers.contains(self) }
    }
}
