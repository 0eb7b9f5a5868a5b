/// What a pool knows and decides, without a socket in sight: every event goes in, the action to take comes out.
struct PoolState: Sendable {
    typealias ConnectionNumber = Int
    typealias Waiter = Int

    enum LeaseAction: Equatable {
        case use(ConnectionNumber)
        /// Open a new connection, then say ``connected(_:)`` or ``connectFailed()``.
        case connect
        case wait(Waiter)
    }

    enum ReturnAction: Equatable {
        case keep
        case hand(ConnectionNumber, to: Waiter)
        /// Close this one; somebody waits, so open another for them.
        case replace(for: Waiter)
        case drop
    }

    let limit: Int
    private(set) var idle: [ConnectionNumber] = []
    private(set) var leased: Set<ConnectionNumber> = []
    private(set) var connecting = 0
    private(set) var waiters: [Waiter] = []
    private var nextWaiter = 0
    private var nextConnection = 0

    init(limit: Int) {
        precondition(limit > 0, "a pool needs at least one connection")
        self.limit = limit
    }

    var open: Int { idle.count + leased.count + connecting }

    /// The most recently used connection first: the others may be old.
    mutating func lease() -> LeaseAction {
        if waiters.isEmpty, let number = idle.popLast() {
            leased.insert(number)
            return .use(number)
        }
        if open < limit {
            connecting += 1
            return .connect
        }
        nextWaiter += 1
        waiters.append(nextWaiter)
        return .wait(nextWaiter)
    }

    /// The connection that was asked for is there and leased under this number.
    mutating func connected() -> ConnectionNumber {
        connecting -= 1
        nextConnection += 1
        leased.insert(nextConnection)
        return nextConnection
    }

    /// A waiter whose place in the queue the failed attempt had taken tries next.
    mutating func connectFailed() -> Waiter? {
        connecting -= 1
        guard !waiters.isEmpty else { return nil }
        connecting += 1
        return waiters.removeFirst()
    }

    mutating func giveBack(_ number: ConnectionNumber, usable: Bool) -> ReturnAction {
        guard leased.remove(number) != nil else { return .drop }
        if usable {
            guard !waiters.isEmpty else {
                idle.append(number)
                return .keep
            }
            leased.insert(number)
            return .hand(number, to: waiters.removeFirst())
        }
        guard !waiters.isEmpty else { return .drop }
        connecting += 1
        return .replace(for: waiters.removeFirst())
    }

    /// True when the waiter was still in the queue, so its wait is over without a connection.
    mutating func abandon(_ waiter: Waiter) -> Bool {
        guard let position = waiters.firstIndex(of: waiter) else { return false }
        waiters.remove(at: position)
        return true
    }
}
