import Synchronization

/// An open transaction; good only inside the closure that received it.
public struct Transaction: Sendable {
    /// What opens it goes out together with its first statement, which saves a round trip.
    final class Opening: Sendable {
        private let pending: Mutex<[SQL]>

        init(_ statements: [SQL]) {
            pending = Mutex(statements)
        }

        /// What is still to be sent before the next statement.
        func take() -> [SQL] {
            pending.withLock { statements in
                defer { statements = [] }
                return statements
            }
        }

        /// Whether the server knows nothing of this transaction yet.
        var isPending: Bool { pending.withLock { !$0.isEmpty } }
    }

    let connection: PostgresConnection
    let opening: Opening

    /// Runs one statement and gives its rows.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        let before = opening.take()
        guard !before.isEmpty else { return try await connection.query(sql) }
        return try await connection.pipeline(before + [sql])[before.count]
    }

    /// Runs statements in one round trip; the first error ends the transaction.
    @discardableResult
    public func pipeline(_ sqls: [SQL]) async throws(PostgresError) -> [Rows] {
        let before = opening.take()
        guard !before.isEmpty else { return try await connection.pipeline(sqls) }
        return Array(try await connection.pipeline(before + sqls).dropFirst(before.count))
    }

    /// Streams rows into a table with COPY; returns how many.
    public func copy(
        into table: StaticString, columns: [StaticString], rows: [[(any PostgresBindable)?]]
    ) async throws(PostgresError) -> Int {
        let before = opening.take()
        if !before.isEmpty { try await connection.pipeline(before) }
        return try await connection.copy(into: table, columns: columns, rows: rows)
    }
}
