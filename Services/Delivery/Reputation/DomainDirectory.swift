import Contracts

/// What reputation asks of the area that keeps tenants' domains: a value with one effect, so that neither knows the other's tables.
struct DomainDirectory: Sendable {
    struct Entry: Sendable, Equatable {
        /// In lower case.
        let name: String
        let workspace: WorkspaceID
    }

    /// A domain of the tenant by its identifier or its name, in lower case; nil when it has none.
    let find: @Sendable (TenantID, String) async throws -> Entry?

    /// Knows none: domains are those that mailboxes send from.
    static let empty = DomainDirectory { _, _ in nil }
}
