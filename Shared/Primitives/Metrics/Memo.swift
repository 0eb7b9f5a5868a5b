import Synchronization

/// Makes a value once a key and gives the same one from then on: for the handles of metrics, whose labels are few.
public final class Memo<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let known = Mutex<[Key: Value]>([:])
    private let make: @Sendable (Key) -> Value

    public init(_ make: @escaping @Sendable (Key) -> Value) {
        self.make = make
    }

    public subscript(key: Key) -> Value {
        known.withLock { known in
            if let value = known[key] { return value }
            let value = make(key)
            known[key] = value
            return value
        }
    }
}
