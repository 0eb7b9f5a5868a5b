import Mail
import NIOPosix
import Testing

/// Encryption, and what must not be said without it.
@Suite(.timeLimit(.minutes(1))) struct SMTPSecurityTests {
    private let certificate: TestCertificate
    private let trust: SMTPTrust
    private let password = SMTPCredentials.password(username: "grace", password: "pässword")

    init() async throws {
        certificate = try await TestCertificate()
        trust = try SMTPTrust(certificateFile: certificate.certificateFile)
    }

    @Test func startTLS() async throws {
        try await ScriptedServer.run(security: .startTLS, certificate: certificate) { peer in
            try await peer.greet(["STARTTLS", "PIPELINING"])
            try await peer.expect("STARTTLS")
            try await peer.startTLS(saying: "220 go ahead\r\n")
            try await peer.hello(["AUTH PLAIN"])
            try await peer.expect("AUTH PLAIN AGdyYWNlAHDDpHNzd29yZA==")
            try await peer.send("235 welcome\r\n")
            try await peer.acceptMessage()
            try await peer.untilClosed()
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server, credentials: password, trust: trust)
            // What was offered before encryption does not count.
            #expect(await !connection.capabilities.pipelining)
            #expect(try await connection.send(envelope: .sample(), message: Array("x".utf8)).reply.code == 250)
            await connection.close()
        }
    }

    @Test func tlsFromTheFirstByte() async throws {
        try await ScriptedServer.run(security: .tls, certificate: certificate) { peer in
            try await peer.greet()
            try await peer.acceptMessage()
            try await peer.expect("QUIT")
            try await peer.send("221 bye\r\n")
        } client: { server in
            let connection = try await SMTPConnection.connect(to: server, trust: trust)
            #expect(try await connection.send(envelope: .sample(), message: Array("x".utf8)).reply.code == 250)
            await connection.quit()
        }
    }

    @Test(arguments: ["220 go\r\n250 injected\r\n", "220 go\r\n250-inj", "220 go\r\n250 injected"])
    func plainTextBehindTheReplyToSTARTTLSIsRefused(reply: String) async throws {
        try await ScriptedServer.run(security: .startTLS, certificate: certificate) { peer in
            try await peer.greet(["STARTTLS"])
            try await peer.expect("STARTTLS")
            try await peer.startTLS(saying: reply)
            try await peer.untilClosed()
        } client: { server in
            let error = try await smtpError { _ = try await SMTPConnection.connect(to: server, credentials: password, trust: trust) }
            #expect(error.code == .protocolViolation)
            #expect(error.stage == .starttls)
        }
    }

    @Test(arguments: [["PIPELINING"], ["STARTTLS"]])
    func noPlainTextInsteadOfSTARTTLS(capabilities: [String]) async throws {
        try await ScriptedServer.run(security: .startTLS, certificate: certificate) { peer in
            try await peer.greet(capabilities)
            if capabilities == ["STARTTLS"] {
                try await peer.expect("STARTTLS")
                try await peer.send("454 no certificate today\r\n")
            }
            #expect(try await peer.rest() == "")
        } client: { server in
            let error = try await smtpError { _ = try await SMTPConnection.connect(to: server, credentials: password, trust: trust) }
            #expect(error.code == .tlsFailed)
            #expect(error.stage == .starttls)
            #expect(error.isTransient == (error.reply?.code == 454))
        }
    }

    @Test func unknownAuthority() async throws {
        for (security, stage) in [(SMTPSecurity.startTLS, SMTPStage.starttls), (.tls, .connect)] {
            try await serve(security) { server in
                let error = try await smtpError { _ = try await SMTPConnection.connect(to: server) }
                #expect(error.code == .tlsFailed)
                #expect(error.stage == stage)
                #expect(!error.isTransient)
            }
        }
    }

    @Test func certificateForAnotherName() async throws {
        let other = try await TestCertificate(names: "DNS:elsewhere.example")
        let trust = try SMTPTrust(certificateFile: other.certificateFile)
        for security in [SMTPSecurity.startTLS, .tls] {
            try await serve(security, other) { server in
                let error = try await smtpError { _ = try await SMTPConnection.connect(to: server, trust: trust) }
                #expect(error.code == .tlsFailed)
            }
        }
    }

    @Test func certificateForAnAddress() async throws {
        let address = try await TestCertificate(names: "IP:127.0.0.1")
        let trust = try SMTPTrust(certificateFile: address.certificateFile)
        try await serve(.tls, address) { server in
            var server = server
            server.host = "127.0.0.1"
            await (try SMTPConnection.connect(to: server, trust: trust)).close()
        }
    }

    @Test(
        "who may reach public addresses only learns of a server inside as little as of none", arguments: SMTPSecurity.allCases,
        ["127.0.0.1", "localhost"])
    func reach(security: SMTPSecurity, host: String) async throws {
        let connections = Journal()
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                connections.add("a connection")
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(listener.localAddress?.port)
        func error(port: Int, reach: SMTPReach) async throws -> SMTPError {
            let server = SMTPServer(host: host, port: port, security: security)
            return try await smtpError {
                let timeouts = SMTPTimeouts(greeting: .milliseconds(200))
                _ = try await SMTPConnection.connect(to: server, timeouts: timeouts, reach: reach)
            }
        }
        let (inside, nobody) = (try await error(port: port, reach: .publicAddresses), try await error(port: 1, reach: .publicAddresses))
        #expect(inside.code == .connectFailed && "\(inside)" == "\(nobody)")
        // Whoever may reach it is heard there, so that silence proves something: connections are taken in order.
        _ = try await error(port: port, reach: .anywhere)
        #expect(connections.all.count == 1)
        try await listener.close()
    }

    @Test func missingCertificateFile() {
        let error = #expect(throws: SMTPError.self) { try SMTPTrust(certificateFile: "/nonexistent.pem") }
        #expect(error?.code == .invalidConfiguration)
    }

    private func serve(
        _ security: SMTPSecurity, _ certificate: TestCertificate? = nil, client: @Sendable (SMTPServer) async throws -> Void
    ) async throws {
        try await ScriptedServer.run(security: security, certificate: certificate ?? self.certificate) { peer in
            try await peer.greet(["STARTTLS"])
            if security == .startTLS {
                try await peer.expect("STARTTLS")
                try await peer.startTLS(saying: "220 go\r\n")
            }
            try await peer.untilClosed()
        } client: { server in
            try await client(server)
        }
    }
}
