import Contracts
import Foundation
import HTTP
import Postgres

/// What a new password must be: long enough for whom it is, and not among those that leaked (NIST 800-63B-4). No rule about kinds of characters.
struct PasswordRules: Sendable {
    /// People of the operator reach every company.
    static let staffMinimum = 15

    /// Whose password it is to be.
    enum Subject: Sendable {
        /// Somebody who belongs to no company yet.
        case newcomer
        case person(UserID)
        /// Somebody who is about to join this company.
        case joining(TenantID)
    }

    let database: Database
    let api: Database
    let breached: BreachedPasswords

    /// The password, or a 400 that says what is wrong with it.
    func checked(_ text: String, field: String, for subject: Subject) async throws -> Password {
        let minimum = try await minimum(for: subject)
        do throws(Password.Rejection) {
            return try Password(new: text, minimum: minimum, breached: breached)
        } catch {
            let detail =
                switch error {
                case .tooShort(let minimum): "\(field) must have at least \(minimum) characters."
                case .tooLong: "\(field) must have at most \(Password.maximumBytes) bytes."
                case .common: "\(field) is one of the passwords that are tried first; take another one."
                }
            throw Problem.invalid(detail, field: field)
        }
    }

    private func minimum(for subject: Subject) async throws -> Int {
        switch subject {
        case .newcomer: Password.minimumLength
        case .person(let user): try await TenantPolicyStore.passwordMinimum(of: user, in: database)
        case .joining(let tenant): try await TenantPolicyStore.find(tenant, in: api)?.passwordMinimumLength ?? Password.minimumLength
        }
    }
}
