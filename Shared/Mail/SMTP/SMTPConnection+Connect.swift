public import Logging
public import NIOCore
import NIOPosix
import Primitives

extension SMTPConnection {
    /// A connection that is greeted, encrypted as `server` says and authenticated, ready for the first message.
    ///
    /// `clientName` is what EHLO says, this machine's address when nil. With a `reach` of public addresses nobody at another one is
    /// connected to, and nothing is told of whether there is one.
    public static func connect(
        to server: SMTPServer, credentials: SMTPCredentials? = nil, on group: any EventLoopGroup, trust: SMTPTrust,
        timeouts: SMTPTimeouts = SMTPTimeouts(), reach: SMTPReach = .anywhere, clientName: String? = nil, logger: Logger
    ) async throws(SMTPError) -> SMTPConnection {
        do throws(SMTPError) {
            let connection = try await open(server, on: group.next(), trust: trust, timeouts: timeouts, reach: reach)
            try await connection.begin(credentials, trust: trust, clientName: clientName)
            logger.debug("smtp connection ready", metadata: ["host": "\(server.host)", "port": "\(server.port)"])
            return connection
        } catch {
            logger.debug("smtp connection failed", metadata: ["host": "\(server.host)", "port": "\(server.port)", "error": "\(error)"])
            throw error
        }
    }

    /// To `address` where one is given, else to whatever the host's name turns out to mean; from `source`, or wherever the system likes.
    static func open(
        _ server: SMTPServer, at address: SocketAddress? = nil, from source: SocketAddress? = nil, on eventLoop: any EventLoop, trust: SMTPTrust?,
        timeouts: SMTPTimeouts, reach: SMTPReach
    ) async throws(SMTPError) -> SMTPConnection {
        var bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(TimeAmount(timeouts.connect))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if reach == .publicAddresses { try channel.pipeline.syncOperations.addHandler(SMTPReachHandler()) }
                    if server.security == .tls, let trust {
                        try channel.pipeline.syncOperations.addHandler(SMTPChannelHandler.tlsHandler(trust, host: server.host))
                    }
                    try channel.pipeline.syncOperations.addHandler(SMTPChannelHandler(eventLoop: channel.eventLoop, timeouts: timeouts))
                }
            }
        if let source { bootstrap = bootstrap.bind(to: source) }
        let attempt = (address.map { bootstrap.connect(to: $0) } ?? bootstrap.connect(host: server.host, port: server.port))
            .flatMapThrowing { channel in
                let handler = try channel.pipeline.syncOperations.handler(type: SMTPChannelHandler.self)
                return SMTPConnection(server: server, channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
            }
        // Connecting cannot be called off, waiting for it can: a connection that comes after that is closed by its last reference.
        let promise = eventLoop.makePromise(of: SMTPConnection.self)
        attempt.cascade(to: promise)
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                promise.fail(SMTPError(.cancelled, stage: .connect, message: "the task was cancelled"))
            }
        } catch let error as SMTPError {
            throw error
        } catch  where reach == .publicAddresses {
            // One answer for "nobody there" and "not for you": the difference would tell what stands inside.
            throw notReached
        } catch ChannelError.connectTimeout {
            throw SMTPError(.timeout, stage: .connect, message: "the server did not answer within \(timeouts.connect)")
        } catch {
            throw SMTPError(.connectFailed, stage: .connect, message: "\(error)")
        }
    }

    private static let notReached = SMTPError(
        .connectFailed, stage: .connect, message: "no mail server answers there at an address of the Internet")

    /// From the greeting to the end of authentication.
    private func begin(_ credentials: SMTPCredentials?, trust: SMTPTrust, clientName: String?) async throws(SMTPError) {
        try await closingOnFailure { () async throws(SMTPError) in
            let name = try self.helloName(clientName)
            let greeting = try await self.reply(to: self.handler.value.greeting, at: .greeting)
            guard greeting.isPositive else {
                throw SMTPError(.greetingRefused, stage: .greeting, message: "the server refuses connections", reply: greeting)
            }
            try await self.hello(name)
            if self.server.security == .startTLS {
                try await self.encrypt(trust)
                // What was said before encryption may have been said by anybody.
                try await self.hello(name)
            }
            if let credentials { try await self.authenticate(credentials) }
        }
    }

    func hello(_ name: String) async throws(SMTPError) {
        let reply = try await exchange(.hello(name))
        guard reply.isPositive else {
            throw SMTPError(.commandRefused, stage: .ehlo, message: "the server refused EHLO", reply: reply)
        }
        capabilities = SMTPCapabilities(reply: reply)
    }

    private func encrypt(_ trust: SMTPTrust) async throws(SMTPError) {
        guard capabilities.startTLS else {
            throw SMTPError(.tlsFailed, stage: .starttls, message: "the server does not offer STARTTLS")
        }
        let reply = try await exchange(.startTLS)
        guard reply.isPositive else {
            throw SMTPError(.tlsFailed, stage: .starttls, message: "the server refused STARTTLS", reply: reply)
        }
        try handler.value.startTLS(trust, host: server.host)
    }

    func helloName(_ given: String?) throws(SMTPError) -> String {
        if let given {
            guard (1...255).contains(given.utf8.count), given.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
                throw SMTPError(.invalidConfiguration, stage: .ehlo, message: "the client name is not a host name")
            }
            return given
        }
        // RFC 5321, 4.1.3: a client without a name of its own says its address.
        switch channel.localAddress {
        case .v4?: return "[\(channel.localAddress?.ipAddress ?? "127.0.0.1")]"
        case .v6?: return "[IPv6:\(channel.localAddress?.ipAddress ?? "::1")]"
        default: return "localhost"
        }
    }
}
