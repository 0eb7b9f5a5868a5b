/// Why a request had no answer, or could not be made.
public struct OutgoingError: Error, Sendable, Equatable, CustomStringConvertible {
    public struct Code: Sendable, Hashable {
        let name: String

        /// The text is not an address that may be asked.
        public static let invalidAddress = Self(name: "invalid_address")
        /// The name stands for addresses inside only.
        public static let refusedAddress = Self(name: "refused_address")
        public static let nameNotFound = Self(name: "name_not_found")
        /// Nobody listens there, or the line broke before the answer was whole.
        public static let connection = Self(name: "connection")
        /// No encrypted connection, or a certificate that proves nothing.
        public static let encryption = Self(name: "encryption")
        public static let timeout = Self(name: "timeout")
        /// The head of the answer is longer than is read.
        public static let tooMuch = Self(name: "too_much")
        /// What came is not HTTP.
        public static let malformedAnswer = Self(name: "malformed_answer")
        /// As many requests are under way as there may be.
        public static let busy = Self(name: "busy")
        public static let cancelled = Self(name: "cancelled")
        /// The library refused a setting, or had no memory.
        public static let library = Self(name: "library")
    }

    public let code: Code
    /// For our own log: it may tell what stands inside.
    public let message: String

    public init(_ code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public var description: String { "\(code.name): \(message)" }
}
