extension DeliveryRPC {
    /// What became of the mails of 1 to 200 of a tenant's reservations; each of them is answered once, in no order, and one of which Delivery has
    /// no mail has nothing used, released or open. Error kind `invalid_batch`.
    public struct ReadReservations: RPCMethod {
        public static let name = "delivery.readReservations"
        public static let isIdempotent = true
        public typealias Result = [ReservationReport]
        public var tenant: TenantID
        public var reservations: [ReservationID]

        public init(tenant: TenantID, reservations: [ReservationID]) {
            self.tenant = tenant
            self.reservations = reservations
        }
    }

    /// All figures of a reservation are of one moment.
    public struct ReservationReport: Codable, Sendable, Equatable {
        public var reservation: ReservationID
        /// Sent, refused by a server, or perhaps sent.
        public var used: Int64
        /// Taken back before they went out.
        public var released: Int64
        /// Mails that may still go out.
        public var open: Int64

        public init(reservation: ReservationID, used: Int64, released: Int64, open: Int64) {
            self.reservation = reservation
            self.used = used
            self.released = released
            self.open = open
        }
    }
}
