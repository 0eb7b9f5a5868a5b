/// An open transaction; good only inside the closure that received it.
public struct Transaction: Sendable {
    let connection: PostgresConnection

    /// Runs one statement and gives its rows.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        try await connection.query(sql)
    }

    /// Runs statements in one round trip; the first error ends the transaction.
    @discardableResult
    public func pipeline(_ sqls: [SQL]) async throws(PostgresError) -> [Rows] {
        try await connection.pipeline(sqls)
    }

    /// Streams rows into a table with COPY; returns how many.
    public func copy(
        into table: StaticString, columns: [StaticString], rows: [[(any PostgresBindable)?]]
    ) async throws(PostgresError) -> Int {
        try await connection.copy(into: table, columns: columns, rows: rows)
    }
}
