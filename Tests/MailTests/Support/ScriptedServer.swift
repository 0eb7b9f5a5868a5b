import Mail
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// A mail server on a free port that says what a test tells it to, right or wrong.
struct ScriptedServer {
    /// What happens on one connection, the first of which has number 0; the connection is closed at its end.
    typealias Script = @Sendable (ScriptedPeer) async throws -> Void

    /// Runs `client` against a server that plays `script` on every connection; both are over when this returns.
    static func run<Result: Sendable>(
        security: SMTPSecurity = .unprotected, certificate: TestCertificate? = nil, _ script: @escaping Script,
        client: @Sendable (SMTPServer) async throws -> Result
    ) async throws -> Result {
        let tls = try certificate?.serverContext()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if security == .tls, let tls {
                        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
                    }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let port = try #require(listener.channel.localAddress?.port)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await serve(listener, script, tls) }
            defer { group.cancelAll() }
            // By name, so that certificates are checked against one.
            return try await client(SMTPServer(host: "localhost", port: port, security: security))
        }
    }

    private typealias Listener = NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>

    private static func serve(_ listener: Listener, _ script: @escaping Script, _ tls: NIOSSLContext?) async throws {
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                var number = 0
                for try await connection in connections {
                    let current = number
                    number += 1
                    group.addTask {
                        // A client that hangs up in the middle is what many tests are about.
                        try? await connection.executeThenClose { inbound, outbound in
                            let peer = ScriptedPeer(
                                number: current, channel: connection.channel, iterator: inbound.makeAsyncIterator(), outbound: outbound, tls: tls)
                            try await script(peer)
                        }
                    }
                }
            }
        }
    }
}

/// The server's side of one connection.
final class ScriptedPeer {
    struct Closed: Error {}

    let number: Int
    private let channel: any Channel
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let tls: NIOSSLContext?
    private var buffer = ByteBuffer()

    init(
        number: Int, channel: any Channel, iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator,
        outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>, tls: NIOSSLContext?
    ) {
        self.number = number
        self.channel = channel
        self.iterator = iterator
        self.outbound = outbound
        self.tls = tls
    }

    /// Whether the client has said more than was read.
    var hasMore: Bool { buffer.readableBytes > 0 }

    func send(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    /// The client's next line without its CRLF.
    func line() async throws -> String {
        while true {
            if let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer.readString(length: end - buffer.readerIndex + 1) ?? ""
                // CRLF is one character in Swift.
                return String(line.dropLast())
            }
            try await read()
        }
    }

    /// Records an issue unless the client's next line begins with `prefix`.
    @discardableResult
    func expect(_ prefix: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let line = try await line()
        #expect(line.hasPrefix(prefix), sourceLocation: sourceLocation)
        return line
    }

    /// The content after DATA, as it came, without the final dot.
    func content() async throws -> String {
        var content = ""
        while true {
            let line = try await line()
            if line == "." { return content }
            content += line + "\r\n"
        }
    }

    /// Returns when the client has hung up.
    func untilClosed() async throws {
        while true {
            do { try await read() } catch is Closed { return }
        }
    }

    /// Everything the client says until it hangs up.
    func rest() async throws -> String {
        try await untilClosed()
        return buffer.readString(length: buffer.readableBytes) ?? ""
    }

    /// Says `text` unencrypted and the rest encrypted, with nothing in between.
    func startTLS(saying text: String) async throws {
        let (channel, tls) = (channel, tls)
        try await channel.eventLoop.submit {
            channel.writeAndFlush(ByteBuffer(string: text), promise: nil)
            guard let tls else { return }
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls), position: .first)
        }.get()
    }

    /// 220, and EHLO answered with `capabilities`.
    func greet(_ capabilities: [String] = ["PIPELINING"]) async throws {
        try await send("220 scripted.example ready\r\n")
        try await hello(capabilities)
    }

    func hello(_ capabilities: [String]) async throws {
        try await expect("EHLO ")
        let lines = ["scripted.example"] + capabilities
        let reply = lines.enumerated().map { "250\($0 == lines.count - 1 ? " " : "-")\($1)\r\n" }.joined()
        try await send(reply)
    }

    private func read() async throws {
        guard var bytes = try await iterator.next() else { throw Closed() }
        buffer.writeBuffer(&bytes)
    }
}

extension ScriptedPeer {
    /// MAIL, RCPT and DATA, all accepted; the content comes next.
    func openData() async throws {
        for (command, reply) in [("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go")] {
            try await expect(command)
            try await send("\(reply)\r\n")
        }
    }

    /// One message, up to the verdict on its content.
    func acceptMessage(reply: String = "250 queued") async throws {
        try await openData()
        _ = try await content()
        try await send("\(reply)\r\n")
    }
}
