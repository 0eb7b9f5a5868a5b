import Foundation
import Postgres

/// Who may admit work, by the database's clock; a new holder raises the fence, so that the old one's claims fail.
struct DispatcherLease: Sendable {
    let database: Database
    let holder: String
    let length: Duration

    /// The fence while the lease is ours; nil while somebody else holds it.
    func take() async throws -> Int64? {
        let rows = try await database.query(
            """
            update dispatcher_lease set fence = case when holder = \(holder) and expires_at > now() then fence else fence + 1 end,
                holder = \(holder), expires_at = now() + make_interval(secs => \(seconds))
            where holder = \(holder) or expires_at <= now() returning fence
            """)
        return try rows.first?.decode("fence")
    }

    /// Gives it up, so that another need not wait.
    func release() async throws {
        try await database.query("update dispatcher_lease set expires_at = '-infinity' where holder = \(holder)")
    }

    private var seconds: Double { Double(length.components.seconds) + Double(length.components.attoseconds) / 1e18 }
}
