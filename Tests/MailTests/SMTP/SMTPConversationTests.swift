import Mail
import TestSupport
import Testing

/// Whole conversations with servers that behave as servers may.
@Suite(.timeLimit(.minutes(1))) struct SMTPConversationTests {
    private let envelope: SMTPEnvelope
    private let message = Array("Subject: x\r\n\r\n.dot\r\n".utf8)

    init() throws {
        envelope = SMTPEnvelope(sender: try MailAddress("grace@sender.example"), recipients: [try MailAddress("ada@reader.example")])
    }

    @Test func pipelinedWhereOffered() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(["PIPELINING", "SIZE 1000000"])
            // Nothing is answered until all three have come.
            try await peer.expect("MAIL FROM:<grace@sender.example> SIZE=20")
            try await peer.expect("RCPT TO:<ada@reader.example>")
            try await peer.expect("DATA")
            try await peer.send("250 sender\r\n250 recipient\r\n354 go\r\n")
            #expect(try await peer.content() == "Subject: x\r\n\r\n..dot\r\n")
            try await peer.send("250 2.0.0 queued as 1\r\n")
            try await peer.expect("QUIT")
            try await peer.send("221 bye\r\n")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let outcome = try await connection.send(envelope: envelope, message: message)
            #expect(outcome == .accepted(SMTPReply(code: 250, lines: ["2.0.0 queued as 1"]), refusedRecipients: []))
            #expect(await connection.isReusable)
            await connection.quit()
            #expect(await !connection.isReusable)
        }
    }

    @Test func lockStepWhereNotOffered() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet([])
            for (command, reply) in [("MAIL", "250 a"), ("RCPT", "250 b"), ("DATA", "354 c")] {
                try await peer.expect(command)
                #expect(!peer.hasMore)
                try await peer.send("\(reply)\r\n")
            }
            _ = try await peer.content()
            // A server that ends its lines with LF alone, in two pieces.
            try await peer.send("250-first\n2")
            try await peer.send("50 second\n")
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let outcome = try await connection.send(envelope: envelope, message: message)
            #expect(outcome.reply.lines == ["first", "second"])
        }
    }

    @Test(arguments: [["PIPELINING"], []])
    func refusedRecipientThenTheSameConnection(capabilities: [String]) async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(capabilities)
            try await peer.expect("MAIL")
            try await peer.send("250 ok\r\n")
            try await peer.expect("RCPT")
            try await peer.send("550 5.1.1 no such user\r\n")
            if !capabilities.isEmpty {
                try await peer.expect("DATA")
                try await peer.send("503 no recipient\r\n")
            }
            try await peer.expect("RSET")
            try await peer.send("250 reset\r\n")
            try await peer.acceptMessage()
            // A verdict on the content ends a transaction; RSET would be a wasted round trip.
            try await peer.acceptMessage(reply: "554 spam")
            try await peer.acceptMessage()
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let refusal = try await connection.send(envelope: envelope, message: message)
            #expect(refusal == .refused(SMTPReply(code: 550, lines: ["5.1.1 no such user"]), stage: .rcpt))
            #expect(refusal.reply.enhancedStatus == SMTPEnhancedStatus(class: 5, subject: 1, detail: 1))
            #expect(try await connection.send(envelope: envelope, message: message).reply.code == 250)
            let spam = try await connection.send(envelope: envelope, message: message)
            #expect(spam == .refused(SMTPReply(code: 554, lines: ["spam"]), stage: .body))
            #expect(try await connection.send(envelope: envelope, message: message).reply.code == 250)
        }
    }

    @Test func dataOpenedForNobodyGetsALoneDot() async throws {
        let journal = Journal()
        try await ScriptedServer.run { peer in
            try await peer.greet()
            for _ in 0..<3 { try await peer.expect("") }
            try await peer.send("250 ok\r\n450 greylisted\r\n354 go\r\n")
            #expect(try await peer.content() == "")
            try await peer.send("554 no valid recipients\r\n")
            try await peer.expect("RSET")
            try await peer.send("250 reset\r\n")
            try await peer.acceptMessage()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let outcome = try await connection.send(envelope: envelope, message: message) { journal.add("before data") }
            #expect(outcome == .deferred(SMTPReply(code: 450, lines: ["greylisted"]), stage: .rcpt))
            #expect(journal.all == [])
            #expect(try await connection.send(envelope: envelope, message: message).reply.code == 250)
        }
    }

    @Test func oneReplyPerRecipient() async throws {
        let envelope = SMTPEnvelope(sender: nil, recipients: try ["a", "b", "c"].map { try MailAddress("\($0)@reader.example") })
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.expect("MAIL FROM:<>")
            for _ in 0..<4 { try await peer.expect("") }
            try await peer.send("250 ok\r\n550 not a\r\n251 b will do\r\n450 not c now\r\n354 go\r\n")
            _ = try await peer.content()
            try await peer.send("250 queued\r\n")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let outcome = try await connection.send(envelope: envelope, message: message)
            let refused = [
                SMTPRefusedRecipient(address: envelope.recipients[0], reply: SMTPReply(code: 550, lines: ["not a"])),
                SMTPRefusedRecipient(address: envelope.recipients[2], reply: SMTPReply(code: 450, lines: ["not c now"])),
            ]
            #expect(outcome == .accepted(SMTPReply(code: 250, lines: ["queued"]), refusedRecipients: refused))
        }
    }

    @Test func beforeDataIsOverBeforeTheFirstByteOfTheBody() async throws {
        let journal = Journal()
        try await ScriptedServer.run { peer in
            try await peer.greet()
            if peer.number == 0 {
                for _ in 0..<3 { try await peer.expect("") }
                try await peer.send("250 ok\r\n250 ok\r\n354 go\r\n")
                try await peer.expect("Subject")
                journal.add("body")
                _ = try await peer.content()
                try await peer.send("250 queued\r\n")
            }
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            _ = try await connection.send(envelope: envelope, message: message) {
                // Round trips on another connection: a body written too early would have arrived by now.
                for _ in 0..<5 { await (try SMTPConnection.connect(to: server)).close() }
                journal.add("committed")
            }
            #expect(journal.all == ["committed", "body"])
        }
    }

    @Test func beforeDataThatThrowsSendsNothing() async throws {
        struct LeaseLost: Error {}
        let journal = Journal()
        try await ScriptedServer.run { peer in
            try await peer.greet()
            for _ in 0..<3 { try await peer.expect("") }
            try await peer.send("250 ok\r\n250 ok\r\n354 go\r\n")
            journal.add("rest: \(try await peer.rest())")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let error = try await smtpError {
                _ = try await connection.send(envelope: envelope, message: message) { throw LeaseLost() }
            }
            #expect(error.code == .abandoned)
            #expect(error.underlying is LeaseLost)
            #expect(!error.bodyMayHaveBeenSent)
            #expect(await !connection.isReusable)
            try await eventually("the server sees the end") { journal.all == ["rest: "] }
        }
    }

    @Test func oneMessageAtATime() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet()
            try await peer.acceptMessage()
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            _ = try await connection.send(envelope: envelope, message: message) {
                let error = try await smtpError { _ = try await connection.send(envelope: envelope, message: message) }
                #expect(error.code == .connectionBusy)
                #expect(await !connection.isReusable)
            }
            #expect(await connection.isReusable)
        }
    }

    @Test func messagesTheServerCannotTakeLeaveTheConnectionUsable() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(["PIPELINING", "SIZE 30"])
            try await peer.acceptMessage()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            let tooLarge = try await smtpError { _ = try await connection.send(envelope: envelope, message: message + message) }
            #expect(tooLarge.code == .messageTooLarge)
            let notASCII = try await smtpError { _ = try await connection.send(envelope: envelope, message: Array("ü".utf8)) }
            #expect(notASCII.code == .extensionUnavailable)
            #expect(await connection.isReusable)
            #expect(try await connection.send(envelope: envelope, message: message).reply.code == 250)
        }
    }

    @Test func manyMessagesOverOneConnection() async throws {
        let count = 200
        try await ScriptedServer.run { peer in
            try await peer.greet()
            for _ in 0..<count { try await peer.acceptMessage() }
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server)
            for _ in 0..<count { #expect(try await connection.send(envelope: envelope, message: message).reply.code == 250) }
        }
    }
}
