import Foundation
import Mail
import Testing

/// The whole way to a server that was not written for these tests: Python's aiosmtpd, as the demo runs it.
@Suite(.timeLimit(.minutes(2))) struct DevelopmentServerTests {
    private func envelope(to recipient: String = "ada@reader.example") throws -> SMTPEnvelope {
        SMTPEnvelope(sender: try MailAddress("grace@sender.example"), recipients: [try MailAddress(recipient)])
    }

    @Test func messageArrivesByteForByte() async throws {
        let server = try await DevelopmentServer.start()
        var message = try MailMessage.sample()
        message.html = "<p>Grüße &amp; 漢字</p>\n"
        let bytes = try message.serialized()
        let connection = try await server.connect()
        #expect(await connection.capabilities.pipelining)
        let outcome = try await connection.send(envelope: try envelope(), message: bytes)
        #expect(outcome == .accepted(SMTPReply(code: 250, lines: ["2.0.0 Kept"]), refusedRecipients: []))
        await connection.quit()
        let mails = try server.mails()
        #expect(mails == [Array("Return-Path: <grace@sender.example>\r\nDelivered-To: ada@reader.example\r\n".utf8) + bytes])
        let parsed = try await ParsedMail.parse(try #require(mails.first))
        #expect(parsed.subject == message.subject)
        #expect(parsed.text == message.text)
        #expect(parsed.html == message.html)
    }

    @Test func wrongPassword() async throws {
        let server = try await DevelopmentServer.start()
        let error = try await smtpError { _ = try await server.connect(password: "wrong") }
        #expect(error.code == .authenticationFailed)
        #expect(error.reply?.code == 535)
        #expect(error.reply?.enhancedStatus?.description == "5.7.8")
    }

    @Test func refusalsLeaveTheConnectionUsable() async throws {
        let server = try await DevelopmentServer.start()
        let message = try MailMessage.sample().serialized()
        let connection = try await server.connect()
        for _ in 0..<3 {
            let refused = try await connection.send(envelope: envelope(to: "refuse-550@reader.example"), message: message)
            guard case .refused(let reply, stage: .rcpt) = refused, reply.code == 550 else {
                Issue.record("\(refused)")
                return
            }
            let deferred = try await connection.send(envelope: envelope(to: "defer-450@reader.example"), message: message)
            guard case .deferred(let reply, stage: .rcpt) = deferred, reply.code == 450 else {
                Issue.record("\(deferred)")
                return
            }
            #expect(try await connection.send(envelope: envelope(), message: message).reply.code == 250)
        }
        #expect(try server.mails().count == 3)
    }

    @Test func keptButNotConfirmedIsAmbiguous() async throws {
        let server = try await DevelopmentServer.start()
        let connection = try await server.connect()
        let message = try MailMessage.sample().serialized()
        let error = try await smtpError {
            _ = try await connection.send(envelope: envelope(to: "drop@reader.example"), message: message)
        }
        #expect(error.code == .connectionLost)
        #expect(error.bodyMayHaveBeenSent)
        #expect(try server.mails().count == 1)
    }

    @Test func connectionsSideBySide() async throws {
        let server = try await DevelopmentServer.start()
        let (connections, messages) = (8, 25)
        try await withThrowingTaskGroup { group in
            for number in 0..<connections {
                group.addTask {
                    let connection = try await server.connect()
                    for index in 0..<messages {
                        var message = try MailMessage.sample()
                        message.messageIdentifier = "\(number).\(index)@sender.example"
                        #expect(try await connection.send(envelope: envelope(), message: message.serialized()).reply.code == 250)
                    }
                    await connection.quit()
                }
            }
            try await group.waitForAll()
        }
        let identifiers = try server.mails().compactMap { mail in
            String(decoding: mail, as: UTF8.self).components(separatedBy: "\r\n").first { $0.hasPrefix("Message-ID: ") }
        }
        #expect(identifiers.count == connections * messages)
        #expect(Set(identifiers).count == connections * messages)
    }
}
