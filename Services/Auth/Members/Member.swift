import Contracts
import Foundation
import HTTP

/// Somebody who works in a company.
struct Member: Sendable, Encodable, Equatable {
    let user: UserID
    let name: String
    let email: String
    let role: Role
    /// Nil is all.
    let workspaces: [WorkspaceID]?
    let joinedAt: Date

    /// Where a page of the list ends.
    struct Place: Codable, Sendable {
        let joinedAt: Date
        let user: UserID
    }

    var place: Place { Place(joinedAt: joinedAt, user: user) }
}

/// Somebody who was asked to.
struct Invitation: Sendable, Encodable, Equatable {
    let id: EntityID<Invitation>
    let address: String
    let role: Role
    let workspaces: [WorkspaceID]?
    let createdAt: Date
    let expiresAt: Date

    /// How long it stands.
    static let lifetime: TimeInterval = 7 * 86_400
}

/// Why a membership cannot change like that.
enum MembershipError: Error, Equatable {
    case notFound
    /// The company would be nobody's.
    case lastOwner
    /// Only owners decide about owners.
    case notAllowed
    /// Owners are made and unmade only by whoever has just given the password.
    case stepUpRequired
    case noSeats
    /// A limit to workspaces that the company does not have.
    case unknownWorkspace
    case alreadyMember
    case alreadyInvited
}

/// Who may do what to whom; no database in sight.
enum MembershipRules {
    /// Whether `actor` may give `target` the role `new`; nil removes.
    static func mayChange(_ target: Role, to new: Role?, by actor: Role) -> Bool {
        guard actor >= .admin else { return false }
        return actor == .owner || (target < .owner && (new ?? .viewer) < .owner)
    }

    /// Whether `actor` may invite somebody as `role`; owners are made of members, never of addresses.
    static func mayInvite(as role: Role, by actor: Role) -> Bool {
        actor >= .admin && role < .owner
    }
}
