import NIOCore
import NIOPosix
import Synchronization

/// A line to a server on this machine that breaks after so many bytes from there, or when a test says so.
public final class CutLine: Sendable {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private final class State: Sendable {
        let limits = Mutex<[Int]>([])
        let open = Mutex<[any Channel]>([])
        let count = Mutex(0)
    }

    /// Where the line begins.
    public let port: Int
    private let state: State
    private let serving: Task<Void, any Error>

    /// A line to the server at `port`.
    public static func start(to port: Int) async throws -> CutLine {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
        let state = State()
        let serving = Task {
            try await listener.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        let limit = state.limits.withLock { $0.isEmpty ? Int.max : $0.removeFirst() }
                        state.count.withLock { $0 += 1 }
                        // Either end may hang up at any time.
                        group.addTask { try? await join(connection, to: port, limit, state) }
                    }
                }
            }
        }
        return CutLine(port: listener.channel.localAddress?.port ?? 0, state: state, serving: serving)
    }

    private init(port: Int, state: State, serving: Task<Void, any Error>) {
        self.port = port
        self.state = state
        self.serving = serving
    }

    deinit {
        serving.cancel()
    }

    /// The next connection breaks after this many bytes from the server; the one after it after the next number, and so on.
    public func cut(after bytes: Int...) {
        state.limits.withLock { $0 = bytes }
    }

    /// Breaks every connection that there is.
    public func cutAll() {
        for channel in state.open.withLock({ $0 }) { channel.close(promise: nil) }
    }

    /// How many connections were made.
    public var connections: Int { state.count.withLock { $0 } }

    private static func join(_ near: Connection, to port: Int, _ limit: Int, _ state: State) async throws {
        let far = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
        }
        state.open.withLock { $0 = $0.filter(\.isActive) + [near.channel] }
        try await near.executeThenClose { questions, answersTo in
            try await far.executeThenClose { answers, questionsTo in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for try await bytes in questions { try await questionsTo.write(bytes) } }
                    group.addTask {
                        var left = limit
                        for try await bytes in answers {
                            let part = bytes.getSlice(at: bytes.readerIndex, length: min(left, bytes.readableBytes)) ?? bytes
                            left -= part.readableBytes
                            try await answersTo.write(part)
                            if left == 0 { return }
                        }
                    }
                    // With one end the other ends, too.
                    try await group.next()
                    group.cancelAll()
                }
            }
        }
    }
}
