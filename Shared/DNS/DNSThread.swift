import Primitives

/// Asks one question at a time, on a thread of its own, since libresolv blocks.
actor DNSThread {
    private let executor: ThreadExecutor
    private let server: DNSServerAddress?
    private let limits: DNSLimits

    init(number: Int, server: DNSServerAddress?, limits: DNSLimits) {
        executor = ThreadExecutor(name: "dns-\(number)")
        self.server = server
        self.limits = limits
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// `name` is a normalised one.
    func ask(_ name: String, _ type: DNSRecordType) -> DNSAnswer {
        // Whoever asked has gone meanwhile.
        if Task.isCancelled { return DNSAnswer(.failed(.timeout)) }
        return DNSQuestion(name: name, type: type, server: server, limits: limits).ask()
    }
}
