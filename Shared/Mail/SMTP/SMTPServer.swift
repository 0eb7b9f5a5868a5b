import NIOSSL

/// Where mail is handed in.
public struct SMTPServer: Sendable, Hashable {
    public var host: String
    public var port: Int
    public var security: SMTPSecurity
    /// Send credentials unencrypted even to a host that is not this one.
    public var allowsUnprotectedCredentials: Bool

    public init(host: String, port: Int, security: SMTPSecurity, allowsUnprotectedCredentials: Bool = false) {
        self.host = host
        self.port = port
        self.security = security
        self.allowsUnprotectedCredentials = allowsUnprotectedCredentials
    }

    /// Whether nobody else can read credentials on the way to `remoteAddress`, or nobody minds.
    func allowsCredentials(remoteAddress: String?) -> Bool {
        if security != .unprotected || allowsUnprotectedCredentials { return true }
        guard let remoteAddress else { return false }
        return remoteAddress.hasPrefix("127.") || remoteAddress == "::1" || remoteAddress.hasPrefix("::ffff:127.")
    }
}

/// Which addresses a server may have.
public enum SMTPReach: String, Sendable, CaseIterable {
    case anywhere
    /// Those of the Internet only: a customer who names the server must not reach into our own network.
    case publicAddresses = "public"
}

/// How a connection is encrypted; the raw value is the one of configuration and API.
public enum SMTPSecurity: String, Sendable, Codable, CaseIterable {
    /// Encrypted after STARTTLS, and not used at all when the server does not offer that (usually port 587).
    case startTLS = "starttls"
    /// Encrypted from the first byte (usually port 465).
    case tls
    case unprotected = "none"
}

/// What a server may believe us by.
public enum SMTPCredentials: Sendable {
    /// PLAIN where it is offered, else LOGIN.
    case password(username: String, password: String)
    /// XOAUTH2, as Gmail and Outlook want it.
    case accessToken(username: String, token: String)
}

/// The certificate authorities that a server's certificate is checked against; reads files, so make one and keep it.
public struct SMTPTrust: Sendable {
    let context: NIOSSLContext

    /// The system's authorities and, where given, those of a PEM file.
    public init(certificateFile: String? = nil) throws(SMTPError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let certificateFile { configuration.additionalTrustRoots = [.file(certificateFile)] }
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            let source = certificateFile ?? "the system's store"
            throw SMTPError(.invalidConfiguration, stage: .connect, message: "cannot read the certificates in \(source): \(error)")
        }
    }
}

/// How long the client waits, by what it waits for.
public struct SMTPTimeouts: Sendable, Hashable {
    /// Name look-up and TCP.
    public var connect: Duration
    /// The greeting, with TLS from the first byte also the handshake.
    public var greeting: Duration
    /// The reply to a command.
    public var command: Duration
    /// The reply to a whole message: servers scan it before they answer.
    public var body: Duration
    public var quit: Duration

    public init(
        connect: Duration = .seconds(10), greeting: Duration = .seconds(60), command: Duration = .seconds(60), body: Duration = .seconds(300),
        quit: Duration = .seconds(5)
    ) {
        self.connect = connect
        self.greeting = greeting
        self.command = command
        self.body = body
        self.quit = quit
    }

    func limit(for stage: SMTPStage) -> Duration {
        switch stage {
        case .connect: connect
        case .greeting: greeting
        case .body: body
        case .quit: quit
        case .ehlo, .starttls, .auth, .reset, .mail, .rcpt, .data: command
        }
    }
}
