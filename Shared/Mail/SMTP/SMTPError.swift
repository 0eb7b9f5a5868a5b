/// Why a conversation with a server broke off before it gave a verdict on the message.
public struct SMTPError: Error, Sendable, CustomStringConvertible {
    /// An open set: new codes may come, so a `switch` needs a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// A name, certificate file or credential that cannot be used with any server.
        public static let invalidConfiguration = Self("invalid_configuration")
        /// No such host, or nothing answers there.
        public static let connectFailed = Self("connect_failed")
        public static let greetingRefused = Self("greeting_refused")
        /// STARTTLS is not offered, or the handshake or the certificate failed.
        public static let tlsFailed = Self("tls_failed")
        /// The server refused the credentials; the reply says why.
        public static let authenticationFailed = Self("authentication_failed")
        /// The server offers no mechanism that fits the credentials.
        public static let authenticationUnavailable = Self("authentication_unavailable")
        /// The credentials would have crossed the network unencrypted.
        public static let authenticationUnprotected = Self("authentication_unprotected")
        /// The server refused a command that no conversation can do without.
        public static let commandRefused = Self("command_refused")
        /// The message or an address needs an extension that the server lacks.
        public static let extensionUnavailable = Self("extension_unavailable")
        /// The server announced a limit below the size of this message.
        public static let messageTooLarge = Self("message_too_large")
        public static let timeout = Self("timeout")
        public static let connectionLost = Self("connection_lost")
        /// The server said 421: it is about to close; another connection may do.
        public static let connectionClosing = Self("connection_closing")
        /// The server sent something that is not SMTP, or replies nobody asked for.
        public static let protocolViolation = Self("protocol_violation")
        /// Another message was under way on this connection.
        public static let connectionBusy = Self("connection_busy")
        /// `beforeData` threw, so the message was not sent.
        public static let abandoned = Self("abandoned")
        public static let cancelled = Self("cancelled")
    }

    public var code: Code
    public var stage: SMTPStage
    /// What happened, in words for the mailbox's owner; never holds credentials.
    public var message: String
    public var reply: SMTPReply?
    /// The whole message may have reached the server and its answer is missing or senseless: nobody can know whether it was accepted.
    public var bodyMayHaveBeenSent: Bool
    /// With `.tlsFailed` between mail servers, what was wrong.
    public var encryptionProblem: SMTPEncryptionProblem?
    /// With `.abandoned`, what `beforeData` threw.
    public var underlying: (any Error)?
    /// What was said until then, where there was a connection.
    public var transcript: SMTPTranscript?

    public init(
        _ code: Code, stage: SMTPStage, message: String, reply: SMTPReply? = nil, bodyMayHaveBeenSent: Bool = false,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.stage = stage
        self.message = message
        self.reply = reply
        self.bodyMayHaveBeenSent = bodyMayHaveBeenSent
        self.underlying = underlying
    }

    /// Whether the same may succeed a little later without anybody changing anything.
    public var isTransient: Bool {
        switch code {
        case .connectFailed, .timeout, .connectionLost, .connectionClosing, .connectionBusy, .cancelled: true
        default: reply?.isTransient ?? false
        }
    }

    public var description: String {
        let answer = reply.map { " (\($0))" } ?? ""
        return "\(code) at \(stage.rawValue): \(message)\(answer)"
    }
}
