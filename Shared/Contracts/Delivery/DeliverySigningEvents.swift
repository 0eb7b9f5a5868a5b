extension DeliveryEvents {
    /// A key that signs mail of a domain was made, came into use, was followed by another, or went out of use.
    public struct SigningKeyChanged: Event {
        public static let name = "delivery.signing_key.changed"
        public var domain: String
        public var selector: String
        /// `pending`, `active`, `retiring` or `retired`.
        public var state: String

        public init(domain: String, selector: String, state: String) {
            self.domain = domain
            self.selector = selector
            self.state = state
        }
    }
}
