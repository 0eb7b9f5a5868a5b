extension Transaction {
    /// Runs statements of which each deletes a batch, in their order, until about `limit` rows are gone; how many went.
    ///
    /// Only zero says that nothing is left: a row that somebody changed at the same moment may have been passed over.
    public func purge(_ statements: [SQL], limit: Int) async throws(PostgresError) -> Int {
        var gone = 0
        for statement in statements {
            gone += try await query(statement).affected
            if gone >= limit { break }
        }
        return gone
    }
}
