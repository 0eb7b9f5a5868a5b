import Testing

@testable import Mail

@Suite(.timeLimit(.minutes(1))) struct SMTPAuthenticationTests {
    private let password = SMTPCredentials.password(username: "grace", password: "secret")

    /// Connects to a server that offers `mechanisms` and then plays `script`.
    private func connect(
        _ credentials: SMTPCredentials, mechanisms: String, _ script: @escaping ScriptedServer.Script
    ) async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(["AUTH \(mechanisms)"])
            try await script(peer)
            try await peer.untilClosed()
        } client: { server in
            await (try SMTPConnection.connect(to: server, credentials: credentials)).close()
        }
    }

    @Test func plainIsPreferred() async throws {
        try await connect(password, mechanisms: "LOGIN PLAIN") { peer in
            try await peer.expect("AUTH PLAIN AGdyYWNlAHNlY3JldA==")
            try await peer.send("235 2.7.0 welcome\r\n")
        }
    }

    @Test func login() async throws {
        try await connect(password, mechanisms: "LOGIN CRAM-MD5") { peer in
            try await peer.expect("AUTH LOGIN")
            try await peer.send("334 VXNlcm5hbWU6\r\n")
            try await peer.expect("Z3JhY2U=")
            try await peer.send("334 UGFzc3dvcmQ6\r\n")
            try await peer.expect("c2VjcmV0")
            try await peer.send("235 welcome\r\n")
        }
    }

    @Test("a transcript tells everything but the credentials and the content")
    func transcript() async throws {
        try await ScriptedServer.run { peer in
            try await peer.greet(["AUTH LOGIN"])
            for (line, answer) in [("AUTH LOGIN", "334 VXNlcm5hbWU6"), ("Z3JhY2U=", "334 UGFzc3dvcmQ6"), ("c2VjcmV0", "235 welcome")] {
                try await peer.expect(line)
                try await peer.send("\(answer)\r\n")
            }
            for command in ["MAIL FROM", "RCPT TO", "RSET", "MAIL FROM", "RCPT TO"] {
                try await peer.expect(command)
                try await peer.send(command == "RCPT TO" ? "550-5.1.1 nobody\r\n550 5.1.1 here\r\n" : "250 fine\r\n")
            }
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server, credentials: password)
            _ = try await connection.send(envelope: .sample(), message: Array("Subject: secret words\r\n\r\n".utf8))
            let first = await "\(connection.transcript)"
            #expect(first.hasPrefix("S: 220 "))
            #expect(first.contains("C: (credentials)\nS: 235 welcome\nC: MAIL FROM:<grace@sender.example>"))
            #expect(first.hasSuffix("C: RCPT TO:<ada@reader.example>\nS: 550 5.1.1 nobody\nS: 550 5.1.1 here"))
            for secret in ["Z3JhY2U=", "c2VjcmV0", "secret words"] { #expect(!first.contains(secret)) }
            _ = try await connection.send(envelope: .sample(), message: Array("Subject: x\r\n\r\n".utf8))
            // The second message's own, from its beginning.
            #expect(await "\(connection.transcript)".hasPrefix("C: RSET"))
            await connection.close()
        }
    }

    @Test func xoauth2() async throws {
        try await connect(.accessToken(username: "grace@sender.example", token: "t0ken"), mechanisms: "PLAIN XOAUTH2") { peer in
            try await peer.expect("AUTH XOAUTH2 dXNlcj1ncmFjZUBzZW5kZXIuZXhhbXBsZQFhdXRoPUJlYXJlciB0MGtlbgEB")
            try await peer.send("235 welcome\r\n")
        }
    }

    @Test func xoauth2Refused() async throws {
        let error = try await smtpError {
            try await connect(.accessToken(username: "grace", token: "old"), mechanisms: "XOAUTH2") { peer in
                try await peer.expect("AUTH XOAUTH2 ")
                try await peer.send("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n")
                #expect(try await peer.line() == "")
                try await peer.send("535 5.7.8 expired\r\n")
            }
        }
        #expect(error.code == .authenticationFailed)
        #expect(error.reply?.code == 535)
    }

    @Test(arguments: [(535, false), (454, true)])
    func refusedPassword(code: Int, isTransient: Bool) async throws {
        for mechanism in ["PLAIN", "LOGIN"] {
            let error = try await smtpError {
                try await connect(password, mechanisms: mechanism) { peer in
                    try await peer.expect("AUTH \(mechanism)")
                    if mechanism == "LOGIN" {
                        for _ in 0..<2 {
                            try await peer.send("334 \r\n")
                            _ = try await peer.line()
                        }
                    }
                    try await peer.send("\(code) no\r\n")
                }
            }
            #expect(error.code == .authenticationFailed)
            #expect(error.stage == .auth)
            #expect(error.reply?.code == code)
            #expect(error.isTransient == isTransient)
            #expect(!"\(error)".contains("secret") && !"\(error)".contains("c2VjcmV0"))
        }
    }

    @Test func noMechanismThatFits() async throws {
        for (credentials, mechanisms) in [(password, "XOAUTH2"), (.accessToken(username: "a", token: "b"), "PLAIN LOGIN")] {
            let error = try await smtpError { try await connect(credentials, mechanisms: mechanisms) { _ in } }
            #expect(error.code == .authenticationUnavailable)
        }
    }

    @Test func credentialsThatWouldChangeTheirMeaning() async throws {
        for credentials in [SMTPCredentials.password(username: "a\0b", password: "c"), .accessToken(username: "a\u{1}auth=x", token: "b")] {
            let error = try await smtpError { try await connect(credentials, mechanisms: "PLAIN XOAUTH2") { _ in } }
            #expect(error.code == .invalidConfiguration)
        }
    }

    @Test(arguments: [
        ("127.0.0.1", SMTPSecurity.unprotected, true), ("127.9.9.9", .unprotected, true), ("::1", .unprotected, true),
        ("::ffff:127.0.0.1", .unprotected, true), ("192.0.2.1", .unprotected, false), ("::ffff:192.0.2.1", .unprotected, false),
        ("2001:db8::1", .unprotected, false), ("", .unprotected, false), ("192.0.2.1", .startTLS, true), ("192.0.2.1", .tls, true),
    ])
    func credentialsStayOnThisMachineUnlessEncrypted(address: String, security: SMTPSecurity, isAllowed: Bool) {
        var server = SMTPServer(host: "mail.example", port: 587, security: security)
        #expect(server.allowsCredentials(remoteAddress: address) == isAllowed)
        #expect(server.allowsCredentials(remoteAddress: nil) == (security != .unprotected))
        server.allowsUnprotectedCredentials = true
        #expect(server.allowsCredentials(remoteAddress: address))
    }
}
