/// How many mails are in workers' hands.
actor Load {
    private(set) var inside = 0
    private var waiters: [(limit: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(_ count: Int) {
        inside += count
    }

    func leave() {
        inside -= 1
        let ready = waiters.filter { inside < $0.limit }
        waiters.removeAll { inside < $0.limit }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns when fewer than `limit` are inside.
    func waitForRoom(below limit: Int) async {
        guard inside >= limit else { return }
        await withCheckedContinuation { waiters.append((limit, $0)) }
    }
}
