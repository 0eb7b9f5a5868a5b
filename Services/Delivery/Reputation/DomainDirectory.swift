import Contracts
import Foundation

/// What reputation asks of the area that keeps tenants' domains: a value with one effect, so that neither knows the other's tables.
struct DomainDirectory: Sendable {
    /// The name, in lower case, of a domain of the tenant by its identifier; nil when it has none.
    let name: @Sendable (TenantID, UUID) async throws -> String?

    /// Domains are known by their names alone.
    static let namesOnly = DomainDirectory { _, _ in nil }
}
