import Contracts
import Foundation
import Logging
import Postgres
import Primitives

/// Looks after the keys that are due: asks DNS for new ones, follows old ones, retires those that were followed.
struct SigningKeyTending: Sendable {
    private static let batch = 200
    /// Lookups at once: a domain whose servers do not answer holds up no other.
    private static let width = 8

    let keys: DKIMKeys
    let logger: Logger

    var handlers: [String: JobHandler] {
        [
            "signing.tend": { _ in
                try await run()
                return .done
            }
        ]
    }

    /// Until nothing is due.
    func run() async throws {
        while try await tendDue() > 0 {}
    }

    /// How many domains were due.
    private func tendDue() async throws -> Int {
        let now = keys.clock.now
        let due = try await keys.database.query(SigningKeyStore.due(now: now, limit: Self.batch)).map { row in
            (tenant: try row.decode("tenant_id", as: TenantID.self), domain: try row.decode("domain", as: String.self))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, entry) in due.enumerated() {
                if index >= Self.width { try await group.next() }
                group.addTask { try await tend(entry.domain, of: entry.tenant, now: now) }
            }
            try await group.waitForAll()
        }
        return due.count
    }

    private func tend(_ domain: String, of tenant: TenantID, now: Date) async throws {
        do {
            try await keys.tend(domain, of: tenant)
        } catch {
            logger.warning("signing keys not looked after", metadata: ["domain": "\(domain)", "error": "\(error)"])
            // So that the others get their turn; throws when it is the database that fails.
            try await keys.database.query(
                SigningKeyStore.putOff(domain, of: tenant, until: keys.clock.now.addingTimeInterval(900), now: now))
        }
    }
}
