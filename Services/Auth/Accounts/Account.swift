import Contracts
import Foundation
import Mail

/// A person who can sign in.
struct Account: Sendable, Equatable {
    let id: UserID
    let email: String
    let name: String
    let verifiedAt: Date?
    /// Since when the operator lets nobody sign in as this person; nil for almost everybody.
    var suspendedAt: Date?
}

/// Who belongs where, in which role.
struct Membership: Sendable, Equatable {
    let tenant: TenantID
    let tenantName: String
    let role: String
}

/// An e-mail address in the one form in which it is stored and compared.
struct EmailAddress: Sendable, Equatable {
    let text: String

    /// Nil unless it is one plain address in ASCII, without quotes or comments.
    init?(_ entered: String) {
        guard let address = try? MailAddress(entered) else { return nil }
        text = address.normalized
    }
}
