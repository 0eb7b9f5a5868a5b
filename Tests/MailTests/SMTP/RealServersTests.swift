import Mail
import TestSupport
import Testing

/// The servers that most mailboxes stand behind: Postfix, and Dovecot's submission server.
@Suite(.timeLimit(.minutes(3)), .enabled(if: TestRelay.isPossible, "Postfix and Dovecot need root")) struct RealServersTests {
    private static let credentials = SMTPCredentials.password(username: TestRelay.username, password: TestRelay.password)

    private func envelope(to recipient: String) throws -> SMTPEnvelope {
        SMTPEnvelope(sender: try MailAddress(TestRelay.username), recipients: [try MailAddress(recipient)])
    }

    private func message(_ identifier: String, text: String) throws -> [UInt8] {
        var message = try MailMessage.sample()
        message.messageIdentifier = identifier
        message.text = text
        return try message.serialized()
    }

    /// Each kind of entrance, with one relay for all.
    private func entrances(_ relay: TestRelay) -> [(name: String, server: SMTPServer)] {
        [
            ("postfix", SMTPServer(host: "localhost", port: relay.ports.smtp, security: .startTLS)),
            ("submission", SMTPServer(host: "localhost", port: relay.ports.submission, security: .startTLS)),
            ("submissions", SMTPServer(host: "localhost", port: relay.ports.submissions, security: .tls)),
        ]
    }

    @Test("mail arrives as it was written, refusals leave the connection usable, limits and wrong passwords are understood")
    func conversation() async throws {
        let certificate = try await TestCertificate()
        let relay = try await TestRelay.start(certificateFile: certificate.certificateFile, keyFile: certificate.keyFile)
        let trust = try SMTPTrust(certificateFile: certificate.certificateFile)
        for (name, server) in entrances(relay) {
            let connection = try await SMTPConnection.connect(to: server, credentials: Self.credentials, trust: trust)
            #expect(await connection.capabilities.pipelining, "\(name)")
            let text = ".a dot\r\n..two\r\n" + String(repeating: "long words ", count: 300) + "\nGrüße\n.\n"
            for number in 0..<3 {
                let accepted = try await connection.send(
                    envelope: envelope(to: "ada@reader.example"), message: message("\(name).\(number)@sender.example", text: text))
                #expect(accepted.reply.code == 250, "\(name)")
                let refused = try await connection.send(
                    envelope: envelope(to: "nobody@reader.example"), message: message("no@sender.example", text: "no"))
                guard case .refused(let reply, _) = refused, reply.code == 550 else {
                    Issue.record("\(name): \(refused)\n\(await connection.transcript)")
                    return
                }
                let deferred = try await connection.send(
                    envelope: envelope(to: "later@reader.example"), message: message("no@sender.example", text: "no"))
                guard case .deferred(let reply, _) = deferred, reply.code == 450 else {
                    Issue.record("\(name): \(deferred)\n\(await connection.transcript)")
                    return
                }
            }
            if await connection.capabilities.sizeLimit != nil {
                let error = try await smtpError {
                    _ = try await connection.send(
                        envelope: envelope(to: "ada@reader.example"),
                        message: message("big@sender.example", text: String(repeating: "x\n", count: 60_000)))
                }
                #expect(error.code == .messageTooLarge)
                #expect(await connection.isReusable)
            }
            await connection.quit()
            let error = try await smtpError {
                _ = try await SMTPConnection.connect(
                    to: server, credentials: .password(username: TestRelay.username, password: "wrong"), trust: trust)
            }
            #expect(error.code == .authenticationFailed && error.reply?.isPermanent == true, "\(name): \(error)")
        }
        try await eventually("all are delivered") { try relay.mails().count == 9 }
        for mail in try relay.mails() {
            let parsed = try await ParsedMail.parse([UInt8](mail.utf8))
            #expect(parsed.defects == [])
            #expect(parsed.text.hasPrefix(".a dot\n..two\nlong words "))
            #expect(parsed.text.hasSuffix("Grüße\n.\n"))
        }
    }

    @Test("a certificate that nobody vouched for ends the conversation before the password")
    func untrusted() async throws {
        let certificate = try await TestCertificate()
        let relay = try await TestRelay.start(certificateFile: certificate.certificateFile, keyFile: certificate.keyFile)
        for (name, server) in entrances(relay) {
            let error = try await smtpError { _ = try await SMTPConnection.connect(to: server, credentials: Self.credentials) }
            #expect(error.code == .tlsFailed, "\(name): \(error)")
        }
    }

    @Test("eight connections send two hundred mails, and every one arrives once")
    func sideBySide() async throws {
        let certificate = try await TestCertificate()
        let relay = try await TestRelay.start(certificateFile: certificate.certificateFile, keyFile: certificate.keyFile)
        let trust = try SMTPTrust(certificateFile: certificate.certificateFile)
        let servers = entrances(relay)
        try await withThrowingTaskGroup { group in
            for number in 0..<8 {
                group.addTask {
                    let connection = try await SMTPConnection.connect(
                        to: servers[number % servers.count].server, credentials: Self.credentials, trust: trust)
                    for index in 0..<25 {
                        let outcome = try await connection.send(
                            envelope: envelope(to: "ada@reader.example"), message: message("\(number).\(index)@sender.example", text: "hello\n"))
                        #expect(outcome.reply.code == 250)
                    }
                    await connection.quit()
                }
            }
            try await group.waitForAll()
        }
        try await eventually("all are delivered") { try relay.mails().count >= 200 }
        let identifiers = try relay.mails().compactMap { $0.split(separator: "\n").first { $0.hasPrefix("Message-ID: ") } }
        #expect(identifiers.count == 200 && Set(identifiers).count == 200)
    }
}
