import Synchronization

/// Lets many callers share one commit: whatever arrives while a commit runs, or within a moment of the first, goes into the next.
///
/// A lock instead of an actor: whoever submits stays on its thread, which for a mail's conversation is the event loop of its socket.
final class GroupCommit<Item: Sendable, Answer: Sendable>: Sendable {
    private struct Entry {
        let item: Item
        /// Nil when nobody waits for the answer.
        let continuation: CheckedContinuation<Answer, any Error>?
    }

    private struct State {
        var waiting: [Entry] = []
        var isCommitting = false
        /// Those who wait for the end of everything that was submitted.
        var drains: [CheckedContinuation<Void, Never>] = []
    }

    private let limit: Int
    private let gathering: Duration
    private let commit: @Sendable ([Item]) async throws -> [Answer]
    private let state = Mutex(State())

    /// `commit` answers each item, in order; when it throws, every caller of that group gets the error. A group that is smaller than `limit`
    /// waits `gathering` for others.
    init(limit: Int, gathering: Duration = .zero, commit: @escaping @Sendable ([Item]) async throws -> [Answer]) {
        self.limit = limit
        self.gathering = gathering
        self.commit = commit
    }

    /// Returns what the commit answers for `item`.
    func submit(_ item: Item) async throws -> Answer {
        try await withCheckedThrowingContinuation { add(Entry(item: item, continuation: $0)) }
    }

    /// As ``submit(_:)`` for whoever need not wait; what goes wrong is then the commit's own affair.
    func add(_ item: Item) {
        add(Entry(item: item, continuation: nil))
    }

    /// Returns when everything submitted so far, and whatever came meanwhile, is committed.
    func drain() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isCommitting { state.drains.append(continuation) }
                return !state.isCommitting
            }
            if isIdle { continuation.resume() }
        }
    }

    private func add(_ entry: Entry) {
        let begins = state.withLock { state in
            state.waiting.append(entry)
            defer { state.isCommitting = true }
            return !state.isCommitting
        }
        if begins { Task { await work() } }
    }

    private func work() async {
        while let group = await next() {
            do {
                let answers = try await commit(group.map(\.item))
                for (entry, answer) in zip(group, answers) { entry.continuation?.resume(returning: answer) }
            } catch {
                for entry in group { entry.continuation?.resume(throwing: error) }
            }
        }
    }

    /// The next group; nil when nothing waits any more.
    private func next() async -> [Entry]? {
        let count = state.withLock { $0.waiting.count }
        if (1..<limit).contains(count), gathering > .zero { try? await Task.sleep(for: gathering, tolerance: .zero) }
        let (group, drains) = state.withLock { state -> ([Entry], [CheckedContinuation<Void, Never>]) in
            let group = Array(state.waiting.prefix(limit))
            state.waiting.removeFirst(group.count)
            guard group.isEmpty else { return (group, []) }
            state.isCommitting = false
            defer { state.drains = [] }
            return ([], state.drains)
        }
        for drain in drains { drain.resume() }
        return group.isEmpty ? nil : group
    }
}
