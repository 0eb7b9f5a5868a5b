/// The claims in this worker's hands.
actor Load {
    private(set) var claims: Set<Claim> = []
    private var waiters: [(limit: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(_ taken: [Claim]) {
        claims.formUnion(taken)
    }

    func leave(_ gone: [Claim]) {
        claims.subtract(gone)
        guard !waiters.isEmpty else { return }
        let ready = waiters.filter { claims.count < $0.limit }
        waiters.removeAll { claims.count < $0.limit }
        for waiter in ready { waiter.continuation.resume() }
    }

    var count: Int { claims.count }

    /// What of `entries` is not in hand.
    func without(_ entries: [WorkStreams.Entry]) -> [WorkStreams.Entry] {
        entries.filter { !claims.contains($0.claim) }
    }

    /// Returns when fewer than `limit` are in hand.
    func waitForRoom(below limit: Int) async {
        guard claims.count >= limit else { return }
        await withCheckedContinuation { waiters.append((limit, $0)) }
    }
}
