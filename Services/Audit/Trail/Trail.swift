import Contracts
import Foundation
import Postgres
import Primitives
import Streams

/// Takes audited events of all services in; the same event again changes nothing.
struct Trail: Sendable {
    /// The platform's own tree.
    static let platform = TenantID.zero

    let clock: WallClock

    /// Throws ``EventRejected`` for an entry out of bounds; then the batch is taken apart and the others land.
    func record(_ events: [ReceivedEvent], from source: ServiceName, in transaction: Transaction) async throws {
        let entries = try events.compactMap { event -> (EventHeader, AuditRecord)? in
            guard let record = event.header.audit else { return nil }
            if let violation = TrailRules.violation(of: record, in: event.header) { throw EventRejected(violation) }
            return (event.header, record)
        }
        guard !entries.isEmpty else { return }
        try await TrailStore.insert(entries, source: source, at: clock.now, in: transaction)
    }
}
