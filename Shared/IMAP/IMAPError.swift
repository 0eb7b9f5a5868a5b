public import Primitives

/// Why a conversation with a mailbox's server broke off.
public struct IMAPError: TransientError, Sendable, CustomStringConvertible {
    /// An open set: new codes may come, so a `switch` needs a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// A name, certificate file or credential that cannot be used with any server.
        public static let invalidConfiguration = Self("invalid_configuration")
        /// No such host, or nothing answers there.
        public static let connectFailed = Self("connect_failed")
        /// STARTTLS is not offered, or the handshake or the certificate failed.
        public static let tlsFailed = Self("tls_failed")
        /// The server refused the credentials; its words say why.
        public static let authenticationFailed = Self("authentication_failed")
        /// The server offers no mechanism that fits the credentials.
        public static let authenticationUnavailable = Self("authentication_unavailable")
        /// The credentials would have crossed the network unencrypted.
        public static let authenticationUnprotected = Self("authentication_unprotected")
        /// The server said NO or BAD to a command.
        public static let commandRefused = Self("command_refused")
        public static let timeout = Self("timeout")
        public static let connectionLost = Self("connection_lost")
        /// The server said something that is not IMAP.
        public static let protocolViolation = Self("protocol_violation")
        /// The server sent more than was asked for, or than anybody needs.
        public static let tooLarge = Self("too_large")
    }

    public var code: Code
    public var stage: IMAPStage
    /// What happened, in words for the mailbox's owner; never holds credentials.
    public var message: String
    /// What the server said, one line.
    public var words: String?

    public init(_ code: Code, stage: IMAPStage, message: String, words: String? = nil) {
        self.code = code
        self.stage = stage
        self.message = message
        self.words = words
    }

    /// Whether the same may succeed a little later without anybody changing anything.
    public var isTransient: Bool {
        switch code {
        case .connectFailed, .timeout, .connectionLost: true
        case .authenticationFailed, .commandRefused: saysLater
        default: false
        }
    }

    /// Codes of RFC 5530 by which a server says that it is not the credentials, and Gmail's and Outlook's words for the same.
    private var saysLater: Bool {
        guard let words = words?.uppercased() else { return false }
        return ["[UNAVAILABLE]", "[INUSE]", "[LIMIT]", "[SERVERBUG]", "[THROTTLED]", "TOO MANY SIMULTANEOUS", "TRY AGAIN"].contains {
            words.contains($0)
        }
    }

    public var description: String {
        "\(code) at \(stage.rawValue): \(message)\(words.map { " (\($0))" } ?? "")"
    }
}

/// What the conversation was about when it broke off.
public enum IMAPStage: String, Sendable {
    case connect, tls, greeting, capability, authentication, list, examine, search, fetch, idle, noop, logout
}
