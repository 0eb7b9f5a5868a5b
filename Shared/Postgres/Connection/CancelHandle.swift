import CPostgres
import Synchronization

/// Asks the server to give up what a connection is doing, from any thread.
///
/// `@unchecked Sendable`: libpq documents a `PGcancel` as read-only and `PQcancel` as safe from any thread; it is freed with the last reference.
final class CancelHandle: @unchecked Sendable {
    private let pointer: OpaquePointer?
    /// The number of the statement that runs now, 0 for none.
    private let running = Mutex<UInt64>(0)

    init(connection: OpaquePointer) {
        pointer = PQgetCancel(connection)
    }

    deinit {
        if let pointer { PQfreeCancel(pointer) }
    }

    func began(_ statement: UInt64) {
        running.withLock { $0 = statement }
    }

    /// Waits for a cancellation that is on its way, so that it cannot hit the next statement.
    func ended() {
        running.withLock { $0 = 0 }
    }

    /// Blocks for one short exchange with the server; does nothing when `statement` is over.
    func cancel(_ statement: UInt64) {
        running.withLock { current in
            guard current == statement, let pointer else { return }
            var reason = [CChar](repeating: 0, count: 256)
            _ = PQcancel(pointer, &reason, Int32(reason.count))
        }
    }
}
