import NIOCore

/// Follows what one client asks of a Postgres server, and says which statements it lets run.
///
/// A statement that is kept for later is told to the server once, by itself, and runs under its name from then on: so the text alone does not say
/// when it runs. (PostgreSQL documentation, "Frontend/Backend Protocol", message formats.)
struct PostgresQuestions {
    /// What is not a whole message yet.
    private var rest = ByteBuffer()
    private var isStarted = false
    /// By the name of a statement, and by that of a portal.
    private var statements: [String: String] = [:]
    private var portals: [String: String] = [:]

    /// The texts of the statements that `bytes`, with what came before them, let run.
    mutating func running(_ bytes: ByteBuffer) -> [String] {
        rest.writeImmutableBuffer(bytes)
        var running: [String] = []
        while let (kind, body) = message() {
            if let text = follow(kind, body) { running.append(text) }
        }
        rest.discardReadBytes()
        return running
    }

    /// The next whole one; those before the protocol is agreed on have no kind.
    private mutating func message() -> (kind: UInt8, body: ByteBuffer)? {
        let before = rest
        let kind = isStarted ? rest.readInteger(as: UInt8.self) : 0
        guard let kind, let length = rest.readInteger(as: UInt32.self), let body = rest.readSlice(length: Int(length) - 4) else {
            rest = before
            return nil
        }
        // Version 3; what else comes without a kind asks for encryption.
        if !isStarted { isStarted = body.getInteger(at: body.readerIndex, as: UInt16.self) == 3 }
        return (kind, body)
    }

    private mutating func follow(_ kind: UInt8, _ body: ByteBuffer) -> String? {
        var body = body
        func text() -> String { body.readNullTerminatedString() ?? "" }
        switch kind {
        case UInt8(ascii: "Q"): return text()
        case UInt8(ascii: "P"):
            let name = text()
            statements[name] = text()
        case UInt8(ascii: "B"):
            let portal = text()
            portals[portal] = statements[text()]
        case UInt8(ascii: "E"): return portals[text()]
        default: break
        }
        return nil
    }
}
