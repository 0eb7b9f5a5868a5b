extension DeliveryRPC {
    /// Puts at most 500 addresses on the list of those who are not written to; one that stands there already is left as it is.
    /// Error kind `invalid_batch`.
    public struct SuppressRecipients: RPCMethod {
        public static let name = "delivery.suppressRecipients"
        public static let isIdempotent = true
        public typealias Result = Suppressed
        public var tenant: TenantID
        /// Nil is the whole tenant.
        public var workspace: WorkspaceID?
        public var addresses: [String]
        /// Why, such as `unsubscribed`; 1 to 64 characters.
        public var reason: String
        /// Who said so, such as `user:…`; 1 to 128 characters.
        public var source: String

        public init(tenant: TenantID, workspace: WorkspaceID? = nil, addresses: [String], reason: String, source: String) {
            self.tenant = tenant
            self.workspace = workspace
            self.addresses = addresses
            self.reason = reason
            self.source = source
        }
    }

    public struct Suppressed: Codable, Sendable, Equatable {
        /// How many were not there before.
        public var added: Int

        public init(added: Int) {
            self.added = added
        }
    }
}
