import NIOCore
import NIOPosix
import Synchronization

/// A line to a Postgres server on this machine whose answers can be held back from a chosen moment on: what was asked has had its effect there,
/// and the one who asked never hears of it.
public final class TestLine: Sendable {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Where the line begins.
    public let port: Int
    private let hold: Hold
    private let serving: Task<Void, any Error>

    /// A line to the server at `port`.
    public static func start(to port: Int) async throws -> TestLine {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
        let hold = Hold()
        let serving = Task {
            try await listener.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        // Either end may hang up at any time.
                        group.addTask { try? await join(connection, to: port, hold) }
                    }
                }
            }
        }
        return TestLine(port: listener.channel.localAddress?.port ?? 0, hold: hold, serving: serving)
    }

    private init(port: Int, hold: Hold, serving: Task<Void, any Error>) {
        self.port = port
        self.hold = hold
        self.serving = serving
    }

    deinit {
        serving.cancel()
    }

    /// From the moment on at which one connection has let statements with these texts run, one after another, it gets no answer any more.
    public func holdAnswers(from moment: String...) {
        hold.begin(moment)
    }

    /// Whether the moment has come.
    public var isHolding: Bool { hold.isReached }

    /// Connections made from now on get every answer.
    public func release() {
        hold.begin([])
    }

    private static func join(_ near: Connection, to port: Int, _ hold: Hold) async throws {
        let far = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
        }
        let progress = Progress()
        try await near.executeThenClose { questions, answersTo in
            try await far.executeThenClose { answers, questionsTo in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        var asked = PostgresQuestions()
                        for try await bytes in questions {
                            for text in asked.running(bytes) where hold.isDue(text, progress) { progress.isMute.withLock { $0 = true } }
                            try await questionsTo.write(bytes)
                        }
                    }
                    group.addTask {
                        for try await bytes in answers where !progress.isMute.withLock({ $0 }) { try await answersTo.write(bytes) }
                    }
                    // With one end the other ends, too.
                    try await group.next()
                    group.cancelAll()
                }
            }
        }
    }

    /// How far one connection is: it begins anew with each moment that is chosen.
    private final class Progress: Sendable {
        struct Seen {
            var round = 0
            var texts = 0
        }

        let seen = Mutex(Seen())
        let isMute = Mutex(false)
    }

    private final class Hold: Sendable {
        private struct State {
            var moment: [String] = []
            var round = 0
            var isReached = false
        }

        private let state = Mutex(State())

        func begin(_ moment: [String]) {
            state.withLock { $0 = State(moment: moment, round: $0.round + 1) }
        }

        var isReached: Bool { state.withLock(\.isReached) }

        /// Whether a connection lets the last text of the moment run.
        func isDue(_ text: String, _ progress: Progress) -> Bool {
            state.withLock { state in
                guard !state.moment.isEmpty, !state.isReached else { return false }
                progress.seen.withLock { seen in
                    if seen.round != state.round { seen = Progress.Seen(round: state.round) }
                    if text.contains(state.moment[seen.texts]) { seen.texts += 1 }
                    state.isReached = seen.texts == state.moment.count
                }
                return state.isReached
            }
        }
    }
}
