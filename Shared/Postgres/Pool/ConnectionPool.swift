/// Connections of one role, shared: at most `limit` open, each lease bounded in its wait.
actor ConnectionPool {
    private let configuration: PostgresConfiguration
    private let maximumWait: Duration
    private var state: PoolState
    private var connections: [PoolState.ConnectionNumber: PostgresConnection] = [:]
    private var continuations: [PoolState.Waiter: CheckedContinuation<Grant, Never>] = [:]
    private var metrics: PoolMetrics

    struct Lease: Sendable {
        let number: PoolState.ConnectionNumber
        let connection: PostgresConnection
    }

    /// What ends a wait.
    private enum Grant: Sendable {
        case lease(Lease)
        /// Open a connection; the place for it is taken already.
        case connect
        case timedOut
        case cancelled
    }

    init(_ configuration: PostgresConfiguration, limit: Int, maximumWait: Duration) {
        self.configuration = configuration
        self.maximumWait = maximumWait
        state = PoolState(limit: limit)
        metrics = PoolMetrics(role: configuration.role, limit: limit)
    }

    func lease() async throws(PostgresError) -> Lease {
        defer { metrics.show(state) }
        while true {
            switch state.lease() {
            case .use(let number):
                guard let connection = connections[number] else { continue }
                if connection.isUsable() { return Lease(number: number, connection: connection) }
                discard(number)
            case .connect:
                return try await connect()
            case .wait(let waiter):
                metrics.show(state)
                let began = ContinuousClock.now
                let grant = await wait(waiter)
                metrics.waited(since: began)
                switch grant {
                case .lease(let lease): return lease
                case .connect: return try await connect()
                case .cancelled: throw PostgresError(.cancelled, message: "the task was cancelled while it waited for a connection")
                case .timedOut:
                    metrics.gaveUp()
                    throw PostgresError(
                        .poolExhausted,
                        message: "all \(state.limit) connections of \(configuration.role) were busy for \(maximumWait); try again")
                }
            }
        }
    }

    func giveBack(_ lease: Lease) {
        defer { metrics.show(state) }
        let usable = lease.connection.isUsable()
        switch state.giveBack(lease.number, usable: usable) {
        case .keep: break
        case .hand(let number, let waiter):
            resume(waiter, with: .lease(Lease(number: number, connection: lease.connection)))
        case .replace(let waiter):
            connections[lease.number] = nil
            resume(waiter, with: .connect)
        case .drop:
            connections[lease.number] = nil
        }
    }

    private func discard(_ number: PoolState.ConnectionNumber) {
        connections[number] = nil
        if case .replace(let waiter) = state.giveBack(number, usable: false) {
            resume(waiter, with: .connect)
        }
    }

    /// Opens the connection that the state has already counted.
    private func connect() async throws(PostgresError) -> Lease {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration)
            let number = state.connected()
            connections[number] = connection
            return Lease(number: number, connection: connection)
        } catch {
            if let waiter = state.connectFailed() { resume(waiter, with: .connect) }
            throw error
        }
    }

    private func wait(_ waiter: PoolState.Waiter) async -> Grant {
        let timer = Task {
            try await Task.sleep(for: maximumWait)
            abandon(waiter, with: .timedOut)
        }
        defer { timer.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled, state.abandon(waiter) {
                    continuation.resume(returning: .cancelled)
                } else {
                    continuations[waiter] = continuation
                }
            }
        } onCancel: {
            Task { await self.abandon(waiter, with: .cancelled) }
        }
    }

    private func abandon(_ waiter: PoolState.Waiter, with grant: Grant) {
        guard state.abandon(waiter) else { return }
        resume(waiter, with: grant)
    }

    private func resume(_ waiter: PoolState.Waiter, with grant: Grant) {
        continuations.removeValue(forKey: waiter)?.resume(returning: grant)
    }
}
