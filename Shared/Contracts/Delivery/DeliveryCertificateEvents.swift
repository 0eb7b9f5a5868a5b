public import Foundation

extension DeliveryEvents {
    /// The certificate of a company's tracking host was issued, or could not be; of failures in a row the first is told.
    public struct TrackingCertificateChanged: Event {
        public static let name = "delivery.tracking_certificate.changed"
        public var host: String
        /// `issued` or `failing`.
        public var state: String
        /// Nil while there is no certificate.
        public var expiresAt: Date?

        public init(host: String, state: String, expiresAt: Date?) {
            self.host = host
            self.state = state
            self.expiresAt = expiresAt
        }
    }
}
