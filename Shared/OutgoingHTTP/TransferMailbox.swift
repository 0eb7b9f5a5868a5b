import CCurl
import Synchronization

/// One request, and who waits for its answer.
struct TransferOrder: Sendable {
    let number: UInt64
    let request: OutgoingRequest
    let continuation: CheckedContinuation<Result<OutgoingAnswer, OutgoingError>, Never>
}

/// What is the same for all requests of one ``OutgoingHTTP``.
struct TransferSettings: Sendable {
    let reach: OutgoingReach
    let certificates: String
    let userAgent: String
    let limits: OutgoingLimits
    /// `name:port:address` that DNS is not asked for; for tests.
    let names: [String]
}

/// Carries orders to the loop's thread and wakes it.
final class TransferMailbox: Sendable {
    enum Letter: Sendable {
        case start(TransferOrder)
        case cancel(UInt64)
    }

    private struct State {
        var letters: [Letter] = []
        var isFinished = false
    }

    let multi: MultiHandle
    private let state = Mutex(State())
    private let numbers = Atomic<UInt64>(0)

    init(multi: MultiHandle) {
        self.multi = multi
    }

    func nextNumber() -> UInt64 {
        numbers.add(1, ordering: .relaxed).newValue
    }

    func put(_ letter: Letter) {
        state.withLock { $0.letters.append(letter) }
        multi.wake()
    }

    func finish() {
        state.withLock { $0.isFinished = true }
        multi.wake()
    }

    func take() -> (letters: [Letter], isFinished: Bool) {
        state.withLock { state in
            defer { state.letters = [] }
            return (state.letters, state.isFinished)
        }
    }
}

/// libcurl's set of transfers, with its connections; freed with the last reference.
///
/// `@unchecked Sendable`: ``pointer`` is used by the loop's thread alone, except for `curl_multi_wakeup`, which libcurl documents as the one
/// function that any thread may call; and by `deinit`, when nobody is left who could.
final class MultiHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer

    /// The library wants to be set up once, before anything else.
    private static let library = curl_global_init(Int(CURL_GLOBAL_DEFAULT))

    init(keptConnections: Int) throws(OutgoingError) {
        guard Self.library == CURLE_OK, let pointer = curl_multi_init() else { throw OutgoingError(.library, message: "libcurl cannot be set up") }
        self.pointer = pointer
        _ = penguin_curl_multi_set_number(pointer, CURLMOPT_MAXCONNECTS, keptConnections)
    }

    deinit {
        curl_multi_cleanup(pointer)
    }

    func wake() {
        curl_multi_wakeup(pointer)
    }
}
