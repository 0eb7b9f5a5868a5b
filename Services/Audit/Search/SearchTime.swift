import Contracts
import HTTP
import Postgres

extension Database {
    /// Ends each statement after three seconds: a search that takes longer is not worth the database's time. Without `tenant` the role must see all.
    func inTime<Value: Sendable>(
        as tenant: TenantID? = nil, orElse problem: Problem = .searchTooSlow, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        do {
            return try await transaction(as: tenant) { transaction in
                try await transaction.query("select set_config('statement_timeout', '3s', true)")
                return try await body(transaction)
            }
        } catch let error as PostgresError where error.code == .statementTimeout {
            throw problem
        }
    }
}

extension Problem {
    /// 422: the search would take longer than the database gives it.
    static let searchTooSlow = Problem.unprocessable(
        kind: "search_too_slow", title: "This search takes too long.",
        detail: "Name an actor, an action or a target as well, or look through a shorter time.")
}
