/// A shared writer that connects when it is needed and again after the line broke.
public actor RedisClient {
    private let configuration: RedisConfiguration
    private var connection: RedisConnection?
    private var connecting: Task<Result<RedisConnection, RedisError>, Never>?

    public init(_ configuration: RedisConfiguration) {
        self.configuration = configuration
    }

    /// Sends one command; what a command did whose line broke is unknown, so it is not sent again.
    @discardableResult
    public func command(_ arguments: [String]) async throws(RedisError) -> RedisValue {
        let connection = try await connected()
        do throws(RedisError) {
            return try await connection.command(arguments)
        } catch {
            forget(connection, after: error)
            throw error
        }
    }

    /// Sends commands in one go; error answers stand in their places.
    public func pipeline(_ commands: [[String]]) async throws(RedisError) -> [RedisValue] {
        let connection = try await connected()
        do throws(RedisError) {
            return try await connection.pipeline(commands)
        } catch {
            forget(connection, after: error)
            throw error
        }
    }

    private func connected() async throws(RedisError) -> RedisConnection {
        if let connection { return connection }
        let configuration = configuration
        let task =
            connecting
            ?? Task { () -> Result<RedisConnection, RedisError> in
                do throws(RedisError) {
                    return .success(try await RedisConnection.connect(configuration))
                } catch {
                    return .failure(error)
                }
            }
        connecting = task
        let result = await task.value
        connecting = nil
        let fresh = try result.get()
        // Whoever waited for the same attempt has stored it already.
        if connection == nil { connection = fresh }
        return fresh
    }

    private func forget(_ broken: RedisConnection, after error: RedisError) {
        if error.code != .server, connection === broken { connection = nil }
    }
}
