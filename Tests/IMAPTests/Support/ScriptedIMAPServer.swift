import IMAP
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A server on a free port that says what a test tells it to, right or wrong.
final class ScriptedIMAPServer: Sendable {
    /// What is answered to a line; the line has no line end. Nil closes the connection.
    typealias Answer = @Sendable (String) -> String?

    let port: Int
    private let listener: any Channel

    static func start(greeting: String = "* OK ready\r\n", _ answer: @escaping Answer) async throws -> ScriptedIMAPServer {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(greeting: greeting, answer: answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return ScriptedIMAPServer(port: listener.localAddress?.port ?? 0, listener: listener)
    }

    private init(port: Int, listener: any Channel) {
        self.port = port
        self.listener = listener
    }

    deinit {
        listener.close(promise: nil)
    }

    /// One that lets everybody in and answers `reply` to whatever has this word; the rest is OK.
    static func ordinary(
        greeting: String = "* OK ready\r\n", capabilities: String = "IMAP4rev1 IDLE AUTH=PLAIN SASL-IR", _ word: String = "NOTHING",
        reply: @escaping @Sendable (_ tag: String) -> String? = { _ in nil }
    ) async throws -> ScriptedIMAPServer {
        try await start(greeting: greeting) { line in
            let words = line.split(separator: " ")
            guard let tag = words.first.map(String.init) else { return "" }
            if line.contains(word) { return reply(tag) }
            if line.contains("CAPABILITY") { return "* CAPABILITY \(capabilities)\r\n\(tag) OK done\r\n" }
            if line.contains("EXAMINE") {
                return "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] ok\r\n* OK [UIDNEXT 4] ok\r\n\(tag) OK [READ-ONLY] done\r\n"
            }
            return "\(tag) OK done\r\n"
        }
    }

    func connect(
        security: IMAPSecurity = .unprotected, credentials: IMAPCredentials = .password(username: "u", password: "p"),
        timeouts: IMAPTimeouts = IMAPTimeouts()
    ) async throws(IMAPError) -> IMAPConnection {
        try await IMAPConnection.connect(
            to: IMAPServer(host: "127.0.0.1", port: port, security: security), credentials: credentials, on: ReaderThreads(count: 1),
            trust: try IMAPTrust(), timeouts: timeouts, reach: .anywhere, logger: Logger(label: "test"))
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let greeting: String
        private let answer: Answer
        private var text = ""

        init(greeting: String, answer: @escaping Answer) {
            self.greeting = greeting
            self.answer = answer
        }

        func channelActive(context: ChannelHandlerContext) {
            say(greeting, context)
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            text += String(buffer: unwrapInboundIn(data))
            while let end = text.firstIndex(where: \.isNewline) {
                let line = String(text[..<end])
                text = String(text[text.index(after: end)...])
                guard let reply = answer(line) else {
                    context.close(promise: nil)
                    return
                }
                say(reply, context)
            }
        }

        private func say(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }
    }
}

/// The error that `work` throws.
func imapError(_ work: () async throws -> Void) async throws -> IMAPError {
    do {
        try await work()
    } catch let error as IMAPError {
        return error
    }
    throw NoError()
}

struct NoError: Error {}
