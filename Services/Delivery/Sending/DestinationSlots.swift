import Synchronization

/// How many mails are on the wire to one destination at once, over all mailboxes of this replica: whoever is written to by many mailboxes at
/// the same moment takes none of them for a person.
final class DestinationSlots: Sendable {
    private struct State {
        var taken: [String: Int] = [:]
        /// Who found no slot, each once a destination.
        var waiting: [String: [ObjectIdentifier: @Sendable () -> Void]] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    /// True when there was a slot, to be given back by ``release(_:)``. Else `wake` is called once, when one has become free; it may be taken again
    /// by then.
    func take(_ destination: String, for waiter: ObjectIdentifier, wake: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            guard state.taken[destination, default: 0] < limit else {
                state.waiting[destination, default: [:]][waiter] = wake
                return false
            }
            state.taken[destination, default: 0] += 1
            return true
        }
    }

    func release(_ destination: String) {
        // All of them: one that needs the slot no more would keep it from the others.
        let waiting = state.withLock { state in
            let left = (state.taken[destination] ?? 1) - 1
            state.taken[destination] = left > 0 ? left : nil
            return state.waiting.removeValue(forKey: destination) ?? [:]
        }
        for wake in waiting.values { wake() }
    }
}
