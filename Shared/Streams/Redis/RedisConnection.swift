import CHiredis
import Primitives

/// One line to Redis on a thread of its own; commands run one after another.
///
/// A blocking read holds the connection: readers and writers need separate ones.
public actor RedisConnection {
    private let executor: ThreadExecutor
    private let handle: RedisHandle
    private nonisolated let line: RedisHandle.Line
    private var failed: RedisError?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Connects and signs in, or throws ``RedisError/Code/connectionFailed`` or what Redis says to the password.
    public static func connect(_ configuration: RedisConfiguration) async throws(RedisError) -> RedisConnection {
        let connection = try await Opener(executor: ThreadExecutor(name: "redis")).open(configuration)
        try await connection.authenticate(configuration)
        return connection
    }

    /// Opens on the new connection's own thread, since connecting blocks.
    private actor Opener {
        let executor: ThreadExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(executor: ThreadExecutor) {
            self.executor = executor
        }

        func open(_ configuration: RedisConfiguration) throws(RedisError) -> RedisConnection {
            try RedisConnection(executor: executor, configuration: configuration)
        }
    }

    private init(executor: ThreadExecutor, configuration: RedisConfiguration) throws(RedisError) {
        self.executor = executor
        let handle = try RedisHandle(configuration)
        line = handle.line
        self.handle = handle
    }

    /// A line that Redis does not let in is of no use: it is thrown here, not at the first command.
    private func authenticate(_ configuration: RedisConfiguration) throws(RedisError) {
        guard !configuration.password.isEmpty else { return }
        let names = configuration.username.isEmpty ? [] : [configuration.username]
        if case .error(let message) = try run([["AUTH"] + names + [configuration.password]])[0] {
            close()
            throw RedisError(.server, message: message)
        }
    }

    /// Sends one command and gives its answer; an error answer is thrown as ``RedisError/Code/server``.
    @discardableResult
    public func command(_ arguments: [String]) async throws(RedisError) -> RedisValue {
        let answer = try run([arguments])[0]
        if case .error(let message) = answer { throw RedisError(.server, message: message) }
        return answer
    }

    /// Sends commands in one go; error answers stand in their places.
    public func pipeline(_ commands: [[String]]) async throws(RedisError) -> [RedisValue] {
        try run(commands)
    }

    /// Ends a blocked read from outside: it throws, and the connection is done for.
    public nonisolated func interrupt() {
        line.shut()
    }

    /// Stops using the connection.
    public func close() {
        failed = failed ?? RedisError(.connectionLost, message: "the connection was closed")
        line.shut()
    }

    /// The identity of the running server: another one after each restart.
    public func serverRunIdentifier() async throws(RedisError) -> String {
        let information = try await command(["INFO", "server"]).string ?? ""
        let line = information.split(whereSeparator: \.isNewline).first { $0.hasPrefix("run_id:") }
        return line.map { String($0.dropFirst("run_id:".count)) } ?? ""
    }

    private func run(_ commands: [[String]]) throws(RedisError) -> [RedisValue] {
        if let failed { throw failed }
        for command in commands { append(command) }
        var answers: [RedisValue] = []
        answers.reserveCapacity(commands.count)
        for _ in commands {
            var reply: UnsafeMutableRawPointer?
            guard redisGetReply(handle.context, &reply) == REDIS_OK, let reply else {
                // hiredis' errors are final for a context, and the answers still to come could not be told apart.
                let failure = handle.failure
                failed = failure
                throw failure
            }
            answers.append(RedisValue(reply: UnsafePointer(reply.assumingMemoryBound(to: redisReply.self))))
            freeReplyObject(reply)
        }
        return answers
    }

    /// Lengths travel beside the bytes, so arguments may hold anything.
    private func append(_ arguments: [String]) {
        let lengths = arguments.map(\.utf8.count)
        var joined: [UInt8] = []
        for argument in arguments { joined.append(contentsOf: argument.utf8) }
        // An empty array has no address, and a command of one empty argument is still a command.
        joined.append(0)
        joined.withUnsafeBufferPointer { buffer in
            var pointers: [UnsafePointer<CChar>?] = []
            var offset = 0
            for length in lengths {
                pointers.append(UnsafeRawPointer(buffer.baseAddress! + offset).assumingMemoryBound(to: CChar.self))
                offset += length
            }
            _ = redisAppendCommandArgv(handle.context, Int32(arguments.count), &pointers, lengths)
        }
    }
}
