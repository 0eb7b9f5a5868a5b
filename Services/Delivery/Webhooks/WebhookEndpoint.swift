import Contracts
import Foundation
import Primitives

/// Where a tenant wants to be told what happens; holds no secret.
struct WebhookEndpoint: Encodable, Sendable, Equatable {
    /// A tenant has at most so many.
    static let most = 20

    enum State: String, Codable, Sendable {
        case active, paused, disabled
    }

    let id: WebhookID
    let workspace: WorkspaceID?
    let url: String
    let description: String
    let types: [String]
    let state: State
    let stateReason: String?
    let stateSince: Date
    /// Attempts that failed, in a row.
    let failures: Int
    /// Until then the secret before signs too.
    let previousSecretUntil: Date?
    let createdAt: Date
    let updatedAt: Date

    /// Where its secrets stand sealed; both in one place, since the newer becomes the older.
    static func place(_ id: WebhookID, of tenant: TenantID) -> Keyring.Place {
        Keyring.Place(purpose: "webhook_endpoints.secret", row: id.description, tenant: tenant.uuid)
    }
}

/// An endpoint's secrets as they are stored.
struct SealedWebhookSecrets: Sendable {
    let current: String
    let previous: String?
    let previousUntil: Date?

    /// Those that sign at `now`, the newest first.
    func open(_ id: WebhookID, of tenant: TenantID, with keyring: Keyring, at now: Date) throws -> [String] {
        var sealed = [current]
        if let previous, let previousUntil, previousUntil > now { sealed.append(previous) }
        return try sealed.map { String(decoding: try keyring.open($0, for: WebhookEndpoint.place(id, of: tenant)), as: UTF8.self) }
    }
}
