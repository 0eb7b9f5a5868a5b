/// What others may ask Audit.
public enum AuditRPC {
    /// Forgets how a person is called in the trail: the names of the targets that are this subject go, the events stay.
    public struct EraseSubject: RPCMethod {
        public static let name = "audit.eraseSubject"
        public static let isIdempotent = true
        public static let deadline = Duration.seconds(30)
        public typealias Result = PurgeResult
        public var tenant: TenantID
        /// Such as `lead`.
        public var type: String
        public var id: String

        public init(tenant: TenantID, type: String, id: String) {
            self.tenant = tenant
            self.type = type
            self.id = id
        }
    }
}
