/// Where somebody's mailbox is read.
public struct IMAPServer: Sendable, Hashable {
    public var host: String
    public var port: Int
    public var security: IMAPSecurity

    public init(host: String, port: Int, security: IMAPSecurity) {
        self.host = host
        self.port = port
        self.security = security
    }
}

/// How a connection is encrypted; the raw value is the one of configuration and API.
public enum IMAPSecurity: String, Sendable, Codable, CaseIterable {
    /// Encrypted after STARTTLS, and not used at all when the server does not offer that (usually port 143).
    case startTLS = "starttls"
    /// Encrypted from the first byte (usually port 993).
    case tls
    case unprotected = "none"
}

/// Which addresses a server may have.
public enum IMAPReach: String, Sendable, CaseIterable {
    case anywhere
    /// Those of the Internet only: a customer who names the server must not reach into our own network.
    case publicAddresses = "public"
}

/// What a server may believe us by.
public enum IMAPCredentials: Sendable {
    /// AUTHENTICATE PLAIN where it is offered, else LOGIN.
    case password(username: String, password: String)
    /// XOAUTH2, as Gmail and Outlook want it.
    case accessToken(username: String, token: String)
}

/// How long the client waits, by what it waits for; each holds for a whole answer, however slowly it drips.
public struct IMAPTimeouts: Sendable, Hashable {
    /// TCP, for all addresses of the host together.
    public var connect: Duration
    /// The greeting; the TLS handshake.
    public var greeting: Duration
    /// The answer to a command.
    public var command: Duration
    /// The answer to a command that carries mails.
    public var fetch: Duration
    public var logout: Duration

    public init(
        connect: Duration = .seconds(10), greeting: Duration = .seconds(20), command: Duration = .seconds(30), fetch: Duration = .seconds(300),
        logout: Duration = .seconds(3)
    ) {
        self.connect = connect
        self.greeting = greeting
        self.command = command
        self.fetch = fetch
        self.logout = logout
    }
}

/// How much a server may say.
public struct IMAPLimits: Sendable, Hashable {
    /// A mail above this is read as its header only.
    public var mail: Int
    /// Of a header that is read by itself.
    public var header: Int
    /// All bodies that are asked for at once.
    public var batch: Int
    /// A line outside of mails, such as what a search found.
    public var line: Int

    public init(mail: Int = 25 << 20, header: Int = 256 << 10, batch: Int = 8 << 20, line: Int = 2 << 20) {
        self.mail = mail
        self.header = header
        self.batch = batch
        self.line = line
    }
}
