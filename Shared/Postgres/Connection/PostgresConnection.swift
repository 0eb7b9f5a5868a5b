import CPostgres
import Foundation
import Primitives
import Synchronization

/// One line to the server, on a thread of its own; statements run one after another.
///
/// Cancelling the calling task cancels the statement on the server (`PQcancel`) and leaves the connection usable.
public actor PostgresConnection {
    private let executor: ThreadExecutor
    private let handle: ConnectionHandle
    private let cancelHandle: CancelHandle
    private let statementNumbers = Atomic<UInt64>(0)
    private var statements: [String: PreparedStatement] = [:]
    private var preparedCount = 0
    private var closed = false
    /// Whether the line stands and no transaction is open, as of the last statement.
    private let isIdle = Atomic<Bool>(true)
    private let socket: Int32

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// For a task that runs many statements on this connection and little else: none of them then changes threads.
    nonisolated var taskExecutor: any TaskExecutor { executor }

    /// Connects, or throws ``PostgresError/Code/connectionFailed``.
    public static func connect(_ configuration: PostgresConfiguration) async throws(PostgresError) -> PostgresConnection {
        let executor = ThreadExecutor(name: "postgres")
        let opener = Opener(executor: executor)
        return try await opener.open(configuration)
    }

    /// Opens on the new connection's own thread, since `PQconnectdb` blocks.
    private actor Opener {
        let executor: ThreadExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        init(executor: ThreadExecutor) {
            self.executor = executor
        }

        func open(_ configuration: PostgresConfiguration) throws(PostgresError) -> PostgresConnection {
            try PostgresConnection(executor: executor, configuration: configuration)
        }
    }

    private init(executor: ThreadExecutor, configuration: PostgresConfiguration) throws(PostgresError) {
        self.executor = executor
        let handle = try ConnectionHandle(configuration)
        cancelHandle = CancelHandle(connection: handle.pointer)
        socket = PQsocket(handle.pointer)
        self.handle = handle
    }

    /// Runs one statement and gives its rows.
    @discardableResult
    public func query(_ sql: SQL) async throws(PostgresError) -> Rows {
        try await cancellable { () throws(PostgresError) in try self.run(sql) }
    }

    /// Runs statements in libpq's pipeline mode: one round trip for all, answers in order.
    ///
    /// Inside a transaction an error undoes all of it as usual; outside, the statements commit together in windows of up to 100.
    @discardableResult
    public func pipeline(_ sqls: [SQL]) async throws(PostgresError) -> [Rows] {
        try await cancellable { () throws(PostgresError) in try self.runPipeline(sqls) }
    }

    /// Runs a script of several statements; only for text that stands in the source, such as a migration.
    public func execute(script: String) async throws(PostgresError) {
        try await cancellable { () throws(PostgresError) in
            try self.ensureOpen()
            _ = try self.check(PQexec(self.handle.pointer, script))
        }
    }

    /// Streams rows into a table with COPY; returns how many.
    public func copy(
        into table: StaticString, columns: [StaticString], rows: [[(any PostgresBindable)?]]
    ) async throws(PostgresError) -> Int {
        try await cancellable { () throws(PostgresError) in try self.runCopy(into: table, columns: columns, rows: rows) }
    }

    /// As ``query(_:)``, but runs to its end even when the task was cancelled: for COMMIT and ROLLBACK.
    @discardableResult
    func queryToTheEnd(_ sql: SQL) throws(PostgresError) -> Rows {
        defer { noteState() }
        return try run(sql)
    }

    /// False when the line broke, the server hung up or a transaction was left open; asks neither the server nor the connection's thread, so
    /// it is for whoever holds the connection while no statement runs.
    nonisolated func isUsable() -> Bool {
        guard isIdle.load(ordering: .acquiring) else { return false }
        var descriptor = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        // Bytes on an idle line are a farewell, or the end of it without one: a fresh line costs less than finding out which.
        return poll(&descriptor, 1, 0) == 0
    }

    /// To be called after each statement.
    private func noteState() {
        isIdle.store(
            !closed && PQstatus(handle.pointer) == CONNECTION_OK && PQtransactionStatus(handle.pointer) == PQTRANS_IDLE, ordering: .releasing)
    }

    /// Stops using the connection; the line is closed when the last reference goes.
    public func close() {
        closed = true
        noteState()
    }

    // MARK: - On the connection's thread

    private func cancellable<Value: Sendable>(
        _ body: () throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let number = statementNumbers.add(1, ordering: .relaxed).newValue
        let handle = cancelHandle
        // `perform` is called without `await`: only so does the compiler make this closure run on the connection's own thread.
        let result = await withTaskCancellationHandler {
            self.perform(number, body)
        } onCancel: {
            Thread.detachNewThread { handle.cancel(number) }
        }
        if case .failure(var error) = result, error.code == .statementTimeout, Task.isCancelled {
            error.code = .cancelled
            throw error
        }
        return try result.get()
    }

    private func perform<Value>(_ number: UInt64, _ body: () throws(PostgresError) -> Value) -> Result<Value, PostgresError> {
        if Task.isCancelled { return .failure(PostgresError(.cancelled, message: "the task was cancelled before the statement ran")) }
        cancelHandle.began(number)
        defer {
            cancelHandle.ended()
            noteState()
        }
        return Result { () throws(PostgresError) in try body() }
    }

    private func ensureOpen() throws(PostgresError) {
        if closed { throw PostgresError(.connectionLost, message: "the connection was closed") }
    }

    private func run(_ sql: SQL) throws(PostgresError) -> Rows {
        try ensureOpen()
        let parameters = try Parameters(sql.binds)
        guard let name = try preparedName(for: sql) else {
            return try check(
                parameters.withPointers { types, values in
                    PQexecParams(handle.pointer, sql.text, parameters.count, types, values, nil, nil, 0)
                })
        }
        return try check(
            parameters.withPointers { _, values in PQexecPrepared(handle.pointer, name, parameters.count, values, nil, nil, 0) })
    }

    /// The statement's name on the server from its second use on; nil means: run it unprepared.
    private func preparedName(for sql: SQL) throws(PostgresError) -> String? {
        switch statements[sql.text] {
        case .prepared(let name):
            return name
        case .seen:
            preparedCount += 1
            let name = "s\(preparedCount)"
            let parameters = try Parameters(sql.binds)
            _ = try check(
                parameters.withPointers { types, _ in PQprepare(handle.pointer, name, sql.text, parameters.count, types) })
            statements[sql.text] = .prepared(name)
            return name
        case nil:
            if statements.count < 512 { statements[sql.text] = .seen }
            return nil
        }
    }

    /// Sends windows of at most 100 statements and 32 kB, so that neither side can fill its socket while the other does too.
    private func runPipeline(_ sqls: [SQL]) throws(PostgresError) -> [Rows] {
        try ensureOpen()
        var answers: [Rows] = []
        answers.reserveCapacity(sqls.count)
        var index = 0
        while index < sqls.count {
            var window: [(SQL, name: String?)] = []
            var size = 0
            while index < sqls.count, window.count < 100, window.isEmpty || size + sqls[index].size < 32_768 {
                size += sqls[index].size
                window.append((sqls[index], try preparedName(for: sqls[index])))
                index += 1
            }
            answers += try runWindow(window)
        }
        return answers
    }

    private func runWindow(_ window: [(SQL, name: String?)]) throws(PostgresError) -> [Rows] {
        guard PQenterPipelineMode(handle.pointer) == 1 else { throw lastError() }
        for (sql, name) in window {
            let parameters = try Parameters(sql.binds)
            let sent = parameters.withPointers { types, values in
                if let name {
                    PQsendQueryPrepared(handle.pointer, name, parameters.count, values, nil, nil, 0)
                } else {
                    PQsendQueryParams(handle.pointer, sql.text, parameters.count, types, values, nil, nil, 0)
                }
            }
            guard sent == 1 else { throw abandon() }
        }
        guard PQpipelineSync(handle.pointer) == 1 else { throw abandon() }
        var answers: [Rows] = []
        var failure: PostgresError?
        for _ in window {
            do throws(PostgresError) {
                answers.append(try check(PQgetResult(handle.pointer)))
            } catch {
                // The statements behind the failing one answer "aborted"; the first error is the one that says why.
                if failure == nil { failure = error }
                if closed { throw error }
            }
            while let extra = PQgetResult(handle.pointer) { PQclear(extra) }
        }
        if let synchronised = PQgetResult(handle.pointer) { PQclear(synchronised) }
        guard PQexitPipelineMode(handle.pointer) == 1 else { throw abandon() }
        if let failure { throw failure }
        return answers
    }

    private func runCopy(
        into table: StaticString, columns: [StaticString], rows: [[(any PostgresBindable)?]]
    ) throws(PostgresError) -> Int {
        try ensureOpen()
        let names = columns.map(\.description).joined(separator: ", ")
        _ = try check(PQexec(handle.pointer, "copy \(table) (\(names)) from stdin"))
        var buffer: [UInt8] = []
        for row in rows {
            appendCopyLine(row.map { $0?.postgresText }, to: &buffer)
            if buffer.count > 65_536 {
                try putCopyData(&buffer)
            }
        }
        try putCopyData(&buffer)
        guard PQputCopyEnd(handle.pointer, nil) == 1 else { throw abandon() }
        let answer = try check(PQgetResult(handle.pointer))
        while let extra = PQgetResult(handle.pointer) { PQclear(extra) }
        return answer.affected
    }

    private func putCopyData(_ buffer: inout [UInt8]) throws(PostgresError) {
        let written = buffer.withUnsafeBytes { PQputCopyData(handle.pointer, $0.bindMemory(to: CChar.self).baseAddress, Int32($0.count)) }
        guard buffer.isEmpty || written == 1 else { throw abandon() }
        buffer.removeAll(keepingCapacity: true)
    }

    /// Takes over `result`; throws the server's error, and marks the connection closed when the line broke.
    private func check(_ result: OpaquePointer?) throws(PostgresError) -> Rows {
        guard let result else { throw abandon() }
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_IN, PGRES_PIPELINE_SYNC:
            return Rows(storage: ResultStorage(owning: result))
        default:
            defer { PQclear(result) }
            let error = PostgresError(result: result)
            if PQstatus(handle.pointer) != CONNECTION_OK {
                closed = true
                return try fail(PostgresError(.connectionLost, message: error.message, sqlState: error.sqlState))
            }
            throw error
        }
    }

    private func fail(_ error: PostgresError) throws(PostgresError) -> Rows {
        throw error
    }

    private func lastError() -> PostgresError {
        let message = String(cString: PQerrorMessage(handle.pointer)).trimmed
        return PostgresError(PQstatus(handle.pointer) == CONNECTION_OK ? .server : .connectionLost, message: message)
    }

    /// The line is in a state that nothing can be said about: never use it again.
    private func abandon() -> PostgresError {
        closed = true
        return PostgresError(.connectionLost, message: lastError().message)
    }
}

/// What a connection knows about a statement it has seen.
private enum PreparedStatement {
    case seen
    case prepared(String)
}
