import Contracts

/// What domains ask of the keys that sign their mail.
struct DomainKeys: Sendable {
    /// The records to publish.
    let publications: @Sendable (TenantID, String) async throws -> [DKIMPublication]
    /// Makes keys where there are none; safe to ask twice.
    let make: @Sendable (TenantID, String) async throws -> Void
    /// Takes keys into use that are published by now, and others out of it.
    let tend: @Sendable (TenantID, String) async throws -> Void
    /// The company gives the domain up.
    let withdraw: @Sendable (TenantID, String) async throws -> Void
}

extension DomainKeys {
    init(_ keys: DKIMKeys) {
        self.init(
            publications: { try await keys.publications(of: $0, domain: $1) },
            make: { _ = try await keys.make(for: $1, of: $0, by: .system) },
            tend: { try await keys.tend($1, of: $0) },
            withdraw: { try await keys.withdraw($1, of: $0, by: .system, reason: "the domain was removed") })
    }
}
