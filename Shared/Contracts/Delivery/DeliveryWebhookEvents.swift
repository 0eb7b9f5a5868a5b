public enum WebhookKind {}
public typealias WebhookID = EntityID<WebhookKind>

extension DeliveryEvents {
    /// A tenant's webhook was created, changed, paused, resumed, disabled or deleted, got a new secret, or had something sent again.
    public struct WebhookChanged: Event {
        public static let name = "delivery.webhook.changed"
        public var webhook: WebhookID
        /// The verb of the trail's entry.
        public var change: String

        public init(webhook: WebhookID, change: String) {
            self.webhook = webhook
            self.change = change
        }
    }
}
