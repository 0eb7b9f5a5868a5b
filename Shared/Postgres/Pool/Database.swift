public import Contracts

/// One role's way into the database.
///
/// Connections are handed out inside closures only, so none can be kept or shared by accident.
public struct Database: Sendable {
    private let pool: ConnectionPool

    /// `maximumWait`: how long a caller waits for a free connection before ``PostgresError/Code/poolExhausted``.
    public init(_ configuration: PostgresConfiguration, connections: Int = 8, maximumWait: Duration = .seconds(5)) {
        pool = ConnectionPool(configuration, limit: connections, maximumWait: maximumWait)
    }

    /// Runs one statement by itself, without a tenant: row-level security shows no tenant's rows to an `_api` role.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        let lease = try await pool.lease()
        do throws(PostgresError) {
            let rows = try await lease.connection.query(sql)
            await pool.giveBack(lease)
            return rows
        } catch {
            await pool.giveBack(lease)
            throw error
        }
    }

    /// Runs one statement as `tenant`, in one round trip.
    @discardableResult
    public func query(as tenant: TenantID, _ sql: SQL) async throws(PostgresError) -> Rows {
        let lease = try await pool.lease()
        do throws(PostgresError) {
            let answers = try await lease.connection.pipeline(["begin", Self.enter(tenant), sql, "commit"])
            await pool.giveBack(lease)
            return answers[2]
        } catch {
            if error.code != .connectionLost { _ = try? await lease.connection.queryToTheEnd("rollback") }
            await pool.giveBack(lease)
            throw error
        }
    }

    /// Runs `body` in a transaction, with row-level security set to `tenant` for its length.
    ///
    /// Commits when `body` returns; rolls back when it throws, also when the task is cancelled. An error of COMMIT itself with
    /// ``PostgresError/Code/connectionLost`` means that nobody knows whether it was committed.
    @discardableResult
    public func transaction<Value: Sendable>(
        as tenant: TenantID? = nil, isolation: isolated (any Actor)? = #isolation, _ body: (Transaction) async throws -> Value
    ) async throws -> Value {
        let lease = try await pool.lease()
        let opening = Transaction.Opening(["begin"] + (tenant.map { [Self.enter($0)] } ?? []))
        do {
            let value = try await withTaskExecutorPreference(lease.connection.taskExecutor) {
                let value = try await body(Transaction(connection: lease.connection, opening: opening))
                if !opening.isPending { try await lease.connection.queryToTheEnd("commit") }
                return value
            }
            await pool.giveBack(lease)
            return value
        } catch {
            if !opening.isPending { _ = try? await lease.connection.queryToTheEnd("rollback") }
            await pool.giveBack(lease)
            throw error
        }
    }

    /// The setting that the policies read; its name is Nile's, so that Nile's layout fits.
    private static func enter(_ tenant: TenantID) -> SQL {
        "select set_config('nile.tenant_id', \(tenant.description), true)"
    }
}
