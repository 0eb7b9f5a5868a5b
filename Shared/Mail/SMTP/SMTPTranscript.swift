/// What was said on a connection since its last finished message, for whoever wants to know why a mail failed.
///
/// Holds neither credentials nor a message's content, and only the end of what is long.
public struct SMTPTranscript: Sendable, CustomStringConvertible {
    private enum Line: Sendable {
        case command(SMTPCommand)
        case body(bytes: Int)
        case reply(SMTPReply)
    }

    /// One conversation has about fifteen lines.
    private static let limit = 100

    private var lines: [Line] = []

    mutating func record(_ command: SMTPCommand) { add(.command(command)) }
    mutating func record(_ reply: SMTPReply) { add(.reply(reply)) }
    mutating func recordBody(bytes: Int) { add(.body(bytes: bytes)) }

    /// A new message begins.
    mutating func clear() {
        lines.removeAll(keepingCapacity: true)
    }

    private mutating func add(_ line: Line) {
        if lines.count >= Self.limit { lines.removeFirst(Self.limit / 2) }
        lines.append(line)
    }

    /// `C:` before what the client said, `S:` before what the server said.
    public var description: String {
        lines.flatMap { line in
            switch line {
            // Also the second and third line of AUTH LOGIN, which have no word that marks them.
            case .command(let command) where command.stage == .auth: ["C: (credentials)"]
            case .command(let command): ["C: \(command.line)"]
            case .body(let bytes): ["C: (\(bytes) bytes of message)"]
            case .reply(let reply): reply.lines.isEmpty ? ["S: \(reply.code)"] : reply.lines.map { "S: \(reply.code) \($0)" }
            }
        }.joined(separator: "\n")
    }
}
