import Contracts
import HTTP
import Postgres

extension Database {
    /// Ends each statement after three seconds: a search that takes longer is not worth the database's time. Without `tenant` the role must see all.
    func inTime<Value: Sendable>(
        as tenant: TenantID? = nil, orElse problem: Problem = .searchTooSlow, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        try await inTime(as: tenant, orElse: problem, asking: []) { transaction, _ in try await body(transaction) }
    }

    /// `first` goes out with what opens the transaction, in one round trip; `body` gets its answers.
    func inTime<Value: Sendable>(
        as tenant: TenantID?, orElse problem: Problem = .searchTooSlow, asking first: [SQL],
        _ body: (Transaction, [Rows]) async throws -> Value
    ) async throws -> Value {
        do {
            return try await transaction(as: tenant) { transaction in
                let answers = try await transaction.pipeline(["select set_config('statement_timeout', '3s', true)"] + first)
                return try await body(transaction, Array(answers.dropFirst()))
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
