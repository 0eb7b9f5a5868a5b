import NIOCore
import NIOPosix
import Synchronization
import Testing

/// A mail server that takes everything and remembers each mail before it says so.
final class RecordingSink: Sendable {
    /// The recipients of what was taken, in order, with the Message-ID.
    private let taken = Mutex<[(recipient: String, messageID: String)]>([])
    /// Microseconds before the verdict on a mail, by chance; so that a process may die while it waits.
    private let delays: ClosedRange<Int64>

    init(delays: ClosedRange<Int64> = 0...4_000) {
        self.delays = delays
    }

    var mails: [(recipient: String, messageID: String)] { taken.withLock { $0 } }

    /// Serves on a free port while `body` runs.
    func serve<Value: Sendable>(_ body: (Int) async throws -> Value) async throws -> Value {
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel) }
            }
        let port = try #require(listener.channel.localAddress?.port)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await listener.executeThenClose { connections in
                    try await withThrowingDiscardingTaskGroup { clients in
                        for try await connection in connections {
                            // Clients that die in the middle are what this is for.
                            clients.addTask { try? await self.talk(connection) }
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            return try await body(port)
        }
    }

    private func talk(_ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await connection.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "220 sink\r\n"))
            var buffer = ByteBuffer()
            var recipient = ""
            var messageID: String?
            var isContent = false
            for try await var part in inbound {
                buffer.writeBuffer(&part)
                while let line = Self.line(from: &buffer) {
                    if !isContent {
                        if line.hasPrefix("RCPT TO:<") { recipient = String(line.dropFirst(9).prefix { $0 != ">" }) }
                        isContent = line == "DATA"
                        messageID = nil
                        try await outbound.write(ByteBuffer(string: Self.reply(to: line)))
                        continue
                    }
                    if messageID == nil, line.lowercased().hasPrefix("message-id:") {
                        messageID = line.dropFirst(11).trimmingPrefix(" ").description
                    }
                    guard line == "." else { continue }
                    isContent = false
                    let mail = (recipient: recipient, messageID: messageID ?? "")
                    taken.withLock { $0.append(mail) }
                    try await Task.sleep(for: .microseconds(Int64.random(in: delays)))
                    try await outbound.write(ByteBuffer(string: "250 2.0.0 taken\r\n"))
                }
            }
        }
    }

    private static func reply(to line: String) -> String {
        if line.hasPrefix("EHLO") { return "250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n" }
        return line == "DATA" ? "354 go\r\n" : line == "QUIT" ? "221 bye\r\n" : "250 ok\r\n"
    }

    private static func line(from buffer: inout ByteBuffer) -> String? {
        guard let end = buffer.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
        let line = buffer.readString(length: end - buffer.readerIndex + 1) ?? ""
        // CRLF is one character in Swift.
        return String(line.dropLast())
    }
}
