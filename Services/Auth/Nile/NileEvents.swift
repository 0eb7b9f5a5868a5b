import Contracts

extension AuthEvents {
    /// Somebody changed their own name or picture; what it is now stays in Auth.
    struct ProfileChanged: Event {
        static let name = "auth.user.profileChanged"
        var user: UserID
    }

    /// A company has another name.
    struct TenantRenamed: Event {
        static let name = "auth.tenant.renamed"
        var tenant: TenantID
        var company: String
    }
}
