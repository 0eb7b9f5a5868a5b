/// Where Redis is. Without TLS: a remote Redis goes through a TLS side-car.
public struct RedisConfiguration: Sendable {
    public var host: String
    public var port: Int
    /// Empty: the default user.
    public var username: String
    /// Empty: Redis asks for none.
    public var password: String
    public var connectTimeout: Duration
    /// How long an answer may take; above the longest blocking read.
    public var commandTimeout: Duration

    public init(
        host: String, port: Int, username: String = "", password: String = "", connectTimeout: Duration = .seconds(3),
        commandTimeout: Duration = .seconds(10)
    ) {
        self.host = host
        self.port = port
        self.username = username
        self.password = password
        self.connectTimeout = connectTimeout
        self.commandTimeout = commandTimeout
    }
}

/// Why Redis gave no answer, or which error it answered.
public struct RedisError: Error, Sendable, CustomStringConvertible {
    /// An open set: new codes may come, so a `switch` needs a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }
        public static let connectionFailed = Self("connection_failed")
        public static let connectionLost = Self("connection_lost")
        public static let timeout = Self("timeout")
        /// Redis answered with an error; the message begins with its word, such as NOGROUP.
        public static let server = Self("server")
    }

    public let code: Code
    public let message: String

    public init(_ code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "redis \(code): \(message)" }
}

/// An answer of Redis (RESP 2).
public enum RedisValue: Sendable, Equatable {
    case null
    case integer(Int64)
    case text([UInt8])
    case array([RedisValue])
    /// Inside the answers of a pipeline or a transaction.
    case error(String)

    public var string: String? {
        if case .text(let bytes) = self { String(decoding: bytes, as: UTF8.self) } else { nil }
    }

    public var integer: Int64? {
        if case .integer(let number) = self { number } else { nil }
    }

    public var array: [RedisValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }
}
