extension AuthEvents {
    /// A person can sign in through a provider from now on.
    public struct OpenIDLinked: Event {
        public static let name = "auth.openID.linked"
        public var user: UserID
        /// `google` or `microsoft`.
        public var provider: String

        public init(user: UserID, provider: String) {
            self.user = user
            self.provider = provider
        }
    }
}
