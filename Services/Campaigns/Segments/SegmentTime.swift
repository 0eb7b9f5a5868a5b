import Contracts
import HTTP
import Postgres

extension Database {
    /// A transaction in which a statement that takes longer than `limit` is ended: problem 422 `segment_too_slow`.
    func inTime<Value: Sendable>(
        _ limit: String, as tenant: TenantID, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        do {
            return try await transaction(as: tenant) { transaction in
                try await transaction.query("select set_config('statement_timeout', \(limit), true)")
                return try await body(transaction)
            }
        } catch let error as PostgresError where error.code == .statementTimeout {
            throw Problem.unprocessable(
                kind: "segment_too_slow", title: "Finding these leads takes too long.",
                detail: "Ask for a status, a list, an import or a campaign as well, so that fewer leads are looked through; or use fewer conditions.")
        }
    }
}
