import Contracts
import Foundation

/// What reputation asks of the area that keeps tenants' domains: a value with one effect, so that neither knows the other's tables.
struct DomainDirectory: Sendable {
    struct Entry: Sendable, Equatable {
        /// In lower case.
        let name: String
        let workspace: WorkspaceID
    }

    /// A domain of the tenant by its identifier or its name, in lower case; nil when it has none.
    let find: @Sendable (TenantID, String) async throws -> Entry?
}

extension DomainDirectory {
    init(_ store: DomainStore) {
        self.init { tenant, text in
            let id = UUID(uuidString: text).map { DomainID($0) }
            let found = if let id { try await store.find(id, of: tenant) } else { try await store.find(named: text, of: tenant) }
            return found.map { Entry(name: $0.name, workspace: $0.workspace) }
        }
    }
}
