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

    /// A provider's identity signs in as this person no more.
    public struct OpenIDUnlinked: Event {
        public static let name = "auth.openID.unlinked"
        public var user: UserID
        public var issuer: String

        public init(user: UserID, issuer: String) {
            self.user = user
            self.issuer = issuer
        }
    }
}
