import Foundation
import Synchronization

/// The socket of a connection, for ending what blocks on it from another thread.
final class IMAPLine: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        var isShut = false
    }

    private let state = Mutex(State())

    var descriptor: Int32 { state.withLock(\.descriptor) }
    var isShut: Bool { state.withLock(\.isShut) }

    /// False when it was shut before there was a socket.
    func hold(_ descriptor: Int32) -> Bool {
        state.withLock { state in
            state.descriptor = descriptor
            return !state.isShut
        }
    }

    /// Everything that waits for the socket ends at once.
    func shut() {
        state.withLock { state in
            state.isShut = true
            if state.descriptor >= 0 { _ = shutdown(state.descriptor, Int32(SHUT_RDWR)) }
        }
    }

    /// Before the socket is closed: its number may soon be another's.
    func forget() {
        state.withLock { $0.descriptor = -1 }
    }
}
