import Foundation

/// The mails in this worker's hands.
actor Load {
    private(set) var jobs: Set<UUID> = []
    private var waiters: [(limit: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(_ jobs: [UUID]) {
        self.jobs.formUnion(jobs)
    }

    func leave(_ job: UUID) {
        jobs.remove(job)
        let ready = waiters.filter { jobs.count < $0.limit }
        waiters.removeAll { jobs.count < $0.limit }
        for waiter in ready { waiter.continuation.resume() }
    }

    /// Returns when fewer than `limit` are in hand.
    func waitForRoom(below limit: Int) async {
        guard jobs.count >= limit else { return }
        await withCheckedContinuation { waiters.append((limit, $0)) }
    }
}
