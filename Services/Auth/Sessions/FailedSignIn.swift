import Contracts
import Foundation
import Primitives

/// How a failed sign-in names the address that was tried: never in clear, since whoever is deleted must not stay behind in the trail, and anybody
/// may type anybody's address.
struct FailedSignIn: Sendable {
    let keyring: Keyring

    /// The account that was tried; of an address without one only the domain.
    static func target(_ email: EmailAddress?, of account: UserID?) -> AuditRecord.Target {
        if let account { return .init(type: "user", id: account.description) }
        return .init(type: "domain", id: email?.text.split(separator: "@").last.map(String.init) ?? "none")
    }

    /// Lets failures of one address be counted; without the key nobody can try addresses on it.
    func digest(of email: EmailAddress?) throws -> String {
        try keyring.authenticate(Data((email?.text ?? "").utf8), purpose: "failed sign-in")
    }
}
