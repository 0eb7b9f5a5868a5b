import Contracts
import HTTP
import Postgres

/// Whose keys people who are limited to workspaces see and change: those of domains that their workspaces have; and they see, but do not change,
/// those of domains that their workspaces only send from, since others send from them too.
struct SigningKeyScope: Sendable {
    /// Of the `_api` role.
    let database: Database

    /// A 404 unless the identity may know of the domain's keys.
    func requireSight(of domain: String, _ identity: Identity) async throws {
        guard try await standing(of: domain, identity) != .none else { throw Problem.notFound("signing key") }
    }

    /// A 403 or 404 unless the identity may change the domain's keys.
    func requireControl(of domain: String, _ identity: Identity) async throws {
        switch try await standing(of: domain, identity) {
        case .owner: return
        case .sender: throw Problem.forbidden("You are limited to some workspaces, and the domain is none of theirs.")
        case .none: throw Problem.notFound("domain")
        }
    }

    private enum Standing {
        case none, sender, owner
    }

    private func standing(of domain: String, _ identity: Identity) async throws -> Standing {
        guard identity.workspaces != nil else { return .owner }
        let rows = try await database.query(as: identity.tenant, SigningKeyStore.workspaces(of: domain, identity.tenant))
        let own = try rows.filter { identity.mayUse(try $0.decode("workspace_id")) }
        guard !own.isEmpty else { return .none }
        return try own.contains { try $0.decode("owns", as: Bool.self) } ? .owner : .sender
    }
}
