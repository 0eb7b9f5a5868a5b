import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

/// A web server on a free loopback port that says what a test tells it to, right or wrong.
struct ScriptedServer: Sendable {
    /// What happens on one connection, the first of which has number 0; the connection is closed at its end.
    typealias Script = @Sendable (ScriptedPeer) async throws -> Void

    let port: Int
    private let counter: ConnectionCounter

    /// How often somebody has connected.
    var connections: Int { counter.count }

    /// Runs `client` against a server that plays `script` on every connection; both are over when this returns.
    static func run<Result: Sendable>(
        certificate: TestCertificate? = nil, _ script: @escaping Script, client: @Sendable (ScriptedServer) async throws -> Result
    ) async throws -> Result {
        let tls = try certificate?.serverContext()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        let port = try #require(listener.channel.localAddress?.port)
        let counter = ConnectionCounter()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await serve(listener, script, counter) }
            defer { group.cancelAll() }
            return try await client(ScriptedServer(port: port, counter: counter))
        }
    }

    private typealias Listener = NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>

    private static func serve(_ listener: Listener, _ script: @escaping Script, _ counter: ConnectionCounter) async throws {
        try await listener.executeThenClose { connections in
            try await withThrowingDiscardingTaskGroup { group in
                for try await connection in connections {
                    let number = counter.next()
                    group.addTask {
                        // A client that hangs up in the middle is what many tests are about.
                        try? await connection.executeThenClose { inbound, outbound in
                            try await script(ScriptedPeer(number: number, iterator: inbound.makeAsyncIterator(), outbound: outbound))
                        }
                    }
                }
            }
        }
    }
}

/// Counts connections.
private final class ConnectionCounter: Sendable {
    private let value = Atomic<Int>(0)

    var count: Int { value.load(ordering: .sequentiallyConsistent) }

    func next() -> Int { value.add(1, ordering: .sequentiallyConsistent).oldValue }
}

/// The server's side of one connection.
final class ScriptedPeer {
    struct Closed: Error {}

    struct Request: Sendable {
        let line: String
        /// Names in lower case.
        let headers: [String: String]
        let body: String
    }

    let number: Int
    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var buffer = ByteBuffer()

    init(
        number: Int, iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator, outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) {
        self.number = number
        self.iterator = iterator
        self.outbound = outbound
    }

    func send(_ text: String) async throws {
        try await outbound.write(ByteBuffer(string: text))
    }

    func answer(_ status: String, headers: String = "", body: String = "") async throws {
        try await send("HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
    }

    /// The next request as a whole.
    func request() async throws -> Request {
        let line = try await line()
        var headers: [String: String] = [:]
        while true {
            let header = try await self.line()
            guard let colon = header.firstIndex(of: ":") else { break }
            headers[header[..<colon].lowercased()] = header[header.index(after: colon)...].trimmingCharacters(in: .whitespaces)
        }
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        while buffer.readableBytes < length { try await read() }
        return Request(line: line, headers: headers, body: buffer.readString(length: length) ?? "")
    }

    /// Returns when the client has hung up.
    func untilClosed() async throws {
        while true {
            do { try await read() } catch is Closed { return }
        }
    }

    private func line() async throws -> String {
        while true {
            if let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
                let line = buffer.readString(length: end - buffer.readerIndex + 1) ?? ""
                return line.trimmingCharacters(in: .newlines)
            }
            try await read()
        }
    }

    private func read() async throws {
        guard var bytes = try await iterator.next() else { throw Closed() }
        buffer.writeBuffer(&bytes)
    }
}
