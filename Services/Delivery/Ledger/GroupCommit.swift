/// Lets many callers share one commit: whatever arrives while a commit runs, or within a moment of the first, goes into the next.
actor GroupCommit<Item: Sendable, Answer: Sendable> {
    private let limit: Int
    private let gathering: Duration
    private let commit: @Sendable ([Item]) async throws -> [Answer]
    private var waiting: [(item: Item, continuation: CheckedContinuation<Answer, any Error>)] = []
    private var isCommitting = false

    /// `commit` answers each item, in order; when it throws, every caller of that group gets the error. A group that is smaller than `limit`
    /// waits `gathering` for others.
    init(limit: Int, gathering: Duration = .zero, commit: @escaping @Sendable ([Item]) async throws -> [Answer]) {
        self.limit = limit
        self.gathering = gathering
        self.commit = commit
    }

    func submit(_ item: Item) async throws -> Answer {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append((item, continuation))
            guard !isCommitting else { return }
            isCommitting = true
            Task { await work() }
        }
    }

    private func work() async {
        while !waiting.isEmpty {
            if gathering > .zero, waiting.count < limit { try? await Task.sleep(for: gathering, tolerance: .zero) }
            let group = Array(waiting.prefix(limit))
            waiting.removeFirst(group.count)
            do {
                let answers = try await commit(group.map(\.item))
                for (entry, answer) in zip(group, answers) { entry.continuation.resume(returning: answer) }
            } catch {
                for entry in group { entry.continuation.resume(throwing: error) }
            }
        }
        isCommitting = false
    }
}
