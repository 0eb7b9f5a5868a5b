import Foundation

/// What is in this worker's hands, with the fence of each claim.
actor Load {
    private(set) var jobs: [UUID: Int64] = [:]
    private var waiters: [(limit: Int, continuation: CheckedContinuation<Void, Never>)] = []

    func enter(_ entries: [(job: UUID, fence: Int64)]) {
        for entry in entries { jobs[entry.job] = entry.fence }
    }

    func leave(_ gone: [UUID]) {
        for job in gone { jobs[job] = nil }
        guard !waiters.isEmpty else { return }
        let ready = waiters.filter { jobs.count < $0.limit }
        waiters.removeAll { jobs.count < $0.limit }
        for waiter in ready { waiter.continuation.resume() }
    }

    var count: Int { jobs.count }

    /// Returns when fewer than `limit` are in hand.
    func waitForRoom(below limit: Int) async {
        guard jobs.count >= limit else { return }
        await withCheckedContinuation { waiters.append((limit, $0)) }
    }
}
