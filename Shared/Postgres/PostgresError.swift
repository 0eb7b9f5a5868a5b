public import Primitives

/// Why a statement, a transaction or a connection failed.
public struct PostgresError: TransientError, Sendable, CustomStringConvertible {
    /// An open set: new codes may come, so a `switch` needs a default.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        public let description: String
        private init(_ description: String) { self.description = description }

        /// No connection could be made.
        public static let connectionFailed = Self("connection_failed")
        /// The line broke; what a statement in flight did is unknown.
        public static let connectionLost = Self("connection_lost")
        /// Every connection was busy for as long as a caller may wait.
        public static let poolExhausted = Self("pool_exhausted")
        public static let cancelled = Self("cancelled")
        public static let statementTimeout = Self("statement_timeout")
        public static let uniqueViolation = Self("unique_violation")
        public static let foreignKeyViolation = Self("foreign_key_violation")
        public static let checkViolation = Self("check_violation")
        /// Serialisation failure or deadlock: the transaction may be tried again from its beginning.
        public static let conflict = Self("conflict")
        public static let insufficientPrivilege = Self("insufficient_privilege")
        /// A value that Postgres cannot hold, such as text with a NUL.
        public static let invalidInput = Self("invalid_input")
        /// A column that is missing or of another form than the code expects.
        public static let decoding = Self("decoding")
        /// A migration that was changed after it ran, or that is unknown to this program.
        public static let migration = Self("migration")
        /// Anything else the server said.
        public static let server = Self("server")
    }

    public var code: Code
    /// What happened; never holds parameter values.
    public var message: String
    /// The server's five-character code, where it gave one.
    public var sqlState: String?
    /// The constraint that was violated.
    public var constraint: String?

    public init(_ code: Code, message: String, sqlState: String? = nil, constraint: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.constraint = constraint
    }

    /// Whether the same work may succeed a little later without anybody changing anything.
    public var isTransient: Bool {
        switch code {
        case .connectionFailed, .connectionLost, .poolExhausted, .conflict, .statementTimeout: true
        default: sqlState.map { $0.hasPrefix("53") || $0.hasPrefix("57P") } ?? false
        }
    }

    public var description: String {
        let state = sqlState.map { " [\($0)]" } ?? ""
        return "\(code)\(state): \(message)"
    }

    static func code(forState state: String) -> Code {
        switch state {
        case "23505": .uniqueViolation
        case "23503": .foreignKeyViolation
        case "23514", "23502": .checkViolation
        case "40001", "40P01": .conflict
        case "42501": .insufficientPrivilege
        case "57014": .statementTimeout
        case "22P02", "22021", "22P05", "22003", "22007", "22008": .invalidInput
        default: state.hasPrefix("08") || state.hasPrefix("57P") ? .connectionLost : .server
        }
    }
}
