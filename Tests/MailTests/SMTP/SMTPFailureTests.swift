import Mail
import TestSupport
import Testing

/// Servers that break off, keep silent or say the wrong thing.
@Suite(.timeLimit(.minutes(1))) struct SMTPFailureTests {
    private let envelope: SMTPEnvelope
    private let message = Array("Subject: x\r\n\r\nHello\r\n".utf8)

    init() throws {
        envelope = SMTPEnvelope(sender: try MailAddress("grace@sender.example"), recipients: [try MailAddress("ada@reader.example")])
    }

    /// The error of sending one message to a server that greets and then plays `script`.
    private func failure(
        timeouts: SMTPTimeouts = SMTPTimeouts(), capabilities: [String] = ["PIPELINING"], _ script: @escaping ScriptedServer.Script
    ) async throws -> SMTPError {
        try await ScriptedServer.run { peer in
            try await peer.greet(capabilities)
            try await script(peer)
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server, timeouts: timeouts)
            let error = try await smtpError { _ = try await connection.send(envelope: envelope, message: message) }
            #expect(await !connection.isReusable)
            return error
        }
    }

    @Test func hangUpAfterTheFinalDotIsAmbiguous() async throws {
        let error = try await failure { peer in
            try await peer.openData()
            _ = try await peer.content()
        }
        #expect(error.code == .connectionLost)
        #expect(error.stage == .body)
        #expect(error.bodyMayHaveBeenSent)
        #expect(error.isTransient)
    }

    @Test func hangUpBeforeTheBodyIsNot() async throws {
        let error = try await failure { peer in
            for _ in 0..<3 { try await peer.expect("") }
            try await peer.send("250 ok\r\n250 ok\r\n")
        }
        #expect(error.code == .connectionLost)
        #expect(error.stage == .data)
        #expect(!error.bodyMayHaveBeenSent)
    }

    @Test func hangUpDuringBeforeDataIsNot() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.openData()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let error = try await smtpError {
                _ = try await connection.send(envelope: envelope, message: message) {
                    try await eventually("the hang-up is seen") { await connection.isClosed }
                }
            }
            #expect(error.code == .connectionLost)
            #expect(!error.bodyMayHaveBeenSent)
        }
    }

    @Test func hangUpInTheMiddleOfALargeBodyIsNotAmbiguous() async throws {
        let large = Array(String(repeating: "0123456789\r\n", count: 1_400_000).utf8)
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.openData()
            try await peer.expect("0123456789")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let error = try await smtpError { _ = try await connection.send(envelope: envelope, message: large) }
            #expect(error.code == .connectionLost)
            #expect(error.stage == .body)
            // The final dot never left this machine.
            #expect(!error.bodyMayHaveBeenSent)
        }
    }

    @Test func silenceAfterTheFinalDotIsAmbiguous() async throws {
        let error = try await failure(timeouts: SMTPTimeouts(body: .milliseconds(50))) { peer in
            try await peer.openData()
            try await peer.untilClosed()
        }
        #expect(error.code == .timeout)
        #expect(error.stage == .body)
        #expect(error.bodyMayHaveBeenSent)
    }

    @Test func nonsenseAfterTheFinalDotIsAmbiguous() async throws {
        let error = try await failure { peer in
            try await peer.openData()
            _ = try await peer.content()
            try await peer.send("what?\r\n")
            try await peer.untilClosed()
        }
        #expect(error.code == .protocolViolation)
        #expect(error.bodyMayHaveBeenSent)
    }

    @Test(arguments: [SMTPStage.mail, .rcpt, .data])
    func silence(stage: SMTPStage) async throws {
        let error = try await failure(timeouts: SMTPTimeouts(command: .seconds(2))) { peer in
            let answered = [SMTPStage.mail, .rcpt, .data].firstIndex(of: stage) ?? 0
            for _ in 0..<3 { try await peer.expect("") }
            for _ in 0..<answered { try await peer.send("250 ok\r\n") }
            try await peer.untilClosed()
        }
        #expect(error.code == .timeout)
        #expect(error.stage == stage)
        #expect(!error.bodyMayHaveBeenSent)
    }

    @Test(arguments: [SMTPStage.mail, .rcpt, .data, .body])
    func closingNotice(stage: SMTPStage) async throws {
        let error = try await failure { peer in
            if stage == .body {
                try await peer.openData()
                _ = try await peer.content()
            } else {
                for _ in 0..<3 { try await peer.expect("") }
                let answered = [SMTPStage.mail, .rcpt, .data].firstIndex(of: stage) ?? 0
                try await peer.send(String(repeating: "250 ok\r\n", count: answered))
            }
            try await peer.send("421 4.3.2 shutting down\r\n")
        }
        #expect(error.code == .connectionClosing)
        #expect(error.stage == stage)
        #expect(error.reply?.code == 421)
        #expect(error.isTransient)
        #expect(!error.bodyMayHaveBeenSent)
    }

    @Test func closingNoticeWhileIdle() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.send("421 idle for too long\r\n")
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            try await eventually("the connection is over") { await !connection.isReusable }
            let error = try await smtpError { _ = try await connection.send(envelope: envelope, message: message) }
            #expect(error.code == .connectionClosing)
            #expect(error.reply?.text == "idle for too long")
        }
    }

    @Test func repliesNobodyAskedForEndTheConnection() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.send("250 by the way\r\n")
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            try await eventually("the connection is over") { await !connection.isReusable }
            let error = try await smtpError { _ = try await connection.send(envelope: envelope, message: message) }
            #expect(error.code == .protocolViolation)
        }
    }

    @Test(arguments: [["PIPELINING"], []])
    func refusalThenHangUpIsARefusal(capabilities: [String]) async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(capabilities)
            try await peer.expect("MAIL")
            try await peer.send("550 5.7.1 go away\r\n")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let outcome = try await connection.send(envelope: envelope, message: message)
            #expect(outcome == .refused(SMTPReply(code: 550, lines: ["5.7.1 go away"]), stage: .mail))
            try await eventually("the connection is over") { await !connection.isReusable }
        }
    }

    @Test func slowGreeting() async throws {
        try await ScriptedServer.run { peer in
            try await peer.untilClosed()
        } client: { server in
            let error = try await smtpError {
                _ = try await SMTPConnection.connect(to: server, timeouts: SMTPTimeouts(greeting: .milliseconds(50)))
            }
            #expect(error.code == .timeout)
            #expect(error.stage == .greeting)
        }
    }

    @Test(arguments: [
        ("554 go away\r\n", SMTPError.Code.greetingRefused, false), ("421 busy\r\n", .connectionClosing, true), ("", .connectionLost, true),
    ])
    func refusedGreeting(text: String, code: SMTPError.Code, isTransient: Bool) async throws {
        try await ScriptedServer.run { peer in
            try await peer.send(text)
        } client: { server in
            let error = try await smtpError { _ = try await SMTPConnection.connect(to: server) }
            #expect(error.code == code)
            #expect(error.stage == .greeting)
            #expect(error.isTransient == isTransient)
        }
    }

    @Test func nobodyListens() async throws {
        let port = try await ScriptedServer.run { _ in
        } client: { server in
            server.port
        }
        let error = try await smtpError {
            _ = try await SMTPConnection.connect(to: SMTPServer(host: "localhost", port: port, security: .unprotected))
        }
        #expect(error.code == .connectFailed)
        #expect(error.stage == .connect)
        #expect(error.isTransient)
    }

    @Test func cancellationAfterTheFinalDotIsAmbiguous() async throws {
        let journal = Journal()
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.openData()
            _ = try await peer.content()
            journal.add("body")
            try await peer.untilClosed()
            journal.add("closed")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let sending = Task {
                try await smtpError { _ = try await connection.send(envelope: envelope, message: message) }
            }
            try await eventually("the server has the message") { journal.all == ["body"] }
            sending.cancel()
            let error = try await sending.value
            #expect(error.code == .cancelled)
            #expect(error.bodyMayHaveBeenSent)
            try await eventually("the server sees the end") { journal.all == ["body", "closed"] }
        }
    }

    @Test func cancellationDuringTheGreeting() async throws {
        let journal = Journal()
        try await ScriptedServer.run { peer in
            journal.add("connected")
            try await peer.untilClosed()
            journal.add("closed")
        } client: { server in
            let connecting = Task {
                try await smtpError { _ = try await SMTPConnection.connect(to: server) }
            }
            try await eventually("the server was reached") { journal.all == ["connected"] }
            connecting.cancel()
            #expect(try await connecting.value.code == .cancelled)
            try await eventually("the server sees the end") { journal.all == ["connected", "closed"] }
        }
    }

    @Test func droppedConnectionsAreClosed() async throws {
        let journal = Journal()
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.untilClosed()
            journal.add("closed")
        } client: { server in
            _ = try await SMTPConnection.connect(to: server)
            try await eventually("the server sees the end") { journal.all == ["closed"] }
        }
    }
}
